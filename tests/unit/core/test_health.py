"""When a worker in a container counts as well."""

import os
import time

import pytest

from pipeline import health


@pytest.mark.parametrize(("seconds_ago", "well"), [(0, True), (60, True), (180, False)])
def test_a_worker_is_well_while_its_file_is_touched(tmp_path, seconds_ago, well):
    heartbeat, then = tmp_path / "heartbeat", time.time() - seconds_ago
    heartbeat.touch()
    os.utime(heartbeat, (then, then))
    assert health.beats(heartbeat) is well


def test_a_worker_that_has_never_been_well_is_not(tmp_path):
    assert not health.beats(tmp_path / "heartbeat")
