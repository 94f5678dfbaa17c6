"""A job that stands still for live work: neither its time limit nor its next job pays for it."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from pipeline.hosts.worker import runtime
from pipeline.hosts.worker.api import Invocation
from pipeline.hosts.worker.functions import Function
from pipeline.hosts.worker.runtime import Failed, Runtime

LIMIT_S = 30.0
LOOK_S = 1.0


class Machine:
    """A clock that moves when somebody waits, and a job that works while it is not frozen.

    Args:
        work_s: what the job needs.
    """

    def __init__(self, work_s: float) -> None:
        self.now = 1000.0
        self.work_s = work_s
        self.frozen = False
        self.returncode = None
        self.answered = SimpleNamespace(wait=self._wait, is_set=lambda: self.work_s <= 0)
        self.froze: Callable[[], None] = lambda: None

    def freeze(self) -> None:
        self.frozen = True
        self.froze()

    def thaw(self) -> None:
        self.frozen = False

    def rss(self) -> int:
        return 0

    def time(self) -> float:
        return self.now

    monotonic = time

    def _wait(self, _: float) -> bool:
        self.now += LOOK_S
        self.work_s -= 0 if self.frozen else LOOK_S
        return self.work_s <= 0


def watch(
    monkeypatch: pytest.MonkeyPatch, machine: Machine, makes_way: Callable[[], bool]
) -> Failed | None:
    monkeypatch.setattr(runtime, "time", machine)
    function = Function(name="f", handler="h", timeout_s=LIMIT_S, memory_mb=1, threads=1)
    host = Runtime(function, "arn", "eu-west-1", makes_way, breath_s=1000.0)
    deadline_s = machine.now + LIMIT_S * 4 / 3
    invocation = Invocation(b"", deadline_s, "")
    monkeypatch.setattr(invocation, "answered", machine.answered)
    return host._watch(invocation, machine)  # type: ignore[arg-type]


def for_looks(count: int) -> Callable[[], bool]:
    looks = iter(range(count))
    return lambda: next(looks, None) is not None


def test_the_time_for_which_a_job_stands_still_is_not_its_own(monkeypatch):
    machine = Machine(work_s=LIMIT_S - 1)
    assert watch(monkeypatch, machine, for_looks(9)) is None


def test_a_job_that_made_way_has_no_more_time_to_work_than_any(monkeypatch):
    machine = Machine(work_s=LIMIT_S + 3)
    failed = watch(monkeypatch, machine, for_looks(9))
    assert failed
    assert failed.kind == "timeout"


def test_a_job_that_would_make_way_without_end_is_given_back(monkeypatch):
    failed = watch(monkeypatch, Machine(work_s=5), lambda: True)
    assert failed
    assert failed.kind == "stopped"


def test_an_answer_that_comes_while_its_sender_is_being_frozen_leaves_it_thawed(monkeypatch):
    """Or its next job would stand still until its deadline."""
    machine = Machine(work_s=20)

    def answers() -> None:
        machine.work_s = 0

    machine.froze = answers
    assert watch(monkeypatch, machine, for_looks(1)) is None
    assert not machine.frozen
