"""Failures of runs: each class is recorded, and only temporary ones are retried."""

import errno
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from pipeline.aws.announce import Announcer
from pipeline.aws.catalog.table import Table
from pipeline.core import errors
from pipeline.core.errors import BadInput, VideodropError
from pipeline.runs.delivery import Delivery, Outcome, Retry
from tests.fakes import aws_events
from tests.fakes.claims import claim_run
from tests.fakes.rig import Rig, upload_of


def failing(rig: Rig, error: BaseException) -> Callable[..., Any]:
    """Let the stage fail with ``error`` each time."""

    def run(*_: Any) -> Any:
        raise error

    rig.stage.run_ = run
    return run


def recorded(rig: Rig, body: str) -> tuple[str, str]:
    run = rig.state(body)
    assert run.error is not None
    return run.error.failure_class, run.error.code


LASTING = [kind for kind in VideodropError.__subclasses__() if not kind.retryable]
PASSING = [kind for kind in VideodropError.__subclasses__() if kind.retryable]


@pytest.mark.parametrize("kind", LASTING)
def test_a_permanent_error_is_recorded_at_once(rig: Rig, kind: type[VideodropError]):
    failing(rig, kind("a_code", "A sentence."))
    body = rig.put()
    assert rig.handle(body) is Outcome.FAILED
    assert recorded(rig, body) == (kind.failure_class, "a_code")
    assert rig.state(body).lease_until is None
    assert rig.video(body).status == "processing"  # the other stage is still due


@pytest.mark.parametrize("kind", PASSING)
def test_a_temporary_error_is_retried_with_backoff_then_recorded(
    rig: Rig, kind: type[VideodropError]
):
    failing(rig, kind("a_code", "A sentence."))
    body, waits = rig.put(), []
    for _ in range(rig.config.max_attempts - 1):
        with pytest.raises(Retry) as retry:
            rig.handle(body)
        waits.append(retry.value.seconds)
        assert rig.state(body).state == "pending"
        assert recorded(rig, body) == (kind.failure_class, "a_code")
    assert rig.handle(body) is Outcome.FAILED
    assert rig.state(body).state == "failed"
    assert recorded(rig, body) == (kind.failure_class, "a_code")
    assert waits == sorted(set(waits))
    assert rig.stage.runs == rig.config.max_attempts


def test_a_run_that_waits_for_its_next_try_is_not_overdue(rig: Rig):
    failing(rig, errors.DependencyFailed("aws_error", "S3 was unavailable."))
    body = rig.put()
    with pytest.raises(Retry):
        rig.handle(body)
    assert not list(rig.catalog.overdue(before=time.time() + 3600))


def test_a_temporary_failure_that_ends_leaves_no_trace(rig: Rig):
    usual = rig.stage.run_
    failing(rig, ConnectionResetError("by peer"))
    body = rig.put()
    with pytest.raises(Retry):
        rig.handle(body)
    rig.stage.run_ = usual
    assert rig.handle(body) is Outcome.SUCCEEDED
    run = rig.state(body)
    assert (run.error, run.tries, run.attempt) == (None, 0, 2)


DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "!"}}, "PutObject")
THROTTLED = ClientError({"Error": {"Code": "SlowDown", "Message": "!"}}, "PutObject")


@pytest.mark.parametrize(
    ("error", "known_as"),
    [
        (ValueError("surprise"), ("bug", "unexpected")),
        (MemoryError(), ("out_of_memory", "out_of_memory")),
        (PermissionError("no"), ("bug", "unexpected")),
    ],
)
def test_any_other_exception_becomes_a_permanent_failure(
    rig: Rig, error: Exception, known_as: tuple[str, str]
):
    failing(rig, error)
    body = rig.put()
    assert rig.handle(body) is Outcome.FAILED
    assert recorded(rig, body) == known_as


@pytest.mark.parametrize(
    ("error", "known_as"),
    [
        (DENIED, ("dependency", "aws_error")),
        (THROTTLED, ("dependency", "aws_unavailable")),
        (EndpointConnectionError(endpoint_url="x"), ("dependency", "aws_unreachable")),
        (ConnectionResetError("by peer"), ("dependency", "connection")),
        (OSError(errno.ENOSPC, "No space left"), ("dependency", "disk_full")),
    ],
)
def test_any_other_temporary_exception_is_retried(
    rig: Rig, error: Exception, known_as: tuple[str, str]
):
    failing(rig, error)
    body = rig.put()
    with pytest.raises(Retry):
        rig.handle(body)
    assert recorded(rig, body) == known_as


