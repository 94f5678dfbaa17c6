"""The verdicts and reasons of a plan, and their execution."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import BadInput, LimitExceeded, Lost, MissingDependency
from pipeline.core.records import Video
from pipeline.replays.records import Plan
from pipeline.replays.tally import Tally
from pipeline.replays.verdict import Judged
from pipeline.stages.models import registry, weights
from tests.fakes import toystage
from tests.fakes.claims import claim_run
from tests.fakes.installation import House, ToyStage, event_of, fail
from tests.fakes.models import place


def plan(house: House, stage: str = "toy", **request: Any) -> tuple[dict[str, int], dict[str, int]]:
    """Return verdicts on a stage, with reasons."""
    replay = house.replay(dry_run=True, **request)
    assert replay.state == "planned"
    assert replay.plan.complete
    row = replay.plan.stages[stage]
    return dict(row.verdicts), row.because


def test_an_up_to_date_result_is_current(house: House):
    house.library(2)
    assert plan(house) == ({"current": 2}, {})


def test_changed_parameters_are_named_with_old_and_new_values(house: House):
    house.library(2)
    assert plan(house, params={"toy": {"text": "x", "repeat": 3}}) == (
        {"run": 2},
        {"repeat: 1 → 3, text: hello → x": 2},
    )


def test_other_code_and_another_model_are_reasons(house: House):
    house.library(1)
    house.toy.VERSION = "2"
    assert plan(house) == ({"run": 1}, {"code: 1 → 2": 1})
    house.toy.VERSION = "1"
    house.toy.identity_ = {"model": "new"}
    assert plan(house) == ({"run": 1}, {"model: - → new": 1})


def test_results_of_a_demonstration_model_are_outdated_once_a_real_one_is_here(
    house: House, model_host: Any, tmp_path: Path
):
    def identity() -> dict[str, str]:
        model = weights.choose("auto", "speech")
        return {"model": model, "sha256": weights.digest(model)}

    model_host(model_dir=tmp_path, device="cpu")
    house.toy.identity_ = identity()
    house.library(2)
    assert plan(house) == ({"current": 2}, {})
    place(registry.models()["base"], tmp_path)
    house.toy.identity_ = identity()
    verdicts, because = plan(house)
    assert verdicts == {"run": 2}
    assert "model: whisper-shapes → base" in "".join(because)


def test_the_operators_setting_counts_and_the_uploaders_option_wins_over_it(house: House):
    house.library(1)
    house.process("own.mp4", options={"toy-text": "mine"})
    house.config = house.config.model_copy(update={"params": {"toy": {"text": "operator"}}})
    verdicts, because = plan(house)
    assert verdicts == {"run": 1, "current": 1}
    assert because == {"text: hello → operator": 1}


def test_a_stored_result_is_reused(house: House):
    house.library(1)
    house.replay(params={"toy": {"text": "x"}})
    assert plan(house, reset=True) == ({"reuse": 1}, {"text: x → hello": 1})


def test_a_later_replay_keeps_the_settings_of_an_earlier_one(house: House):
    (vid,) = house.library(1)
    house.replay(params={"toy": {"text": "x"}})
    assert plan(house) == ({"current": 1}, {})
    house.toy.VERSION = "2"
    house.replay(params={"toy": {"repeat": 2}})
    assert house.text(vid) == "xx"
    assert house.state(vid).given == {"text": "x", "repeat": 2}
    house.replay(reset=True)
    assert (house.text(vid), house.state(vid).given) == ("hello", {})
    assert plan(house) == ({"current": 1}, {})


def test_the_settings_of_a_replay_go_with_its_version(house: House):
    (vid,) = house.library(1)
    house.replay(params={"toy": {"text": "x"}})
    house.catalog.promote(vid, house.state(vid), house.catalog.results.all(vid, "toy")[0])
    assert house.text(vid) == "hello"
    assert plan(house) == ({"current": 1}, {})


def test_an_upload_event_that_comes_again_keeps_the_settings(house: House):
    body = house.upload("a")
    house.run("toy", body)
    house.run("twin", body)
    house.replay(params={"toy": {"text": "x"}})
    house.run("toy", body.replace('"id": "', '"id": "again-', 1))
    assert house.text(event_of(body).video_id) == "x"


def test_a_result_of_another_video_with_the_same_bytes_is_reused_as_planned(house: House):
    change = {"params": {"toy": {"text": "x"}}}
    one, two = (house.process(name, body=b"the same") for name in ("one", "two"))
    assert len(house.toy.seen) == 1
    house.replay(videos=[one], **change)
    assert plan(house, **change) == ({"reuse": 1, "current": 1}, {"text: hello → x": 1})
    done = house.replay(**change)
    assert done.progress["toy"].ended == {"reused": 1}
    assert (done.spent.usd, len(house.toy.seen)) == (0, 2)
    assert house.text(two) == "x"


def test_a_plan_of_an_installation_that_keeps_its_videos_apart_has_no_reuse(house: House):
    house.config = house.config.model_copy(update={"share_results": False})
    change = {"params": {"toy": {"text": "x"}}}
    one, two = (house.process(name, body=b"the same") for name in ("one", "two"))
    house.replay(videos=[one], **change)
    assert plan(house, videos=[two], **change)[0] == {"run": 1}


def test_a_stage_that_the_uploader_excluded_stays_excluded(house: House):
    vid = house.process("a", options={"stages": "twin"})
    assert house.state(vid).state == "skipped"
    assert plan(house, params={"toy": {"text": "x"}}) == ({"left_out": 1}, {})


def test_pending_and_running_runs_are_in_progress(house: House):
    house.process("a", stages=("twin",))
    assert plan(house) == ({"in_progress": 1}, {})
    body = house.upload("b")
    house.catalog.record_upload(event_of(body), patience_s=60)
    claim_run(house.catalog.runs, event_of(body), "toy", event_id="e", lease_s=60)
    assert plan(house) == ({"in_progress": 2}, {})


def test_other_stages_are_not_selected(house: House):
    house.library(1)
    assert plan(house, stages=["twin"]) == ({"not_selected": 1}, {})
    assert plan(house, "twin", stages=["twin"]) == ({"current": 1}, {})


def test_outdated_excludes_failed_runs_and_those_that_never_ran(house: House):
    house.library(1)
    house.toy.run_ = fail(MissingDependency("no_model", "no"))
    house.process("failed")
    house.toy.run_ = toystage.run
    body = house.upload("pending")
    house.catalog.record_upload(event_of(body), patience_s=60)
    house.toy.VERSION = "2"
    assert plan(house, outdated=True) == ({"run": 1, "not_selected": 2}, {"code: 1 → 2": 1})


@pytest.mark.parametrize("error", [BadInput("no_video", "no"), LimitExceeded("too_long", "no")])
def test_a_permanent_failure_is_hopeless_unless_its_class_is_selected(
    house: House, error: Exception
):
    house.toy.run_ = fail(error)
    vid = house.process("a")
    failure = house.state(vid).error
    assert failure is not None
    why = {f"failed: {failure.failure_class}/{failure.code}": 1}
    assert plan(house) == ({"hopeless": 1}, why)
    assert plan(house, failure_class=failure.failure_class) == ({"run": 1}, why)
    assert plan(house, status="partial") == ({"run": 1}, why)


def test_changed_parameters_retry_a_permanent_failure(house: House):
    house.toy.run_ = fail(BadInput("no_video", "no"))
    house.process("a")
    because = {"failed: bad_input/no_video": 1}
    assert plan(house, params={"toy": {"text": "x"}}) == ({"run": 1}, because)


def test_a_file_that_is_no_media_is_not_run_again_by_a_changed_parameter(house: House):
    house.toy.run_ = fail(BadInput("not_media", "no"))
    house.process("a")
    because = {"failed: bad_input/not_media": 1}
    change = {"params": {"toy": {"text": "x"}}}
    assert plan(house, **change) == ({"hopeless": 1}, because)
    assert plan(house, failed=True, **change) == ({"run": 1}, because)


def test_failed_selects_failed_stages_of_every_class_and_no_others(house: House):
    house.library(1)
    house.toy.run_ = fail(BadInput("no_video", "no"))
    house.process("a")
    assert plan(house, failed=True)[0] == {"run": 1, "not_selected": 1}
    assert plan(house, "twin", failed=True)[0] == {"not_selected": 2}


def test_a_temporary_failure_is_retried(house: House):
    house.toy.run_ = fail(MissingDependency("no_model", "no"))
    house.process("a")
    assert plan(house) == ({"run": 1}, {"failed: dependency/no_model": 1})


def test_the_reason_of_a_failure_after_a_success_is_the_failure(house: House):
    (vid,) = house.library(1)
    house.toy.run_ = fail(MissingDependency("no_model", "no"))
    house.replay(params={"toy": {"text": "x"}})
    assert house.text(vid) == "hello"
    assert plan(house, params={"toy": {"text": "x"}}) == (
        {"run": 1},
        {"failed: dependency/no_model": 1},
    )
    assert plan(house) == ({"reuse": 1}, {"failed: dependency/no_model": 1})


def test_an_invalid_option_blocks_only_its_video(house: House):
    house.library(1)
    house.process("bad", options={"toy-repeat": "99"})
    verdicts, because = plan(house, params={"toy": {"text": "x"}})
    assert verdicts == {"run": 1, "blocked": 1}
    assert len(because) == 2


def test_a_missing_model_blocks(house: House):
    house.library(1)

    def missing(_: Any) -> dict[str, str]:
        raise MissingDependency("no_weights", "The weights are not there.")

    house.toy.identity = missing
    assert plan(house) == ({"blocked": 1}, {"The weights are not there.": 1})
    assert plan(house, "twin") == ({"current": 1}, {})


def test_a_source_that_was_replaced_before_it_was_read_is_in_progress(house: House):
    body = house.upload("a", body=b"one")
    house.catalog.record_upload(event_of(body), patience_s=60)
    house.upload("a", body=b"two")  # its event is not here yet
    assert plan(house) == ({"in_progress": 1}, {})


def test_a_source_that_is_gone_blocks(house: House):
    body = house.upload("a")
    house.catalog.record_upload(event_of(body), patience_s=60)
    house.s3.objects.clear()
    verdicts, because = plan(house)
    assert verdicts == {"blocked": 1}
    assert "was deleted" in next(iter(because))


def test_planning_reads_nothing_from_s3_for_videos_with_recorded_metadata(house: House):
    house.library(3)
    house.faults.arm("driver")
    house.s3.objects.clear()
    assert plan(house)[0] == {"current": 3}


def test_a_wrong_request_fails_as_a_whole(house: House):
    house.library(1)
    for request in ({"stages": ["nonsense"]}, {"params": {"toy": {"repeat": 99}}}):
        replay = house.replay(**request)
        assert replay.state == "failed"
        assert replay.reason
        assert house.requests() == []


def test_reasons_are_bounded_in_number_and_length(house: House):
    judged = Judged(
        Video.model_construct(video_id="v", stages={}),
        "toy",
        "blocked",
        "x" * 10_000,
    )
    tally: Any = Tally(Plan(), house.estimator)
    for number in range(100):
        tally.add([Judged(judged.video, "toy", "blocked", f"{number} {judged.because}")])
    row = tally.plan(complete=False).stages["toy"]
    assert len(row.because) <= 21
    assert sum(row.because.values()) == 100
    assert max(map(len, row.because)) < 1000
    again: Any = Tally(Plan(stages={"toy": row}), house.estimator)
    again.add([Judged(judged.video, "toy", "blocked", "one more")])
    assert len(again.plan(complete=True).stages["toy"].because) <= 21


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"params": {"toy": {"text": "x"}}},
        {"params": {"toy": {"text": "x"}, "twin": {"repeat": 2}}},
        {"stages": ["twin"], "params": {"twin": {"text": "x"}}},
        {"outdated": True},
        {"failure_class": "bad_input"},
        {"failure_class": "lost"},
        {"status": "partial"},
        {"status": "ready", "params": {"toy": {"text": "seen"}}},
        {"label": "seen", "params": {"toy": {"text": "x"}}},
        {"videos": "all", "params": {"toy": {"text": "x"}}},
        {"sample": 2, "params": {"twin": {"text": "x"}}},
    ],
    ids=str,
)
@pytest.mark.parametrize("window", [1, 200])
def test_a_plan_matches_its_execution(house: House, request_: dict[str, Any], window: int):
    """Current, stored, failed, lost, left out, outdated and blocked ones, all in one library."""
    ids = house.library(2)
    house.replay(videos=ids[:1], params={"toy": {"text": "seen"}})
    house.process("left out", options={"stages": "toy"})
    house.process("blocked", options={"twin-repeat": "99"})
    house.toy.run_ = house.twin.run_ = fail(BadInput("no_video", "no"))
    ids.append(house.process("fails in both"))
    house.twin.run_ = toystage.run
    house.process("fails in one")
    house.toy.run_ = toystage.run
    body = house.upload("lost")
    house.run("twin", body)
    run = claim_run(house.catalog.runs, event_of(body), "toy", event_id="e", lease_s=60)
    house.catalog.runs.fail_lost(event_of(body).video_id, run, Lost("lost", "no"))
    house.toy.VERSION = "2"
    if "videos" in request_:
        request_ = request_ | {"videos": ids}
    before = {name: list(stage.seen) for name, stage in house.modules.items()}
    house.table.updates.clear()

    dry = house.replay(dry_run=True, **request_)
    assert {name: stage.seen for name, stage in house.modules.items()} == before
    house.replays.ask(dry.replay_id, "run")
    done = house.finish(dry, window=window)

    assert done.state == "finished"
    assert done.plan == dry.plan
    for name in house.modules:
        verdicts = dry.plan.stages[name].verdicts if name in dry.plan.stages else {}
        ran = len(house.modules[name].seen) - len(before[name])
        ended = done.progress[name].ended if name in done.progress else {}
        assert ran == verdicts.get("run", 0) == ended.get("succeeded", 0), name
        assert verdicts.get("reuse", 0) == ended.get("reused", 0), name
        assert sum(ended.values()) == ran + verdicts.get("reuse", 0), name
    again = house.replay(**request_)
    assert again.plan.runs == 0 or "sample" in request_ or "failure_class" in request_


def test_the_price_of_a_plan_is_of_its_runs_only(house: House):
    ids = house.library(3)
    house.replay(videos=ids[:1], params={"toy": {"text": "x"}})
    house.replay(videos=ids[:1], reset=True)
    replay = house.replay(dry_run=True, params={"toy": {"text": "x"}})
    row = replay.plan.stages["toy"]
    assert row.verdicts == {"run": 2, "reuse": 1}
    assert (row.estimate.usd, row.measured) == (2, 2)
    assert (replay.plan.estimate.seconds, replay.plan.estimate.gpu_seconds) == (4, 2)
    assert replay.plan.prices == "test prices"


def test_models_are_looked_up_once_for_equal_parameters(house: House):
    house.library(5)
    asked: list[Any] = []

    def identity(params: Any) -> dict[str, str]:
        asked.append(params)
        return {}

    toy: ToyStage = house.toy
    toy.identity = identity
    plan(house, stages=["toy"])
    assert len(asked) == 1
