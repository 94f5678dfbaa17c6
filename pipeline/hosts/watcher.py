"""The process that looks through the uploads bucket, where the store tells of no uploads."""

import logging
import signal
import threading
import time

from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.aws.watch import Watch
from pipeline.core.errors import DependencyFailed, InvalidSettings
from pipeline.core.settings import Settings

log = logging.getLogger(__name__)

_DELETIONS_S = 600.0  # looking for them reads the whole catalog


class Watcher:
    """Looks again and again.

    Args:
        watch: the search.
        every_s: seconds between two looks.
    """

    def __init__(self, watch: Watch, every_s: float) -> None:
        self._watch = watch
        self._every_s = every_s
        self._looked_for_deletions = float("-inf")

    def run(self, stopping: threading.Event) -> None:
        """Look until told to stop; an outage is outwaited."""
        while True:
            try:
                self.look(time.monotonic())
            except (DependencyFailed, *aws.ERRORS):
                log.exception("the bucket or the queues could not be reached; trying again")
            if stopping.wait(self._every_s):
                return

    def look(self, now: float) -> None:
        """Look once.

        Args:
            now: seconds, of any clock.
        """
        if found := self._watch.uploads():
            log.info("uploads found: %d", found)
        if now - self._looked_for_deletions >= _DELETIONS_S:
            if gone := self._watch.deletions():
                log.info("deletions found: %d", gone)
            self._looked_for_deletions = now


def main(settings: Settings) -> None:
    """Look until SIGTERM or SIGINT.

    Raises:
        InvalidSettings: ``bad_settings``: the setting ``watch_s`` is missing.
    """
    if settings.watch_s is None:
        raise InvalidSettings(
            "bad_settings",
            "Set VIDEODROP_WATCH_S to the seconds between two looks through the bucket.",
        )
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    Watcher(bootstrap.watch(settings), settings.watch_s).run(stopping)


if __name__ == "__main__":
    bootstrap.set_up_telemetry("watcher")
    main(bootstrap.settings())