class AcceleratorError(RuntimeError):
    """As torch names a GPU's."""


def in_a_model(cause: Exception) -> Exception:
    error = errors.MissingDependency("model_format", "It cannot be loaded.")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize("wrapped", [lambda cause: cause, in_a_model])
def test_a_process_whose_gpu_failed_ends_and_leaves_its_run_to_another(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, wrapped: Callable[[Exception], Exception]
):
    usual = rig.stage.run_
    monkeypatch.setattr("os._exit", sys.exit)
    failing(rig, wrapped(AcceleratorError("CUDA error: unspecified launch failure")))
    body = rig.put()
    with pytest.raises(SystemExit, match="1"):
        rig.handle(body)
    assert rig.state(body).state == "running", "the host records it, as any crash"
    assert not rig.runner().abandon(body, "crashed", "It ended.")
    rig.stage.run_ = usual
    assert rig.handle(body) is Outcome.SUCCEEDED


def test_a_defect_is_named_and_its_traceback_logged(rig: Rig, caplog: pytest.LogCaptureFixture):
    failing(rig, ValueError("surprise"))
    body = rig.put()
    rig.handle(body)
    assert "ValueError: surprise" in rig.state(body).error.message
    assert any(record.exc_info for record in caplog.records)


def test_a_missing_model_fails_the_run_and_the_next_video_is_processed(rig: Rig):
    missing = errors.MissingDependency("no_model", "There is no model; download it.")

    def identity(_params: Any) -> dict[str, str]:
        raise missing

    rig.stage.identity_ = identity
    body = rig.put()
    assert rig.handle(body) is Outcome.FAILED
    assert recorded(rig, body) == ("dependency", "no_model")
    rig.stage.identity_ = lambda _: {}
    assert rig.handle(rig.put(b"next", "videos/next.mp4")) is Outcome.SUCCEEDED


def test_a_failed_run_can_be_run_again_on_request(rig: Rig):
    usual = rig.stage.run_
    failing(rig, ValueError("surprise"))
    body = rig.put()
    rig.handle(body)
    rig.stage.run_ = usual
    assert rig.reprocess(body) is Outcome.SUCCEEDED
    assert rig.state(body).error is None


def test_a_stage_that_ran_before_and_fails_now_keeps_its_result(rig: Rig):
    body = rig.put()
    rig.handle(body)
    failing(rig, BadInput("no", "No."))
    assert rig.reprocess(body, text="new") is Outcome.FAILED
    run = rig.state(body)
    assert run.state == "failed"
    assert rig.text(run.current_result) == "hello"


