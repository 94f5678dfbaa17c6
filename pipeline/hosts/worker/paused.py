"""The queues that people have paused, as a worker reads them."""

import logging
import threading
import time
from collections.abc import Callable

from pipeline.aws import clients as aws
from pipeline.hosts.worker.functions import Function

log = logging.getLogger(__name__)

_EVERY_S = 2.0


class Paused:
    """The paused queues, read again every two seconds for all hosts of a worker.

    While they cannot be read, the last ones that were read count.

    Args:
        read: returns stage and lane of each paused queue.
    """

    def __init__(self, read: Callable[[], set[tuple[str, str]]]) -> None:
        self._read = read
        self._known: set[tuple[str, str]] = set()
        self._due = 0.0
        self._lock = threading.Lock()

    def holds(self, function: Function) -> bool:
        """Return whether the queue of ``function`` is paused."""
        with self._lock:
            if time.monotonic() >= self._due:
                try:
                    self._known = self._read()
                except aws.ERRORS as error:
                    log.debug("paused queues cannot be read: %s", error)
                self._due = time.monotonic() + _EVERY_S
            return (function.name, function.lane) in self._known
