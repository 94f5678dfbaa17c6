"""Pushed events: whether each is done, or is to be sent again."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.core.settings import Settings
from pipeline.hosts.worker.functions import Function
from pipeline.hosts.worker.jobs import Done, Jobs, NotDone
from pipeline.hosts.worker.runtime import Failed, Kind, Response


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
