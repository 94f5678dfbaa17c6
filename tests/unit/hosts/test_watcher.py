import signal
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from pipeline.core.errors import DependencyFailed, InvalidSettings
from pipeline.core.settings import Settings
from pipeline.hosts import watcher
from pipeline.hosts.watcher import Watcher

AWAY = EndpointConnectionError(endpoint_url="http://127.0.0.1:1")


class Looks:
    """A search that counts its looks, of which the first fails."""

    def __init__(self, stopping: threading.Event, most: int, error: Exception = AWAY) -> None:
        self._error = error
        self.uploads_looks = self.deletions_looks = 0
        self._stopping = stopping
        self._most = most

    def uploads(self) -> int:
        self.uploads_looks += 1
        if self.uploads_looks == self._most:
            self._stopping.set()
        if self.uploads_looks == 1:
            raise self._error
        return 0

    def deletions(self) -> int:
        self.deletions_looks += 1
        return 0


@pytest.mark.parametrize("error", [AWAY, DependencyFailed("not_sent", "A queue took none.")])
def test_an_outage_does_not_end_the_looking(error: Exception):
    stopping = threading.Event()
    looks = Looks(stopping, 3, error)
    Watcher(looks, 0).run(stopping)
    assert looks.uploads_looks == 3


def test_deletions_are_looked_for_less_often():
    looks = Looks(threading.Event(), 0)
    looks.uploads_looks = 1
    one = Watcher(looks, 1)
    for now in (0, 1, 599, 600, 601):
        one.look(now)
    assert (looks.uploads_looks, looks.deletions_looks) == (6, 2)


def test_a_watcher_without_its_setting_says_which():
    with pytest.raises(InvalidSettings, match="VIDEODROP_WATCH_S"):
        watcher.main(Settings())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_watcher_ends_by_either_signal(monkeypatch: pytest.MonkeyPatch, number: int):
    handlers: dict[int, Any] = {}

    def stop() -> int:
        handlers[number]()
        return 0

    found = SimpleNamespace(uploads=stop, deletions=int)
    monkeypatch.setattr(watcher.signal, "signal", handlers.__setitem__)
    monkeypatch.setattr(watcher.bootstrap, "watch", lambda _: found)
    watcher.main(Settings(watch_s=60))
