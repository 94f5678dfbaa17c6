"""The start of hosts while messages wait for them, by a look at the queues every minute.

A host is only a wake-up: messages stay in their queues until a worker takes them. So a job that
could not be submitted is submitted at the next look, and one too many ends by itself.
"""

import time
from collections.abc import Callable, Collection
from typing import Protocol, get_args

from pipeline.core.errors import DependencyFailed
from pipeline.core.pool import Pool, PoolLane, hosts_to_start, is_due

# So many failed hosts in the time stop further ones: they cost as much as others.
_FAILURES, _FAILURES_S = 3, 3600.0


class Jobs(Protocol):
    """The hosts of the pool."""

    def started(self) -> list[float | None]:
        """Return when each host that has not ended began to work; None for one that starts."""

    def failures(self, since: float) -> int:
        """Count the hosts that have failed since then."""

    def submit(self) -> None:
        """Start a host."""


class HostPool:
    """A pool of hosts.

    Args:
        pool: its stages and limits.
        jobs: its hosts.
        waiting: returns the number of messages that wait in a stage's lane.
        paused: returns stage and lane of each paused queue.
        clock: returns the time.
    """

    def __init__(
        self,
        pool: Pool,
        jobs: Jobs,
        waiting: Callable[[str, PoolLane], int],
        paused: Callable[[], Collection[tuple[str, str]]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._pool = pool
        self._jobs = jobs
        self._waiting = waiting
        self._paused = paused
        self._clock = clock

    def wake(self) -> int:
        """Start the hosts that the waiting messages need; return how many.

        Raises:
            DependencyFailed: ``hosts_failed``: the last ones have failed.
        """
        places = [(stage, lane) for stage in self._pool.stages for lane in get_args(PoolLane)]
        found = {place: count for place in places if (count := self._waiting(*place))}
        if not found:
            return 0
        for place in self._paused():
            found.pop(place, None)
        now, started = self._clock(), self._jobs.started()
        waiting = sum(
            count
            for (_, lane), count in found.items()
            if started or is_due(count, gather_s=self._pool.gather_s.get(lane, 0), now=now)
        )
        wanted = hosts_to_start(waiting, started, most=self._pool.max_hosts, now=now)
        if wanted and self._jobs.failures(now - _FAILURES_S) >= _FAILURES:
            raise DependencyFailed(
                "hosts_failed",
                f"{waiting} messages wait, and no host is started: {_FAILURES} have failed "
                "in the last hour. The job queue of AWS Batch says why.",
            )
        for _ in range(wanted):
            self._jobs.submit()
        return wanted
