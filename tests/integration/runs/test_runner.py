"""One stage for one event: runs, reused results and their records."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import pipeline
from pipeline.aws import clients as aws
from pipeline.aws.announce import Announcer
from pipeline.core.errors import BadInput, MissingDependency
from pipeline.core.stage import Artifact, Report, Result, Source
from pipeline.media import ffmpeg
from pipeline.runs.delivery import Delivery, Outcome, Retry
from pipeline.runs.waits import FIRST_RETRY_S
from tests.fakes import aws_events
from tests.fakes.calls import counted
from tests.fakes.claims import claim_run
from tests.fakes.rig import Rig, janitor, upload_of

# -- a good run ----------------------------------------------------------------------------------


def test_a_dropped_video_is_processed_and_recorded(rig: Rig):
    body = rig.put(b"content", "videos/my+film 100%.mp4")
    assert rig.handle(body) is Outcome.SUCCEEDED
    video = rig.video(body)
    run = video.stages["toy"]
    assert (run.state, run.progress, run.tries, run.attempt) == ("succeeded", 100, 0, 1)
    assert run.event_id == "event-1"
    assert None not in (run.queued_at, run.started_at, run.finished_at)
    result = run.current_result
    assert result is not None
    assert result.summary == {"name": "my+film 100%.mp4", "bytes": 7}
    assert result.labels == ["hello"]
    assert result.params == {"text": "hello", "repeat": 1}
    assert (result.cost.bytes_in, result.cost.bytes_out) == (7, 5)
    assert result.cost.seconds > 0
    assert video.probe is not None
    assert rig.text(result) == "hello"


def test_the_manifest_records_the_origin_of_a_result(rig: Rig):
    rig.stage.identity_ = lambda _: {"model": "tiny", "sha256": "00"}
    body = rig.put(**{"videodrop-toy-text": "words"})
    rig.handle(body)
    upload, result = upload_of(body), rig.state(body).current_result
    assert result is not None
    assert result.prefix == (
        f"artifacts/{upload.video_id}/{upload.revision}/toy/{result.fingerprint}/1/"
    )
    manifest = rig.manifest(result)
    expected = {
        "videodrop": pipeline.__version__,
        "video_id": upload.video_id,
        "source": upload.model_dump(mode="json"),
        "revision": upload.revision,
        "event_id": "event-1",
        "stage": "toy",
        "stage_version": "1",
        "fingerprint": result.fingerprint,
        "attempt": 1,
        "params": {"text": "words", "repeat": 1},
        "identity": {"model": "tiny", "sha256": "00"},
        "tools": {"ffmpeg": ffmpeg.version()},
        "labels": ["words"],
        "warnings": [],
    }
    assert {name: manifest[name] for name in expected} == expected
    assert [(f["name"], f["sha256"]) for f in manifest["files"]] == [
        ("toy.txt", sha256(b"words").hexdigest())
    ]


def test_an_uploaders_file_name_never_becomes_a_path(rig: Rig):
    paths: list[Path] = []

    def run(source: Source, _params: Any, work: Path, _report: Report) -> Result:
        paths.append(source.path)
        assert not any(work.iterdir())
        return Result(artifacts=[])

    rig.stage.run_ = run
    rig.handle(rig.put(key="videos/-i;../$(x).mp4"))
    assert [path.name for path in paths] == ["source"]
    assert not any(rig.config.scratch.iterdir())


def test_a_role_with_a_thousand_files_stays_out_of_the_record(rig: Rig):
    def run(_source: Source, _params: Any, work: Path, _report: Report) -> Result:
        names = [f"{n}.m4s" for n in range(20)]
        for name in [*names, "master.m3u8"]:
            (work / name).touch()
        segments = [Artifact(name=n, media_type="video/mp4", role="segment") for n in names]
        master = Artifact(name="master.m3u8", media_type="text/plain", role="hls_master")
        return Result(artifacts=[*segments, master])

    rig.stage.run_ = run
    body = rig.put()
    rig.handle(body)
    result = rig.state(body).current_result
    assert result is not None
    assert [one.role for one in result.artifacts] == ["hls_master"]
    assert len(rig.manifest(result)["files"]) == 21
    assert rig.video(body).playable


def test_parameters_of_uploader_and_request_override_the_operators(rig: Rig):
    params = {"toy": {"text": "operator", "repeat": 2}}
    body = rig.put(**{"videodrop-toy-text": "uploader"})
    rig.handle(body, params=params)
    assert rig.text(rig.state(body).current_result) == "uploader" * 2
    vid = upload_of(body).video_id
    rig.handle(aws_events.reprocess(vid, "toy", {"text": "request"}), params=params)
    assert rig.text(rig.state(body).current_result) == "request" * 2


def test_warming_up_uses_the_operators_parameters(rig: Rig):
    rig.runner(params={"toy": {"text": "warm"}}).warm_up()
    assert [params.text for params in rig.stage.warmed] == ["warm"]


def test_a_run_is_read_once_an_event(rig: Rig):
    body, runner = rig.put(), rig.runner()
    with counted() as calls:
        assert runner.handle(body, Delivery(60)) is Outcome.SUCCEEDED
    assert calls["BatchGetItem"] == 1
    with counted() as calls:
        assert runner.handle(body, Delivery(60)) is Outcome.CURRENT
    # Its event is sent again: the process that ended the run may have died before it was.
    assert calls == {"BatchGetItem": 1, "HeadObject": 1, "PutEvents": 1}


def test_the_first_run_of_a_stage_uses_the_result_that_a_shadow_run_has_made(rig: Rig):
    body = rig.put()
    rig.catalog.record_upload(upload_of(body), patience_s=60)
    request = json.loads(aws_events.reprocess(upload_of(body).video_id, "toy", event_id="s"))
    request["detail"]["shadow"] = True
    assert rig.handle(json.dumps(request)) is Outcome.SUCCEEDED
    assert rig.handle(body) is Outcome.REUSED
    assert rig.stage.runs == 1


# -- options through real metadata ---------------------------------------------------------------


def test_an_excluded_stage_is_skipped_without_its_model(rig: Rig):
    def no_model(_params: Any) -> dict[str, str]:
        raise MissingDependency("no_model", "There is no model.")

    rig.stage.identity_ = no_model
    body = rig.put(**{"videodrop-stages": "twin"})
    assert rig.handle(body) is Outcome.SKIPPED
    assert rig.state(body).state == "skipped"
    assert rig.stage.runs == 0


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({"videodrop-stages": "paint"}, "one or more of toy, twin"),
        ({"videodrop-colour": "red"}, "no option videodrop-colour"),
        ({"videodrop-toy-size": "1"}, "toy has no parameter size"),
        ({"videodrop-toy-repeat": "11"}, "repeat: .*less than or equal to 10"),
        ({"videodrop-toy-repeat": "many"}, "repeat: .*integer"),
    ],
)
def test_a_wrong_option_fails_the_run_and_is_named(rig: Rig, metadata: dict[str, str], says: str):
    body = rig.put(**metadata)
    assert rig.handle(body) is Outcome.FAILED
    error = rig.state(body).error
    assert error is not None
    assert (error.failure_class, error.code) == ("bad_input", "bad_option")
    with pytest.raises(BadInput, match=says):
        raise BadInput(error.code, error.message)
    assert rig.stage.runs == 0


# -- reuse ---------------------------------------------------------------------------------------


def test_a_message_delivered_again_changes_nothing(rig: Rig):
    body = rig.put()
    rig.handle(body)
    before, keys = rig.state(body), rig.stored()
    assert rig.handle(body) is Outcome.CURRENT
    assert (rig.state(body), rig.stored(), rig.stage.runs) == (before, keys, 1)


def test_a_failed_run_is_not_repeated_by_its_own_message(rig: Rig):
    body = rig.put(**{"videodrop-toy-repeat": "0"})
    rig.handle(body)
    before = rig.state(body)
    assert rig.handle(body) is Outcome.CURRENT
    assert rig.state(body) == before


def test_a_request_for_the_current_result_writes_nothing(rig: Rig):
    body = rig.put()
    rig.handle(body)
    before = rig.state(body)
    assert rig.reprocess(body) is Outcome.CURRENT
    assert (rig.state(body), rig.stage.runs) == (before, 1)


def test_other_parameters_run_and_the_former_are_found_again(rig: Rig):
    body = rig.put()
    rig.handle(body)
    first = rig.state(body).current_result
    assert rig.reprocess(body, "2", text="other") is Outcome.SUCCEEDED
    assert rig.text(rig.state(body).current_result) == "other"
    assert rig.text(first) == "hello"
    assert rig.reprocess(body, "3") is Outcome.CURRENT  # what was set stays
    assert rig.reprocess(body, "4", reset=True) is Outcome.REUSED
    assert rig.state(body).current_result == first
    assert rig.stage.runs == 2
    assert len(list(rig.catalog.timeline.newest(label="hello"))) == 1
    assert list(rig.catalog.timeline.newest(label="other")) == []


@pytest.mark.parametrize("change", ["version", "model"])
def test_other_code_or_another_model_runs_again(rig: Rig, change: str):
    body = rig.put()
    rig.handle(body)
    if change == "version":
        rig.stage.VERSION = "2"
    else:
        rig.stage.identity_ = lambda _: {"sha256": "01"}
    assert rig.reprocess(body) is Outcome.SUCCEEDED
    assert rig.stage.runs == 2


def test_the_same_bytes_uploaded_again_are_not_processed_again(rig: Rig):
    rig.handle(rig.put(b"same"))
    body = rig.put(b"same")
    assert rig.handle(body) is Outcome.REUSED
    result = rig.state(body).current_result
    assert result
    assert f"/{upload_of(body).revision}/" in result.prefix, "it has files of its own"
    assert rig.text(result) == "hello"
    assert rig.handle(rig.put(b"else")) is Outcome.SUCCEEDED
    assert rig.stage.runs == 2


def test_the_same_bytes_uploaded_again_keep_their_duration_and_size(rig: Rig):
    first = rig.put(b"same")
    rig.handle(first)
    again = rig.put(b"same", **{"videodrop-toy-repeat": "1"})
    assert rig.handle(again) is Outcome.REUSED
    assert rig.video(again).probe is not None
    assert rig.video(again).metadata == {"videodrop-toy-repeat": "1"}
    # Also after other bytes, whose own probe is replaced.
    rig.handle(rig.put(b"other bytes"))
    once_more = rig.put(b"same")
    assert rig.handle(once_more) is Outcome.REUSED
    probe = rig.video(once_more).probe
    assert probe is not None
    assert (probe.duration_s, probe.size_bytes) == (1, 4)


def test_a_result_whose_files_are_gone_is_made_again(rig: Rig):
    body = rig.put()
    rig.handle(body)
    rig.reprocess(body, "2", text="other")
    bucket = rig.config.names.artifacts_bucket
    for key in rig.stored():
        aws.client("s3").delete_object(Bucket=bucket, Key=key)
    assert rig.reprocess(body, "3", reset=True) is Outcome.SUCCEEDED
    assert rig.text(rig.state(body).current_result) == "hello"


def test_an_event_replayed_by_an_archive_applies_changed_settings(rig: Rig):
    body = rig.put()
    rig.handle(body)
    replayed = body.replace('"version"', '"replay-name": "monday", "version"', 1)
    assert rig.handle(replayed, params={"toy": {"text": "new"}}) is Outcome.SUCCEEDED
    assert rig.text(rig.state(body).current_result) == "new"


# -- order ---------------------------------------------------------------------------------------


def test_an_earlier_upload_that_comes_late_is_superseded(rig: Rig):
    early, late = rig.put(b"1"), rig.put(b"2")
    rig.handle(late)
    before = rig.state(late)
    assert rig.handle(early) is Outcome.SUPERSEDED
    assert rig.state(late) == before


def test_a_source_replaced_before_it_is_read_is_superseded(rig: Rig):
    early, late = rig.put(b"1"), rig.put(b"2")
    assert rig.handle(early) is Outcome.SUPERSEDED
    assert rig.state(early).state == "superseded"
    assert rig.video(early).status == "processing"
    assert rig.handle(late) is Outcome.SUCCEEDED


def test_a_source_replaced_while_it_is_planned_is_superseded(rig: Rig):
    early = rig.put(b"1")
    # Another stage has recorded the metadata, so this one reads the source after its plan.
    rig.catalog.record_upload(upload_of(early), patience_s=60, metadata=dict)
    rig.stage.identity_ = lambda _: {"etag": rig.put(b"2")}
    assert rig.handle(early) is Outcome.SUPERSEDED
    assert rig.stage.runs == 0


def test_a_source_deleted_before_it_is_read_is_the_uploaders_doing(rig: Rig):
    body = rig.put()
    upload = upload_of(body)
    aws.client("s3").delete_object(Bucket=upload.bucket, Key=upload.key)
    assert rig.handle(body) is Outcome.FAILED
    error = rig.state(body).error
    assert error is not None
    assert (error.failure_class, error.code) == ("bad_input", "source_missing")


def test_a_deleted_video_is_not_processed_again(rig: Rig):
    body = rig.put()
    rig.handle(body)
    gone = aws_events.deleted(bucket=upload_of(body).bucket, sequencer="FF")
    assert rig.handle(gone) is Outcome.IGNORED
    janitor(rig.catalog, grace_s=0).handle(gone)
    assert rig.reprocess(body) is Outcome.IGNORED
    assert rig.handle(body) is Outcome.SUPERSEDED
    assert rig.stage.runs == 1


def test_a_request_about_an_unknown_video_is_ignored(rig: Rig):
    assert rig.handle(aws_events.reprocess("0" * 20, "toy")) is Outcome.IGNORED


def test_a_message_that_is_not_an_event_is_rejected(rig: Rig):
    with pytest.raises(BadInput):
        rig.handle("{}")


# -- a worker that is paused, or dies ------------------------------------------------------------


def during(rig: Rig, act: Callable[[], Any]) -> None:
    """Let ``act`` happen once, while the stage runs."""
    usual, todo = rig.stage.run_, [act]

    def run(*arguments: Any) -> Result:
        if todo:
            todo.pop()()
        return usual(*arguments)

    rig.stage.run_ = run


def test_a_worker_that_was_taken_over_publishes_nothing_over_its_successor(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    # It is paused: its heartbeat, too, is silent for longer than its successor needs.
    monkeypatch.setattr("pipeline.runs.heartbeat._TICK_S", 600)
    body = rig.put()
    taken: list[Any] = []

    def take_over() -> None:
        rig.expire_lease(body)
        taken.extend([rig.handle(body), rig.state(body)])

    during(rig, take_over)
    with pytest.raises(Retry):
        rig.handle(body)
    assert taken[0] is Outcome.SUCCEEDED
    assert rig.state(body) == taken[1]
    assert rig.state(body).current_result.attempt == 2
    assert rig.text(rig.state(body).current_result) == "hello"
    assert len({key.split("/")[5] for key in rig.stored()}) == 2


def test_a_failure_of_a_replaced_worker_is_not_recorded(rig: Rig):
    body = rig.put()

    def fail_after_takeover() -> None:
        rig.expire_lease(body)
        rig.handle(body)
        raise BadInput("late", "Too late to matter.")

    during(rig, fail_after_takeover)
    with pytest.raises(Retry):
        rig.handle(body)
    assert rig.state(body).state == "succeeded"


def test_a_message_is_kept_while_another_delivery_of_it_is_at_work(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    """Its worker may still die: here between its result and its event."""
    body, told = rig.put(), []
    monkeypatch.setattr(Announcer, "stage_ended", lambda *given: told.append(given[1]))

    def die_after_takeover() -> None:
        rig.expire_lease(body)
        with monkeypatch.context() as patch:
            patch.setattr(Announcer, "stage_ended", killed)
            with pytest.raises(KeyboardInterrupt):
                rig.handle(body)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    during(rig, die_after_takeover)
    with pytest.raises(Retry) as retry:
        rig.handle(body)
    assert retry.value.seconds == FIRST_RETRY_S
    assert (rig.state(body).state, told) == ("succeeded", [])
    assert rig.handle(body) is Outcome.CURRENT
    assert told == [upload_of(body).video_id]


def test_a_message_is_deleted_once_another_event_has_its_run(rig: Rig):
    body = rig.put()

    def request_again() -> None:
        rig.expire_lease(body)
        assert rig.reprocess(body, text="later") is Outcome.SUCCEEDED

    during(rig, request_again)
    assert rig.handle(body) is Outcome.SUPERSEDED
    assert rig.text(rig.state(body).current_result) == "later"


def test_a_second_worker_waits_for_the_end_of_the_lease(rig: Rig):
    body, waits = rig.put(), []

    def look() -> None:
        with pytest.raises(Retry) as retry:
            rig.handle(body)
        waits.append(retry.value.seconds)

    during(rig, look)
    assert rig.handle(body) is Outcome.SUCCEEDED
    assert rig.config.lease_s - 30 < waits[0] <= rig.config.lease_s + 1
    assert rig.stage.runs == 1


def test_a_request_outlasts_a_long_run_before_its_message_counts_as_undeliverable(rig: Rig):
    body, waits = rig.put(), []
    limit = rig.config.topology.queues.max_receive_count
    vid = upload_of(body).video_id

    def look() -> None:
        for receives in range(1, limit):
            with pytest.raises(Retry) as retry:
                rig.runner(lease_s=3).handle(
                    aws_events.reprocess(vid, "toy", {"text": "x"}),
                    Delivery(60, receives=receives),
                )
            waits.append(retry.value.seconds)

    during(rig, look)
    rig.handle(body, seconds_left=36000, lease_s=3)
    assert waits[0] <= 4
    # Each look is taken at once here: the rest of the time is divided among ever fewer of them.
    assert waits[1:] == pytest.approx([12000, 18000, 36000], abs=60)


def test_a_request_does_not_wait_longer_than_the_run_before_it_can_last(rig: Rig):
    body, waits = rig.put(), []
    vid = upload_of(body).video_id

    def look() -> None:
        with pytest.raises(Retry) as retry:
            rig.runner(lease_s=3).handle(
                aws_events.reprocess(vid, "toy", {"text": "x"}), Delivery(36000, receives=2)
            )
        waits.append(retry.value.seconds)

    during(rig, look)
    rig.handle(body, seconds_left=90, lease_s=3)  # on Lambda, beside workers with ten hours
    assert waits[0] <= 30


def test_a_message_that_arrives_after_its_run_ended_as_lost_is_handled(rig: Rig):
    body = rig.put()
    upload = upload_of(body)
    rig.catalog.record_upload(upload, patience_s=3600)
    claim_run(rig.catalog.runs, upload, "toy", event_id=upload.event_id, lease_s=-10)
    assert janitor(rig.catalog, grace_s=0).tidy() == 1
    assert rig.handle(body) is Outcome.SUCCEEDED
    assert rig.state(body).error is None


class Killed(BaseException):
    """The end of a killed process: nothing is cleaned up in AWS."""


@pytest.mark.parametrize("moment", ["run", "files", "manifest", "flip"])
def test_a_worker_killed_at_any_moment_leaves_the_old_result_readable(
    rig: Rig, moment: str, monkeypatch: pytest.MonkeyPatch
):
    body = rig.put()
    rig.handle(body)
    old = rig.state(body).current_result

    def die(*_: Any, **__: Any) -> Any:
        raise Killed

    runner = rig.runner()
    s3 = runner._consumer._artifacts._s3
    vid = upload_of(body).video_id
    request = aws_events.reprocess(vid, "toy", {"text": "new"})
    with monkeypatch.context() as patch:
        if moment == "run":
            patch.setattr(rig.stage, "run_", die)
        elif moment == "files":
            patch.setattr(runner._consumer._artifacts, "_put_file", die)
        elif moment == "manifest":
            patch.setattr(s3, "put_object", dying_at(die, s3, "manifest"))
        else:
            patch.setattr(runner._catalog.runs, "succeed", die)
        with pytest.raises(Killed):
            runner.handle(request, Delivery(60))
    run = rig.state(body)
    assert run.state == "running"
    assert run.current_result == old
    assert rig.text(run.current_result) == "hello"
    rig.expire_lease(body)
    assert rig.handle(request) is Outcome.SUCCEEDED
    assert rig.text(rig.state(body).current_result) == "new"


def dying_at(die: Callable[..., Any], s3: Any, word: str) -> Callable[..., Any]:
    put = s3.put_object
    return lambda **request: die() if word in request["Key"] else put(**request)


def test_a_run_whose_worker_crashes_every_time_fails(rig: Rig):
    body = rig.put()

    def die(*_: Any) -> Result:
        raise Killed

    rig.stage.run_ = die
    for _ in range(rig.config.max_attempts):
        with pytest.raises(Killed):
            rig.handle(body)
        rig.expire_lease(body)
    assert rig.handle(body) is Outcome.FAILED
    run = rig.state(body)
    assert run.error is not None
    assert (run.error.failure_class, run.error.code) == ("lost", "gave_up")
    assert "3 times" in run.error.message
    assert rig.stage.runs == rig.config.max_attempts
