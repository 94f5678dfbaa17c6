"""A random sample is drawn of the videos that have something to run."""

import pytest

from pipeline.replays.records import Replay
from tests.fakes.installation import House

OTHER = {"params": {"toy": {"text": "other"}}}


def test_a_sample_has_the_requested_size_and_only_videos_with_runs(house: House):
    ids = house.library(8)
    house.replay(videos=ids[:4], **OTHER)
    replay = house.replay(sample=3, dry_run=True, **OTHER)
    assert replay.sampled is not None
    assert len(replay.sampled) == 3
    assert set(replay.sampled) <= set(ids[4:])
    assert (replay.plan.videos, replay.plan.runs) == (3, 3)
    house.toy.seen.clear()
    house.replays.ask(replay.replay_id, "run")
    assert house.finish(replay).progress["toy"].ended == {"succeeded": 3}
    assert {house.text(vid) for vid in replay.sampled} == {"other"}
    assert len(house.toy.seen) == 3


def test_a_sample_larger_than_the_selection_is_all_of_it(house: House):
    house.library(2)
    assert house.replay(sample=5, dry_run=True, **OTHER).plan.runs == 2


def test_a_sample_of_no_videos_ends_the_replay(house: House):
    house.library(2)
    done = house.replay(sample=5)
    assert (done.state, done.plan.videos, done.sampled) == ("finished", 0, [])


def test_an_interrupted_draw_gives_the_same_sample(house: House, monkeypatch: pytest.MonkeyPatch):
    """Each step of the draw ends in a checkpoint; another driver continues from there."""
    house.library(9)
    replay = house.start(sample=4, dry_run=True, **OTHER)
    item = dict(house.table.items["#replays", replay.replay_id])
    whole = house.finish(replay).sampled
    house.table.items["#replays", replay.replay_id] = item
    house.replays.ask(replay.replay_id, "pause")
    monkeypatch.setattr("pipeline.replays.walker.STEP_S", -1)
    house.drive(3)
    middle = house.get(replay)
    assert not middle.drawn
    assert middle.sampled is not None
    assert len(middle.sampled) == 3
    assert house.finish(replay).sampled == whole


def test_another_replay_draws_another_sample(house: House):
    ids = house.library(12)

    def draw() -> tuple[str, ...]:
        replay: Replay = house.replay(sample=4, dry_run=True, **OTHER)
        return tuple(replay.sampled or ())

    drawn = {draw() for _ in range(5)}
    assert len(drawn) > 1
    assert set().union(*drawn) <= set(ids)
