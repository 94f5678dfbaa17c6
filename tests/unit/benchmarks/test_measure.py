"""A command's figures include those of the processes that it starts."""

import sys

import pytest

from benchmarks.measure import CommandFailed, environment, measure

BUSY = "import time\nwhile time.process_time() < 0.3: pass"
PARENT = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BUSY!r}], check=True)"
HOLDS = "import time\nheld = bytearray(100 << 20)\ntime.sleep(0.5)"


def test_cpu_time_of_children_counts():
    assert measure([sys.executable, "-c", PARENT], environment(1)).cpu_s > 0.3


def test_memory_is_that_of_the_command_and_not_of_this_process():
    empty = measure([sys.executable, "-S", "-c", "pass"], environment(1)).peak_mb
    full = measure([sys.executable, "-S", "-c", HOLDS], environment(1)).peak_mb
    assert empty < 40
    assert 95 < full - empty < 130


def test_bytes_read_count(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(bytes(20_000_000))
    used = measure([sys.executable, "-c", f"open({str(file)!r}, 'rb').read()"], environment(1))
    assert 20 <= used.read_mb < 40


def test_a_failed_command_shows_its_error():
    with pytest.raises(CommandFailed, match="no such thing"):
        measure([sys.executable, "-c", "raise SystemExit('no such thing')"], environment(1))


def test_accounts_and_settings_are_not_passed_on(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("VIDEODROP_DEVICE", "cuda")
    found = environment(3, {"EXTRA": "yes"})
    assert "AWS_PROFILE" not in found
    assert "VIDEODROP_DEVICE" not in found
    assert found["OMP_NUM_THREADS"] == found["VIDEODROP_THREADS"] == "3"
    assert found["EXTRA"] == "yes"
