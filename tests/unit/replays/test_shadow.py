"""Shadow runs: computed, compared, and without an effect on current results."""

import json
from pathlib import Path

import pytest

from pipeline.aws.catalog import listing
from pipeline.core.errors import DependencyFailed, MissingDependency
from pipeline.core.stage import Artifact, Report, Result, Source
from pipeline.replays.records import Replay
from pipeline.runs.delivery import Outcome
from pipeline.stages.transcribe.transcript import ModelName, Segment, Transcript
from tests.fakes.claims import claim_run
from tests.fakes.installation import House, fail
from tests.fakes.toystage import Params

TRIAL = {"params": {"toy": {"text": "trial"}}, "shadow": True}


def seen(house: House, vid: str) -> str:
    """Return all that the API shows of a video."""
    video = house.video(vid)
    stages = {name: run.model_dump_json() for name, run in video.stages.items()}
    labels = {
        label: list(house.catalog.timeline.newest(label=label)) for label in ("hello", "trial")
    }
    return json.dumps([stages, labels, video.status, video.labels])


def speaking(_source: Source, params: Params, work: Path, _report: Report) -> Result:
    """Write a transcript of one word."""
    said = Segment(text=params.text, start=0, end=1, probability=1)
    model = ModelName(name="m", sha256="0", engine="e", engine_version="1")
    transcript = Transcript(
        task="transcribe",
        language="en",
        language_probability=1,
        duration=1,
        model=model,
        segments=[said],
    )
    (work / "t.json").write_text(transcript.model_dump_json())
    artifact = Artifact(name="t.json", media_type="application/json", role="transcript_json")
    return Result(artifacts=[artifact], summary={}, labels=[])


def test_a_shadow_run_changes_nothing_in_the_views(house: House):
    ids = house.library(2)
    before = [seen(house, vid) for vid in ids]
    done = house.replay(**TRIAL)
    assert done.progress["toy"].ended == {"succeeded": 2}
    assert [seen(house, vid) for vid in ids] == before
    assert [
        video
        for _, video in listing.read(house.catalog, house.catalog.timeline.newest(label="trial"))
    ] == []


def test_the_result_is_stored_and_can_be_promoted(house: House):
    (vid,) = house.library(1)
    house.replay(**TRIAL)
    (trial,) = (
        one for one in house.catalog.results.all(vid, "toy") if one.params["text"] == "trial"
    )
    house.catalog.promote(vid, house.state(vid), trial)
    assert house.text(vid) == "trial"
    assert house.replay(params=TRIAL["params"]).plan.stages["toy"].verdicts == {"current": 1}


def test_a_regular_replay_reuses_the_result_of_a_shadow_run(house: House):
    house.library(2)
    house.replay(**TRIAL)
    house.toy.seen.clear()
    done = house.replay(params=TRIAL["params"])
    assert done.progress["toy"].ended == {"reused": 2}
    assert done.spent.usd == 0
    assert house.toy.seen == []


def test_a_result_is_reused_if_another_run_computed_it(house: House):
    """A shadow's attempts are counted separately, so equal numbers may be of different runs."""
    house.library(1)
    house.replay(shadow=True, params={"toy": {"text": "a"}})
    house.replay(shadow=True, params={"toy": {"text": "b"}})
    done = house.replay(params={"toy": {"text": "b"}})
    assert done.progress["toy"].ended == {"reused": 1}
    assert done.spent.usd == 0


def test_a_shadow_run_and_a_regular_run_never_write_to_one_folder(house: House):
    house.library(1)
    house.replay(shadow=True, params={"toy": {"text": "a"}})
    text = {"toy": {"text": "b"}}
    one, two = house.start(shadow=True, params=text), house.start(params=text)
    house.drive(4)
    places: list[str] = []
    publish = house.artifacts.publish

    def watched(prefix: str, *rest: object) -> object:
        places.append(prefix)
        return publish(prefix, *rest)

    house.artifacts.publish = watched
    # Both look for a stored result before either has stored one.
    house.catalog.results.get = lambda *_: None
    house.work()
    assert len(places) == len(set(places)) == 2
    del house.catalog.results.get
    for replay in (one, two):
        assert house.finish(replay).state == "finished"


def test_a_second_shadow_run_reuses_the_first(house: House):
    house.library(2)
    house.replay(**TRIAL)
    house.toy.seen.clear()
    done = house.replay(**TRIAL)
    assert done.plan.stages["toy"].verdicts == {"reuse": 2}
    assert done.progress["toy"].ended == {"reused": 2}
    assert house.toy.seen == []
    assert done.comparison is not None
    assert done.comparison.results == 2


