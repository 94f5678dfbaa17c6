"""The lock of a home, which keeps a second stack from using it."""

import os
from pathlib import Path

import pytest

from pipeline.hosts.local.home_lock import AlreadyRunning, locked


def test_a_home_has_one_stack_at_a_time_and_the_error_names_its_process(tmp_path: Path):
    (tmp_path / "lock").write_text("99999999")  # of a process that was killed
    ours = rf"\(process {os.getpid()}\)"
    with locked(tmp_path), pytest.raises(AlreadyRunning, match=ours), locked(tmp_path):
        pass
    for home in (tmp_path, tmp_path / "a" / "new one"):
        with locked(home):
            pass
