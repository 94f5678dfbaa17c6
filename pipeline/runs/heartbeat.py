"""The heartbeat of a stage run: one thread that keeps the lease and writes the progress."""

import logging
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from types import TracebackType
from typing import Self

from pipeline.aws.catalog.runs import Runs
from pipeline.core.errors import LeaseLost, TimedOut
from pipeline.core.records import StageRun

log = logging.getLogger(__name__)

_TICK_S = 1.0  # how often progress may be written
_STEP = 1.0  # percent: smaller steps wait for the next heartbeat


class Lease:
    """Holds a claimed run: the ``Report`` that a stage is given, backed by the catalog.

    A thread of its own does all the writing, so that a stage which is deep in native code keeps
    its lease, and one that reports ten times a millisecond costs one write a second.

    Args:
        extend: called with seconds together with each extension of the lease, to keep the
            message that brought the event invisible for as long.
        limit_s: the time limit of the stage.
        seconds_left: until the host's deadline; the earlier of both ends the run.
    """

    def __init__(
        self,
        runs: Runs,
        video_id: str,
        run: StageRun,
        *,
        lease_s: float,
        extend: Callable[[int], None],
        limit_s: float,
        seconds_left: float,
    ) -> None:
        self._runs = runs
        self._video_id = video_id
        self._run = run
        self._lease_s = lease_s
        self._extend = extend
        self._seconds = min(limit_s, seconds_left)
        self._end = time.monotonic() + self._seconds
        self._progress = 0.0
        self._lost = threading.Event()
        self._stop = threading.Event()
        # What it logs is about the same as what its maker does.
        self._thread = threading.Thread(
            target=copy_context().run, args=(self._beat,), name="lease", daemon=True
        )

    def __enter__(self) -> Self:
        self._extend(int(self._lease_s))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def __call__(self, fraction: float) -> None:
        """See ``pipeline.core.stage.Report``."""
        if self._lost.is_set():
            raise LeaseLost
        if self.remaining() <= 0:
            raise TimedOut(
                "deadline",
                f"{self._run.stage} did not end within its {self._seconds:.0f} s. "
                "Raise the stage's timeout_s, or upload a shorter video.",
            )
        self._progress = min(100.0, max(0.0, 100 * fraction))

    def remaining(self) -> float:
        """Seconds until the deadline; 0 once it has passed."""
        return max(0.0, self._end - time.monotonic())

    def part(self, start: float, end: float) -> "Part":
        """A report whose 0 to 1 is ``start`` to ``end`` of this one."""
        return Part(self, start, end)

    def _beat(self) -> None:
        written, last = 0.0, time.monotonic()
        while not self._stop.wait(min(_TICK_S, self._lease_s / 3)):
            due = time.monotonic() - last >= self._lease_s / 3
            if not due and self._progress < written + _STEP:
                continue
            progress = self._progress
            try:
                self._runs.heartbeat(
                    self._video_id, self._run, progress=progress, lease_s=self._lease_s
                )
                self._extend(int(self._lease_s))
            except LeaseLost:
                self._lost.set()
                return
            except Exception:
                # A bad moment of the network: the lease lasts two more beats, then somebody else
                # may claim the run and the next write that gets through says so.
                log.warning("heartbeat failed", exc_info=True)
                continue
            written, last = progress, time.monotonic()


class Part:
    """A stretch of another report."""

    def __init__(self, whole: Lease, start: float, end: float) -> None:
        self._whole, self._start, self._width = whole, start, end - start

    def __call__(self, fraction: float) -> None:
        """See ``pipeline.core.stage.Report``."""
        self._whole(self._start + self._width * min(1.0, max(0.0, fraction)))

    def remaining(self) -> float:
        """Seconds until the deadline."""
        return self._whole.remaining()