def test_the_differences_add_up(house: House):
    house.library(12)  # more than are compared in one step
    done = house.replay(**TRIAL)
    total = done.comparison
    assert total is not None
    assert total.results == 12
    assert (total.labels_gained, total.labels_lost) == (12, 12)
    assert {name: (one.gained, one.lost) for name, one in total.labels.items()} == {
        "hello": (0, 12),
        "trial": (12, 0),
    }
    assert total.stages["toy"].results == 12
    assert total.stages["toy"].bytes.before == total.stages["toy"].bytes.after == 5 * 12


def test_comparing_many_is_done_in_steps_with_a_checkpoint_after_each(house: House):
    house.library(12)
    replay = house.start(**TRIAL)
    house.drive(2)
    house.work()
    house.drive()
    now = house.get(replay)
    assert now.comparison is not None
    assert (now.comparison.results, now.ended, len(now.open)) == (10, 10, 2)


def test_a_stage_without_a_current_result_is_not_compared(house: House):
    house.process("a", stages=("twin",))
    plan = house.replay(dry_run=True, **TRIAL).plan
    assert plan.stages["toy"].verdicts == {"not_selected": 1}


def test_a_run_in_progress_does_not_delay_a_shadow_run(house: House):
    (vid,) = house.library(1)
    run = claim_run(house.catalog.runs, house.video(vid).upload, "toy", event_id="e", lease_s=60)
    assert run.state == "running"
    done = house.replay(**TRIAL)
    assert done.progress["toy"].ended == {"succeeded": 1}
    assert house.state(vid).attempt == run.attempt
    assert house.state(vid).state == "running"


def test_a_shadow_run_of_a_current_result_runs_nothing(house: House):
    house.library(1)
    assert house.replay(shadow=True).plan.stages["toy"].verdicts == {"current": 1}


def test_a_failed_shadow_run_does_not_fail_its_video(house: House):
    (vid,) = house.library(1)
    before = seen(house, vid)
    house.toy.run_ = fail(MissingDependency("no_model", "no"))
    done = house.replay(**TRIAL)
    assert done.progress["toy"].ended == {"failed": 1}
    assert done.comparison is None
    assert seen(house, vid) == before
    assert list(house.catalog.runs.failed("dependency")) == []


def test_a_killed_shadow_run_is_retried_and_a_lost_one_ended(house: House):
    (vid,) = house.library(1)
    replay = house.start(**TRIAL)
    house.drive(2)
    upload = house.video(vid).upload
    event_id = f"replay:{replay.replay_id}"
    claim_run(house.catalog.shadows, upload, "toy", event_id=event_id, lease_s=-1)
    assert house.work() == [Outcome.SUCCEEDED]

    second = house.start(params={"toy": {"text": "second"}}, shadow=True)
    house.drive(4)
    house.lane("toy").clear()
    event_id = f"replay:{second.replay_id}"
    claim_run(house.catalog.shadows, upload, "toy", event_id=event_id, lease_s=-1)
    assert house.janitor().tidy() == 1
    for one, ended in ((replay, {"succeeded": 1}), (second, {"lost": 1})):
        assert house.finish(one).progress["toy"].ended == ended
    assert house.state(vid).state == "succeeded"


def test_a_current_result_without_files_does_not_delay_the_shadow_run(house: House):
    house.toy.run_ = speaking
    ids = house.library(2)
    gone = house.state(ids[0]).current_result
    assert gone
    for key in [key for key in house.s3.objects if key[1].startswith(gone.prefix)]:
        del house.s3.objects[key]
    done = house.replay(**TRIAL)
    assert done.state == "finished"
    assert done.progress["toy"].ended == {"succeeded": 2}
    assert done.comparison is not None
    assert done.comparison.results == 1


def test_a_temporary_failure_of_s3_skips_no_comparison(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    house.toy.run_ = speaking
    house.library(1)
    replay = house.start(**TRIAL)
    house.drive(2)
    house.work()
    with monkeypatch.context() as patch:
        patch.setattr(house.artifacts, "read", fail(DependencyFailed("aws_error", "no")))
        with pytest.raises(DependencyFailed):
            house.drive()
    house.lose_seat(replay)
    house.replays.wake_overdue()
    done = house.finish(replay)
    assert done.comparison is not None
    assert (done.comparison.results, done.comparison.wer) == (1, 1.0)


@pytest.mark.parametrize("name", ["toy", "twin"])
def test_a_shadow_run_of_a_sample(house: House, name: str):
    house.library(5)
    done: Replay = house.replay(sample=2, shadow=True, params={name: {"text": "trial"}})
    assert done.progress[name].ended == {"succeeded": 2}
    assert done.comparison is not None
    assert done.comparison.results == 2
