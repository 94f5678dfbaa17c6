"""The jobs that run in a worker, which decide if a replay may begin."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.hosts.worker.functions import Function


class Load:
    """The jobs that run in this worker now.

    A replay runs at the lowest CPU priority, so it takes no core from a live job. Memory, the GPU
    and the embedded AWS, which is one process, have no priorities. Therefore no replay begins while
    live jobs have half of the cores or more, or while there are as many jobs as cores. A running
    replay continues.

    Args:
        cores: the number of cores; each job keeps one busy.
    """

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._live: Counter[str] = Counter()
        self._replays: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def running(self, function: Function) -> Iterator[None]:
        """Count a job of a stage while it runs."""
        jobs = self._replays if function.replays else self._live
        with self._lock:
            jobs[function.name] += 1
        try:
            yield
        finally:
            with self._lock:
                jobs[function.name] -= 1

    def holds_back(self, function: Function) -> bool:
        """Return whether ``function`` must take no message now; False for live work.

        A GPU has no priorities between processes: one live job of the same stage is enough.
        """
        if not function.replays:
            return False
        with self._lock:
            live, replays = self._live.total(), self._replays.total()
            shares_gpu = function.gpu and self._live[function.name] > 0
        return 2 * live >= self._cores or live + replays >= self._cores or shares_gpu
