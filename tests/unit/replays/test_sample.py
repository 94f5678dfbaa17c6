"""A sample is drawn by lot among the videos that have something to run."""

import pytest

from pipeline.replays.records import Replay
from tests.fakes.installation import House

OTHER = {"params": {"toy": {"text": "other"}}}


def test_it_is_exactly_as_large_as_asked_and_only_of_those_with_something_to_run(house: House):
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


def test_of_fewer_than_asked_all_are_drawn(house: House):
    house.library(2)
    assert house.replay(sample=5, dry_run=True, **OTHER).plan.runs == 2


def test_of_none_the_replay_is_over(house: House):
    house.library(2)
    done = house.replay(sample=5)
    assert (done.state, done.plan.videos, done.sampled) == ("finished", 0, [])


def test_stopped_in_the_middle_of_the_draw_the_same_are_drawn(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    """Each step of the draw ends in a checkpoint; another driver goes on from there."""
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


def test_another_replay_draws_others(house: House):
    ids = house.library(12)

    def draw() -> tuple[str, ...]:
        replay: Replay = house.replay(sample=4, dry_run=True, **OTHER)
        return tuple(replay.sampled or ())

    drawn = {draw() for _ in range(5)}
    assert len(drawn) > 1
    assert set().union(*drawn) <= set(ids)
