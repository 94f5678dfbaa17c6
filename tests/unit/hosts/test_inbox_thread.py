"""The thread of the inbox: it shows that it is alive, and is started again if it ends."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from pipeline.hosts.local.inbox_thread import InboxThread


class Dying:
    """An inbox whose first watch ends with an error."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.watched = 0

    def run(self, stopping: threading.Event, beat: Callable[[], object]) -> None:
        self.watched += 1
        if self.watched == 1:
            raise BrokenPipeError("the terminal is gone")
        beat()
        stopping.wait()


def test_a_watch_that_ended_is_started_again_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    inbox, beat, said = Dying(tmp_path), tmp_path / "beat", list[str]()
    watch = InboxThread(cast("Any", inbox), beat)
    end = time.monotonic() + 20
    while not beat.exists():
        assert time.monotonic() < end
        watch.restart(said.append)
        time.sleep(0.01)
    assert inbox.watched == 2
    assert len(said) == 1
    assert "the terminal is gone" in caplog.text
    watch.end(20)
    watch.restart(said.append)
    assert inbox.watched == 2, "it was to end"
