"""The heartbeat of a claimed run or range: one thread that extends the lease.

It also writes the progress. Leases last by the wall clock, which goes on while this machine
sleeps; the deadline is in time awake.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from types import TracebackType
from typing import Self

from pipeline.core.awake import Awake
from pipeline.core.errors import LeaseLost, TimedOut
from pipeline.core.settings import Settings
from pipeline.runs.claimed import Claimed
from pipeline.runs.delivery import Delivery

log = logging.getLogger(__name__)

_TICK_S = 5.0  # how often progress may be written
_LOOK_S = 1.0  # a lease that expired during sleep is renewed so soon
_STEP = 5.0  # percent: smaller steps wait for the next heartbeat
# Reserved before the host's deadline, to record a timeout before the host kills this process.
_MARGIN_S = 5.0


class Lease:
    """The lease on a claimed run, and the ``Report`` that its stage is given.

    A separate thread does all the writing. So a stage that is busy in native code keeps its lease,
    and one that reports ten times a millisecond costs at most 20 writes of progress.

    Args:
        claimed: the run, or one range of it.
        lease_s: how long each heartbeat extends the lease.
        extend: called with seconds at each extension of the lease, to extend the message's
            visibility timeout too. Both last as long, so a lost run is free when its message
            comes back.
        seconds_left: until the host's deadline, which ends the run.
        hidden: True if the message was received with the visibility timeout that a heartbeat sets,
            so that the first extension is not needed.
    """

    def __init__(
        self,
        claimed: Claimed,
        *,
        lease_s: float,
        extend: Callable[[int], None],
        seconds_left: float,
        hidden: bool = False,
    ) -> None:
        self._claimed = claimed
        self._lease_s = lease_s
        self._extend = extend
        self._seconds = seconds_left
        self._hidden = hidden
        self._awake = Awake()
        self._progress = 0.0
        self._beaten, self._tried = _Since(), _Since()
        self._lost = threading.Event()
        self._stop = threading.Event()
        # The thread logs with the context of the thread that made it.
        self._thread = threading.Thread(
            target=copy_context().run, args=(self._beat,), name="lease", daemon=True
        )

    def __enter__(self) -> Self:
        if not self._hidden:
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
        """Take the fraction done; see ``pipeline.core.stage.Report``."""
        self._check_after_sleep()
        if self._lost.is_set():
            raise LeaseLost
        if self.remaining() <= 0:
            raise TimedOut(
                "deadline",
                f"{self._claimed.stage} did not end within the {self._seconds:.0f} s that its "
                "host has for it. Raise its timeout_s (on Lambda) or VIDEODROP_WORKER_TIMEOUT_S "
                "(on workers), run it on a faster host, or upload a shorter video.",
            )
        self._progress = min(100.0, max(0.0, 100 * fraction))

    def remaining(self) -> float:
        """Return the seconds until the deadline; 0 once it has passed."""
        return max(0.0, self._seconds - self._awake.seconds())

    def part(self, start: float, end: float) -> "Part":
        """Return a report whose 0 to 1 is ``start`` to ``end`` of this one."""
        return Part(self, start, end)

    def _check_after_sleep(self) -> None:
        """Look for a successor if this process or its machine slept for longer than the lease.

        The other thread may not have looked yet. While AWS fails it has, and nobody waits for AWS.
        """
        if self._tried.seconds() > self._lease_s:
            self._write(self._progress, extends=True)

    def _beat(self) -> None:
        written, reported = 0.0, _Since()
        while not self._lost.is_set() and not self._stop.wait(
            min(_LOOK_S, _TICK_S, self._lease_s / 3)
        ):
            self._awake.seconds()
            due = self._beaten.seconds() >= self._lease_s / 3
            progress = self._progress
            early = reported.seconds() < _TICK_S or progress < written + _STEP
            if (due or not early) and self._write(progress, extends=due):
                written, reported = progress, _Since()

    def _write(self, progress: float, *, extends: bool) -> bool:
        """Write the progress, and extend the lease if wanted; return False if it failed."""
        try:
            if extends:
                self._claimed.heartbeat(progress=progress, lease_s=self._lease_s)
                self._extend(int(self._lease_s))
                self._beaten = _Since()
            else:
                self._claimed.report(progress=progress)
        except LeaseLost:
            self._lost.set()
            return False
        except Exception:
            # The network may recover: the lease lasts two more heartbeats. After that another
            # worker may claim the run, and the next write that succeeds reports it.
            log.warning("heartbeat failed", exc_info=True)
            return False
        finally:
            self._tried = _Since()
        return True


class _Since:
    """A moment, and how long ago it was by the clock that went further.

    One stands still while this machine sleeps; the other may be set back.
    """

    def __init__(self) -> None:
        self._clocks = time.time(), time.monotonic()

    def seconds(self) -> float:
        """Return the seconds since then."""
        wall, monotonic = self._clocks
        return max(time.time() - wall, time.monotonic() - monotonic)


class Part:
    """A part of another report."""

    def __init__(self, whole: Lease, start: float, end: float) -> None:
        self._whole, self._start, self._width = whole, start, end - start

    def __call__(self, fraction: float) -> None:
        """Take the fraction done of this part."""
        self._whole(self._start + self._width * min(1.0, max(0.0, fraction)))

    def remaining(self) -> float:
        """Return the seconds until the deadline."""
        return self._whole.remaining()


def lease(claimed: Claimed, delivery: Delivery, settings: Settings) -> Lease:
    """Return the lease on what the message of a delivery asked for.

    Args:
        claimed: the run, or one range of it.
        delivery: of the message.
        settings: the length of leases, and how long a message is hidden without an extension.
    """
    return Lease(
        claimed,
        lease_s=settings.lease_s,
        extend=delivery.extend,
        seconds_left=delivery.seconds_left - _MARGIN_S,
        hidden=settings.redelivery_s <= settings.lease_s,
    )
