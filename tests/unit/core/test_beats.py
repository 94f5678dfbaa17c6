"""Beats: a part that no longer touches its file is named."""

import os
import time
from pathlib import Path

from pipeline.core import beats


def test_a_part_that_is_silent_is_named(tmp_path: Path):
    folder = tmp_path / "beats"
    beats.begin(folder)
    assert beats.silent(folder) == []
    long_ago = time.time() - 600
    os.utime(folder / beats.INBOX, (long_ago, long_ago))
    assert beats.silent(folder) == ["inbox"]
    (folder / beats.INBOX).touch()
    assert beats.silent(folder) == []
    beats.begin(folder)
    assert beats.silent(folder, time.time() + 600) == ["inbox", "worker"]
