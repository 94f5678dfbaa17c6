"""How busy a worker's live lanes are: replays make way for them."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.worker.functions import Function


class Load:
    """The live jobs that run in this worker now.

    The lowest priority keeps a replay from the cores that live jobs use, but not from memory, the
    GPU and the embedded AWS. So none is begun where it could not get on anyway.

    Args:
        cores: how many live jobs leave no time for a replay: each keeps a core busy.
    """

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._running: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def running(self, name: str) -> Iterator[None]:
        """Count a live job of the stage ``name`` for as long as it runs."""
        with self._lock:
            self._running[name] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running[name] -= 1

    def full(self) -> bool:
        """Whether there are as many live jobs as cores."""
        with self._lock:
            return self._running.total() >= self._cores

    def holds_back(self, replay: Function) -> bool:
        """Whether ``replay`` shall not take a message now.

        A GPU knows no priorities between processes: there a live job of the same stage is enough.
        """
        return self.full() or (replay.gpu and self._running[replay.name] > 0)
