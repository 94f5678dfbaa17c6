"""Pushed events: whether each is done, or is to be sent again."""

import json
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.core.errors import BadInput
from pipeline.core.settings import Settings
from pipeline.hosts.worker import jobs as module
from pipeline.hosts.worker.functions import Function
from pipeline.hosts.worker.jobs import Done, Jobs, NotDone
from pipeline.hosts.worker.runtime import Failed, Kind, Response
from tests.fakes import aws_events, lambda_events


@pytest.mark.parametrize(
    ("kind", "over", "done"),
    [
        ("crashed", [True, True], True),
        ("crashed", [True, False], False),
        ("error", [True, True], False),
        ("init_error", [True, True], False),
    ],
)
def test_a_batch_is_done_if_the_process_was_killed_and_all_its_runs_have_ended(
    monkeypatch: pytest.MonkeyPatch, kind: Kind, over: list[bool], done: object
):
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setattr(Jobs, "_is_over", lambda _, record, __: over[record])
    jobs = Jobs(Settings(), Function("detect", "no.handler", 1, 1))
    pushed: Any = SimpleNamespace(records=[0, 1], batch=True)
    answer = jobs._failed(pushed, Failed(kind, "!"))
    assert isinstance(answer, Done if done else NotDone)


@pytest.mark.parametrize(("batch", "done"), [(True, True), (False, False)])
def test_a_single_event_that_fails_temporarily_is_to_be_sent_again(
    monkeypatch: pytest.MonkeyPatch, *, batch: bool, done: bool
):
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    jobs = Jobs(Settings(), Function("detect", "no.handler", 1, 1))
    answer = Response({"batchItemFailures": [{"itemIdentifier": "m"}]})
    runtime: Any = SimpleNamespace(invoke=lambda _: answer)
    jobs.runtime = runtime
    pushed: Any = SimpleNamespace(event={}, records=[{"messageId": "m"}], batch=batch)
    assert isinstance(jobs._do(pushed), Done if done else NotDone)


def test_jobs_are_done_one_after_another_in_the_thread_that_the_child_lives_with(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    jobs = Jobs(Settings(), Function("detect", "no.handler", 1, 1))
    both, threads = threading.Event(), []

    def do(_: Any) -> Done:
        both.wait(20)
        threads.append(threading.get_ident())
        return Done(None)

    monkeypatch.setattr(jobs, "_do", do)
    pushed: Any = None
    waiting = [jobs.submit(pushed) for _ in range(2)]
    both.set()
    assert [one.result(20) for one in waiting] == [Done(None)] * 2
    assert len(set(threads)) == 1
    jobs.close()


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Jobs:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    return Jobs(Settings(), Function("detect", "no.handler", 1, 1))


def test_only_an_event_whose_sender_reads_no_failed_messages_is_rejected_as_foreign(jobs: Jobs):
    foreign = aws_events.created(bucket="another")
    with pytest.raises(BadInput) as rejected:
        jobs.read(foreign.encode(), {})
    assert rejected.value.code == "foreign_object"
    batch = json.dumps(lambda_events.sqs(foreign)).encode()
    assert jobs.read(batch, {}).batch, "its message ends in the dead-letter queue"


def test_an_event_that_is_not_about_an_object_has_no_place_to_be_checked(jobs: Jobs):
    jobs.name = "replays"
    wake_up = {"detail-type": "Replay Requested", "id": "1", "detail": {"replay_id": "r"}}
    assert len(jobs.read(json.dumps(wake_up).encode(), {}).records) == 1


@pytest.mark.parametrize("failed", [None, Failed("init_error", "no such module")])
def test_a_host_says_that_its_handler_is_not_loaded(jobs: Jobs, failed: Failed | None):
    said = [jobs.trouble]
    runtime: Any = SimpleNamespace(start=lambda: failed, invoke=lambda _: Response(None))
    jobs.runtime = runtime
    jobs._load()
    said.append(jobs.trouble)
    pushed: Any = SimpleNamespace(event={}, records=[], batch=True)
    jobs._do(pushed)  # it was loaded again
    said.append(jobs.trouble)
    jobs._failed(pushed, Failed("init_error", "not any more"))
    assert said == ["It is being loaded.", failed and failed.message, None]
    assert jobs.trouble == "not any more"


def test_a_host_is_busy_from_an_event_on_until_it_is_done(jobs: Jobs):
    looks: list[bool] = []
    runtime: Any = SimpleNamespace(
        look=lambda: looks.append(jobs.busy),
        invoke=lambda _: looks.append(jobs.busy) or Response(None),
        cut=lambda: looks.append(jobs.busy),
        close=lambda: looks.append(jobs.busy),
    )
    jobs.runtime = runtime
    pushed: Any = SimpleNamespace(event={}, records=[], batch=True)
    jobs.submit(pushed)
    jobs.close()
    # At the look, in the handler; when it is cut it may have ended; when its child is closed.
    assert (looks[:2], looks[-1], len(looks)) == ([True, True], False, 4)


def test_a_failure_that_cannot_be_recorded_is_sent_again(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
):
    def abandon(*_: Any) -> bool:
        raise OSError("the catalog is away")

    monkeypatch.setattr(module, "abandon", abandon)
    pushed: Any = SimpleNamespace(records=[{}], batch=True)
    assert isinstance(jobs._failed(pushed, Failed("crashed", "!")), NotDone)
