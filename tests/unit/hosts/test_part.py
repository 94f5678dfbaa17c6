"""A part of the local stack: how often it may end, and what it says meanwhile."""

import os
import signal
from types import SimpleNamespace

import pytest

from pipeline.core.settings import Settings
from pipeline.hosts.local import part as module
from pipeline.hosts.local.part import Part, PartFailed
from pipeline.hosts.local.stack import Stack


@pytest.fixture
def part(tmp_path, monkeypatch):
    (tmp_path / "log").write_bytes(b"the beginning\n" + b"\xff\n" * 4 + b"the end\n")
    part = Part("worker", ("there.is.none",), tmp_path / "log")
    part.starts = 0
    monkeypatch.setattr(part, "start", lambda: setattr(part, "starts", part.starts + 1))
    return part


def test_a_part_that_ends_again_and_again_does_not_stay_up(part):
    for now in (1000.0, 1001.0, 1002.0):
        part.restart(now)
    with pytest.raises(PartFailed, match="the end") as failed:
        part.restart(1003.0)
    assert part.starts == 3
    assert "the beginning" not in failed.value.message


def test_restarts_of_long_ago_do_not_count(part):
    for hour in range(10):
        part.restart(3600.0 * hour)
    assert part.starts == 10


def test_what_a_running_part_says_is_passed_on_once(part, tmp_path):
    read, write = os.pipe()
    with os.fdopen(read, "rb") as output:
        part.child = SimpleNamespace(stdout=output, returncode=None)
        assert part.announced(0) == {}
        os.write(write, b'{"message": "the disk is full"}\n')
        told = []
        stack = Stack(Settings(home=tmp_path), tell=told.append)
        stack._parts.append(part)
        for _ in range(2):
            stack._restart_parts()
        os.close(write)
        assert part.announced(0) == {}, "it has ended"
    assert told == ["the disk is full"]


def test_a_part_is_asked_to_end_with_the_stack_and_its_log_goes_on(tmp_path, monkeypatch):
    (tmp_path / "log").write_bytes(b"before\n")

    def child(*_, stdout, orphan_signal, **__):
        stdout.write(b"after\n")
        assert orphan_signal == signal.SIGTERM, "it saves what it has"

    monkeypatch.setattr(module, "Child", child)
    Part("worker", ("there.is.none",), tmp_path / "log").start()
    assert (tmp_path / "log").read_text() == "before\nafter\n"
