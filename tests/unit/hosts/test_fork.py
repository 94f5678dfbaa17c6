"""Work in a copy of this process."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from pipeline.hosts.local.fork import Fork


@pytest.fixture
def before():
    """Return the children that this process had before the test."""
    return children()


def children():
    return psutil.Process().children()


def test_the_copy_sees_memory_as_it_was_and_changes_nothing_here(before):
    held = ["then"]

    def work():
        time.sleep(0.1)
        held.append("there")
        return held

    fork = Fork(work)
    held[0] = "now"
    assert fork.result(30) == ["then", "there"]
    assert held == ["now"]
    assert children() == before


def test_a_long_result_is_complete():
    assert Fork(lambda: "x" * 5_000_000).result(30) == "x" * 5_000_000


def test_an_error_of_the_work_is_raised_in_the_parent(before):
    def full():
        raise OSError(28, "disk full")

    with pytest.raises(OSError, match="disk full") as raised:
        Fork(full).result(30)
    assert raised.value.errno == 28
    assert children() == before


def test_a_copy_that_is_killed_is_an_error():
    with pytest.raises(ChildProcessError):
        Fork(lambda: os.kill(os.getpid(), signal.SIGKILL)).result(30)


def test_a_copy_that_hangs_is_killed_after_the_timeout(before):
    with pytest.raises(TimeoutError):
        Fork(lambda: time.sleep(600)).result(0.1)
    assert children() == before


def test_a_copy_ends_with_its_parent():
    code = """
import os, time
from pipeline.hosts.local.fork import Fork
fork = Fork(lambda: time.sleep(600))
print(fork._pid, flush=True)
os.kill(os.getpid(), 9)
"""
    ended = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=False)
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(int(ended.stdout)).wait(30)