def test_an_upload_over_the_limit_is_rejected_before_it_is_downloaded(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    body, runner = rig.put(b"12345"), rig.runner(max_bytes=4)
    monkeypatch.setattr(runner._consumer._artifacts, "fetch", None)
    assert runner.handle(body, Delivery(60)) is Outcome.FAILED
    assert recorded(rig, body) == ("limit", "too_large")
    assert rig.handle(rig.put(b"1234", "videos/b.mp4"), max_bytes=4) is Outcome.SUCCEEDED


@pytest.mark.parametrize(
    ("rooms", "says"), [([0], "A copy of a.mp4 needs"), ([10**9, 0], "toy may need")]
)
def test_a_run_begins_if_a_copy_and_then_its_files_fit_the_disk(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, rooms: list[int], says: str
):
    disks = iter([SimpleNamespace(total=room, free=room) for room in rooms])
    monkeypatch.setattr("pipeline.runs.room.shutil.disk_usage", lambda _: next(disks))
    body = rig.put()
    assert rig.handle(body) is Outcome.FAILED
    assert recorded(rig, body) == ("limit", "disk_too_small")
    assert rig.state(body).error.message.startswith(says)
    assert rig.stage.runs == 0


def test_the_deadline_of_its_host_ends_a_run(rig: Rig):
    body, runner = rig.put(), rig.runner()
    assert runner.handle(body, Delivery(0)) is Outcome.FAILED
    assert recorded(rig, body) == ("timeout", "deadline")


def test_the_timeout_of_lambda_does_not_limit_a_run_on_another_host(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    stages = rig.config.topology.stages
    monkeypatch.setitem(stages, "toy", stages["toy"].model_copy(update={"timeout_s": 0}))
    assert rig.runner().handle(rig.put(), Delivery(600)) is Outcome.SUCCEEDED


def test_when_aws_cannot_be_reached_the_message_is_redelivered(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    body, runner = rig.put(), rig.runner()

    def unreachable(*_: Any, **__: Any) -> None:
        raise EndpointConnectionError(endpoint_url="x")

    monkeypatch.setattr(runner._catalog, "record_upload", unreachable)
    with pytest.raises(Retry):
        runner.handle(body, Delivery(60))


def test_an_outage_of_s3_is_outwaited_for_as_many_deliveries_as_there_are(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    body, runner, waits = rig.put(), rig.runner(), []

    def unreachable(*_: Any, **__: Any) -> None:
        raise EndpointConnectionError(endpoint_url="x")

    with monkeypatch.context() as outage:
        for read in ("begin", "head"):
            outage.setattr(runner._consumer._artifacts, read, unreachable)
        for receives in range(1, rig.config.topology.queues.max_receive_count):
            with pytest.raises(Retry) as retry:
                runner.handle(body, Delivery(60, receives=receives))
            waits.append(retry.value.seconds)
            assert (rig.state(body).state, rig.state(body).tries) == ("pending", 0)
    assert sum(waits) > 20 * 60
    assert runner.handle(body, Delivery(60, receives=len(waits) + 1)) is Outcome.SUCCEEDED


def test_when_s3_fails_before_the_stage_runs_the_try_is_counted(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    body, runner = rig.put(), rig.runner()

    def denied(*_: Any, **__: Any) -> None:
        raise DENIED

    for read in ("begin", "head"):
        monkeypatch.setattr(runner._consumer._artifacts, read, denied)
    for _ in range(rig.config.max_attempts - 1):
        with pytest.raises(Retry):
            runner.handle(body, Delivery(60))
    assert runner.handle(body, Delivery(60)) is Outcome.FAILED
    assert recorded(rig, body) == ("dependency", "aws_error")


# -- a process that its host killed --------------------------------------------------------------


@pytest.fixture
def running(rig: Rig) -> str:
    """The event of an upload whose run is claimed and whose process has ended."""
    body = rig.put()
    upload = upload_of(body)
    rig.catalog.record_upload(upload, patience_s=3600)
    claim_run(rig.catalog.runs, upload, "toy", event_id=upload.event_id, lease_s=60)
    return body


@pytest.mark.parametrize(
    ("killed", "known_as"),
    [
        ("timeout", ("timeout", "killed_at_deadline")),
        ("out_of_memory", ("out_of_memory", "killed_at_memory_limit")),
    ],
)
def test_a_killed_run_that_would_be_killed_again_is_over(
    rig: Rig, running: str, killed: Any, known_as: tuple[str, str]
):
    assert rig.runner().abandon(running, killed, "It was killed.") is True
    run = rig.state(running)
    assert run.state == "failed"
    assert (run.error.failure_class, run.error.code) == known_as
    assert run.error.message == "It was killed."


def test_a_crashed_run_is_tried_again_but_not_for_ever(rig: Rig, running: str):
    runner, upload = rig.runner(), upload_of(running)
    for _ in range(rig.config.max_attempts - 1):
        assert runner.abandon(running, "crashed", "Signal 11.") is False
        assert rig.state(running).state == "pending"
        claim_run(rig.catalog.runs, upload, "toy", event_id=upload.event_id, lease_s=60)
    assert runner.abandon(running, "crashed", "Signal 11.") is True
    assert recorded(rig, running) == ("lost", "crashed")


def test_a_run_cut_off_by_a_stopping_worker_is_given_back_and_the_try_not_counted(
    rig: Rig, running: str
):
    runner, upload = rig.runner(), upload_of(running)
    for _ in range(rig.config.max_attempts + 2):
        assert runner.abandon(running, "stopped", "The worker was stopped.") is False
        assert rig.state(running).state == "pending"
        claim_run(rig.catalog.runs, upload, "toy", event_id=upload.event_id, lease_s=60)
    rig.expire_lease(running)
    assert rig.handle(running) is Outcome.SUCCEEDED


def test_a_run_of_another_event_is_left_alone(rig: Rig, running: str):
    before = rig.state(running)
    vid = upload_of(running).video_id
    assert rig.runner().abandon(aws_events.reprocess(vid, "toy"), "timeout", "!") is False
    assert rig.runner().abandon(rig.put(key="videos/new.mp4"), "timeout", "!") is False
    assert rig.state(running) == before


def test_a_run_of_another_delivery_of_the_same_message_is_left_alone(rig: Rig, running: str):
    before = rig.state(running)
    assert rig.runner().abandon(running, "timeout", "!", receipt="of another delivery") is False
    assert rig.state(running) == before


def test_a_run_that_ended_before_the_kill_is_left_alone(rig: Rig):
    body = rig.put()
    rig.handle(body)
    assert rig.runner().abandon(body, "timeout", "!") is False
    assert rig.state(body).state == "succeeded"


def test_a_run_taken_over_during_the_kill_keeps_its_message(
    rig: Rig, running: str, monkeypatch: pytest.MonkeyPatch
):
    runner, seen = rig.runner(), rig.state(running)
    monkeypatch.setattr(runner._catalog.runs, "get", lambda *_: seen)
    rig.expire_lease(running)
    taken = claim_run(
        rig.catalog.runs, upload_of(running), "toy", event_id=seen.event_id or "", lease_s=60
    )
    assert runner.abandon(running, "timeout", "!") is False
    assert rig.state(running).attempt == taken.attempt


def test_a_worker_that_was_taken_over_never_ends_its_successors_run(rig: Rig):
    """Both had the same message, each by a delivery of its own."""
    body = rig.put()
    upload = upload_of(body)
    rig.catalog.record_upload(upload, patience_s=3600)

    def claim(receipt: str) -> None:
        claim_run(
            rig.catalog.runs, upload, "toy", event_id=upload.event_id, lease_s=60, receipt=receipt
        )

    claim("first")
    rig.expire_lease(body)
    claim("second")
    taken = rig.state(body)
    for killed in ("timeout", "out_of_memory", "crashed", "stopped"):
        assert rig.runner().abandon(body, killed, "!", receipt="first") is False
        assert rig.state(body) == taken
    assert rig.runner().abandon(body, "timeout", "!", receipt="second") is True


def test_a_killed_process_that_handled_no_event_is_rejected(rig: Rig):
    with pytest.raises(BadInput):
        rig.runner().abandon("{}", "crashed", "!")


def test_retries_outlast_an_outage_of_aws_before_a_message_is_dead_lettered(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    def unreachable(*_: Any, **__: Any) -> None:
        raise EndpointConnectionError(endpoint_url="x")

    runner, body, waits = rig.runner(), rig.put(), []
    monkeypatch.setattr(runner._catalog, "record_upload", unreachable)
    for receives in range(1, rig.config.topology.queues.max_receive_count + 1):
        with pytest.raises(Retry) as retry:
            runner.handle(body, Delivery(600, receives=receives))
        waits.append(retry.value.seconds)
    assert waits == sorted(waits)
    assert sum(waits[:-1]) > 15 * 60
    assert max(waits) <= 12 * 3600  # SQS's limit on a visibility timeout


# -- answers that are lost ------------------------------------------------------------------------


def repeated(monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    """Lose the answer of each write of this state: boto3 sends the request again."""
    update = Table.update

    def twice(self: Table, *key: str, **given: Any) -> Any:
        if given["set"].get("state") == state:
            update(self, *key, **given)
        return update(self, *key, **given)

    monkeypatch.setattr(Table, "update", twice)


def test_an_end_that_was_written_twice_is_an_end(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    repeated(monkeypatch, "succeeded")
    body = rig.put()
    assert rig.handle(body) is Outcome.SUCCEEDED


def test_a_failure_that_was_written_twice_is_told(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    repeated(monkeypatch, "failed")
    failing(rig, BadInput("a_code", "A sentence."))
    assert rig.handle(rig.put()) is Outcome.FAILED


def test_a_run_that_was_given_back_twice_is_delivered_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    repeated(monkeypatch, "pending")
    failing(rig, errors.DependencyFailed("a_code", "A sentence."))
    body = rig.put()
    with pytest.raises(Retry):
        rig.handle(body)
    assert rig.state(body).state == "pending"


def test_an_end_whose_answer_was_lost_is_told_by_the_next_delivery(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    update, lost = Table.update, []

    def no_answer(self: Table, *key: str, **given: Any) -> Any:
        done = update(self, *key, **given)
        if given["set"].get("state") == "succeeded" and not lost:
            lost.append(key)
            raise ReadTimeoutError(endpoint_url="https://aws")
        return done

    monkeypatch.setattr(Table, "update", no_answer)
    told: list[str] = []
    ended = Announcer.stage_ended

    def tells(self: Announcer, video_id: str, run: Any) -> None:
        told.append(run.state)
        ended(self, video_id, run)

    monkeypatch.setattr(Announcer, "stage_ended", tells)
    body = rig.put()
    with pytest.raises(Retry):
        rig.handle(body)
    assert told == []
    assert rig.handle(body) is Outcome.CURRENT
    assert told == ["succeeded"]
    assert rig.stage.runs == 1
