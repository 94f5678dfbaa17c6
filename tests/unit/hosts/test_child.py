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
