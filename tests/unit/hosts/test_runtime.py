"""The process of a handler: how long it may load and run, and what its host knows of it."""

from itertools import count
from threading import Event

import pytest

from pipeline.hosts.worker import runtime as module
from pipeline.hosts.worker.api import Invocation
from pipeline.hosts.worker.functions import Function
from pipeline.hosts.worker.runtime import Failed, Response, Runtime


class Process:
    """A child that is asked for its exit status; ``looks`` is called each time."""

    pid = 1

    def __init__(self) -> None:
        self.asked = 0
        self.killed = False
        self.looks = lambda: None

    @property
    def returncode(self) -> int | None:
        self.asked += 1
        assert self.asked < 50, "nothing ended the wait"
        return self.looks()

    def rss(self) -> int:
        return 0

    def kill(self) -> None:
        self.killed = True


class Api:
    """A Runtime API that nobody calls."""

    address = "127.0.0.1:1"
    loaded = False

    def __init__(self, _: str) -> None:
        self.invocation: Invocation | None = None
        self.settled = Event()
        if self.loaded:
            self.settled.set()
        self.init_error: str | None = None

    def put(self, invocation: Invocation) -> None:
        self.invocation = invocation

    def close(self) -> None:
        pass


@pytest.fixture
def process():
    return Process()


@pytest.fixture
def runtime(monkeypatch, process):
    monkeypatch.setattr(module, "_WATCH_S", 0.001)
    monkeypatch.setattr(module, "Child", lambda *_, **__: process)
    monkeypatch.setattr(module, "RuntimeApi", Api)
    return Runtime(Function("detect", "no.handler", 1, 1), "arn", "eu-west-1")


@pytest.fixture
def loaded(monkeypatch, runtime):
    monkeypatch.setattr(Api, "loaded", True)
    assert runtime.start() is None
    return runtime


@pytest.fixture
def looks(monkeypatch, runtime):
    """Return the looks of the runtime's thread."""
    found: list[int] = []
    monkeypatch.setattr(runtime, "look", lambda: found.append(1))
    return found


def answered(runtime, response: bytes) -> bool | None:
    """Answer the invocation; return None before there is one."""
    if (sent := runtime._api.invocation) is None:
        return None
    sent.response = response
    sent.answered.set()
    return True


def test_a_handler_that_is_never_loaded_is_ended(runtime, process, looks, monkeypatch):
    monkeypatch.setattr(module, "_INIT_S", 0)
    failed = runtime.start()
    assert failed == Failed(
        "init_error", "no.handler could not be loaded: it was not ready within 0 s"
    )
    assert process.killed
    assert looks, "a thread that waits for it does not hang"


def test_a_handler_whose_loading_is_stopped_is_ended(runtime, process):
    process.looks = runtime.cut
    assert runtime.start().kind == "stopped"
    assert process.killed
    asked = process.asked
    assert runtime.start().kind == "stopped"
    assert process.asked == asked, "no other one is started"


def test_a_process_that_ends_while_it_loads_is_not_waited_for(runtime, process, looks, monkeypatch):
    monkeypatch.setattr(module.time, "monotonic", count().__next__)
    process.looks = lambda: -6
    assert "killed by SIGABRT" in runtime.start().message
    assert len(looks) == 1


def test_an_answer_counts_although_the_process_ends_right_after_it(loaded, process):
    process.looks = lambda: answered(loaded, b"1") and 1
    assert loaded.invoke({}) == Response(1)


def test_an_answer_that_is_not_json_is_an_error_of_the_handler(loaded, process):
    process.looks = lambda: answered(loaded, b"<html>") and None
    assert loaded.invoke({}).kind == "error"
    assert not process.killed


def test_the_time_limit_counts_time_awake(loaded, process, looks, monkeypatch):
    class Awake:
        def seconds(self) -> float:
            return 2.0

    monkeypatch.setattr(module, "Awake", Awake)
    assert loaded.invoke({}) == Failed("timeout", "It did not end within 1 s.")
    assert process.killed
    assert looks, "a thread that waits for it does not hang"


@pytest.mark.parametrize(
    ("status", "settled", "error", "ready"),
    [
        (None, True, None, True),
        (1, True, None, False),
        (None, False, None, False),
        (None, True, "ImportError: no", False),
    ],
)
def test_a_runtime_is_ready_while_a_child_runs_that_has_loaded_its_handler(
    loaded, process, status, settled, error, ready
):
    process.looks = lambda: status
    loaded._api.init_error = error
    if not settled:
        loaded._api.settled.clear()
    assert loaded.ready is ready


def test_a_sleep_is_told_of_once_however_many_looks_follow_it(runtime, monkeypatch):
    slept = iter([True, False])
    monkeypatch.setattr(runtime._wakes, "look", lambda: next(slept))
    runtime.look()
    runtime.look()
    assert [runtime.has_slept(), runtime.has_slept()] == [True, False]


def test_a_thread_that_has_not_looked_for_ten_minutes_hangs(runtime):
    runtime.look()
    assert not runtime.hung
    runtime._looked -= 601
    assert runtime.hung
