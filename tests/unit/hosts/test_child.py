"""A child process and all that it started."""

import os
from types import SimpleNamespace

import psutil
import pytest

from pipeline.hosts import child
from pipeline.hosts.child import Child


class Gone:
    """A process that has ended since it was listed."""

    def memory_info(self):
        raise psutil.NoSuchProcess(1)

    kill = memory_info


@pytest.fixture
def family(monkeypatch):
    """Return a child whose first process has ended, and the calls to the other one."""
    one, calls = Child.__new__(Child), []
    other = SimpleNamespace(
        memory_info=lambda: SimpleNamespace(rss=5), kill=lambda: calls.append("kill")
    )
    one._process = SimpleNamespace(
        terminate=lambda: calls.append("terminate"),
        wait=lambda *given: calls.append(["wait", *given]),
    )
    one.stdout = SimpleNamespace(close=lambda: calls.append("close"))
    monkeypatch.setattr(one, "_family", lambda: [Gone(), other])
    return one, calls


def test_a_process_that_ends_meanwhile_has_no_memory(family):
    one, _ = family
    assert one.rss() == 5


def test_a_process_that_ends_meanwhile_does_not_save_the_others(family):
    one, calls = family
    one.kill()
    assert calls == ["kill", ["wait"], "close"]


def test_a_child_has_time_to_end_before_it_is_killed(family):
    one, calls = family
    one.stop(7)
    assert calls == ["terminate", ["wait", 7], "kill", ["wait"], "close"]


def test_a_process_that_ends_while_a_session_is_listed_is_left_out(monkeypatch):
    monkeypatch.setattr(child.psutil, "pids", lambda: [1 << 30, os.getpid()])
    assert [one.pid for one in child._session(os.getsid(0))] == [os.getpid()]


def test_a_child_takes_no_input_and_no_signal_of_the_terminal(monkeypatch):
    started = []
    process = SimpleNamespace(pid=1, stdout=None)
    monkeypatch.setattr(
        child.subprocess, "Popen", lambda _, **more: started.append(more) or process
    )
    Child("a.module", env={"NAME": "value"}, pass_fds=[7])
    (options,) = started
    assert options["stdin"] == child.subprocess.DEVNULL
    assert options["start_new_session"] is True
    assert (options["env"], options["pass_fds"]) == ({"NAME": "value"}, [7])


def test_a_wait_that_is_too_short_is_no_error(family):
    one, _ = family

    def wait(seconds):
        raise child.subprocess.TimeoutExpired("a.module", seconds)

    one._process.wait = wait
    assert one.wait(1) is None


def test_the_family_of_a_child_has_those_that_a_process_of_it_started(monkeypatch):
    class Process:
        def __init__(self, pid):
            self.pid = pid

        def children(self, *, recursive=False):
            return [Process(2), *([Process(3)] if recursive else [])]

    one = Child.__new__(Child)
    one.pid = 1
    monkeypatch.setattr(child.psutil, "Process", Process)
    monkeypatch.setattr(child, "_session", lambda _: [Process(2), Process(4)])
    assert [each.pid for each in one._family()] == [1, 2, 3, 4]
