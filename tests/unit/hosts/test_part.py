"""A part of the local stack: how often it may end, and what it says meanwhile."""

import os
from types import SimpleNamespace

import pytest

from pipeline.core.settings import Settings
from pipeline.hosts.local.part import Part, PartFailed
from pipeline.hosts.local.stack import Stack


@pytest.fixture
def part(tmp_path, monkeypatch):
    (tmp_path / "log").write_text("the end\n")
    part = Part("worker", ("there.is.none",), tmp_path / "log")
    part.starts = 0
    monkeypatch.setattr(part, "start", lambda: setattr(part, "starts", part.starts + 1))
    return part


def test_a_part_that_ends_again_and_again_does_not_stay_up(part):
    for now in (1000.0, 1001.0, 1002.0):
        part.restart(now)
    with pytest.raises(PartFailed, match="the end"):
        part.restart(1003.0)
    assert part.starts == 3


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
    assert told == ["the disk is full"]
