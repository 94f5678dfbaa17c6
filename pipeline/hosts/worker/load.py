"""How busy a worker is: replays make way for live work."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.hosts.worker.functions import Function


class Load:
    """The jobs that run in this worker now.

    The lowest priority keeps a replay from the cores that live jobs use, but not from memory, the
    GPU and the embedded AWS, which is one process. So where live jobs have half of the cores or
    more, none is begun and those that run stand still; and there are never more than cores.

    Args:
        cores: how many jobs there is time for: each keeps a core busy.
    """

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._live: Counter[str] = Counter()
        self._replays: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def running(self, function: Function) -> Iterator[None]:
        """Count a job of a stage for as long as it runs."""
        jobs = self._replays if function.replays else self._live
        with self._lock:
            jobs[function.name] += 1
        try:
            yield
        finally:
            with self._lock:
                jobs[function.name] -= 1

    def crowded(self) -> bool:
        """Whether live jobs have half of the cores or more."""
        with self._lock:
            return self._crowded()

    def holds_back(self, replay: Function) -> bool:
        """Whether ``replay`` shall not take a message now.

        A GPU knows no priorities between processes: there a live job of the same stage is enough.
        """
        with self._lock:
            full = self._live.total() + self._replays.total() >= self._cores
            return self._crowded() or full or (replay.gpu and self._live[replay.name] > 0)

    def _crowded(self) -> bool:
        return 2 * self._live.total() >= self._cores
