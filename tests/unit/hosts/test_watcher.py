import threading

import pytest
from botocore.exceptions import EndpointConnectionError

from pipeline.core.errors import InvalidSettings
from pipeline.core.settings import Settings
from pipeline.hosts import watcher
from pipeline.hosts.watcher import Watcher


class Looks:
    """A search that counts its looks, of which the first fails."""

    def __init__(self, stopping: threading.Event, most: int) -> None:
        self.uploads_looks = self.deletions_looks = 0
        self._stopping = stopping
        self._most = most

    def uploads(self) -> int:
        self.uploads_looks += 1
        if self.uploads_looks == self._most:
            self._stopping.set()
        if self.uploads_looks == 1:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
        return 0

    def deletions(self) -> int:
        self.deletions_looks += 1
        return 0


def test_an_outage_does_not_end_the_looking():
    stopping = threading.Event()
    looks = Looks(stopping, 3)
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
