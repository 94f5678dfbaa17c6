"""The lock of a home, which keeps a second stack from using it."""

import os
from pathlib import Path

import pytest

from pipeline.hosts.local.home_lock import AlreadyRunning, locked


def test_a_home_has_one_stack_at_a_time_and_the_error_names_its_process(tmp_path: Path):
    ours = rf"process {os.getpid()}\)"
    with locked(tmp_path), pytest.raises(AlreadyRunning, match=ours), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass
