"""The number of GPU hosts that are paid for, by a simulation of their scaling in minutes.

``infra/modules/gpu_service/scaling.tf`` starts another worker while messages wait, and stops all of
them after some time without messages. ECS starts the hosts that these workers need, and ends those
that they do not. So a busy stage grows to ``max_hosts`` and stays there. No closed formula comes
close, so this simulates the policy with random arrivals, the same at each call.
"""

import math
import random
from collections import deque
from collections.abc import Iterator
from functools import cache
from heapq import heappush, heapreplace

from pipeline.costs import installation as infra

# Long enough that other arrivals change the result by a few percent only; and an upper limit.
_MINUTES, _MOST_MINUTES = 15_000, 100_000
_RUNS, _MOST_RUNS = 500, 30_000


@cache
def hosts(arrivals: float, seconds: float) -> float:
    """Return the average number of GPU hosts of one stage that are paid for.

    Beyond the capacity of ``max_hosts`` it is the number of busy hosts, L = λW.

    Args:
        arrivals: runs a second, on average, independent of one another.
        seconds: duration of a run.
    """
    at_work = arrivals * seconds
    if not at_work or at_work >= infra.MAX_HOSTS:
        return at_work
    return max(at_work, _Minutes(arrivals * 60, seconds / 60).average())


class _Minutes:
    """A simulation of a stage's queue, its workers and their hosts.

    Args:
        rate: arrivals a minute.
        length: of a run, minutes.
    """

    def __init__(self, rate: float, length: float) -> None:
        self._length = length
        self._intervals = _intervals(rate)
        self._next = next(self._intervals)
        self._now = self._runs = 0
        self._waiting: deque[float] = deque()  # time of arrival
        self._free: list[float] = []  # time at which each worker becomes idle
        self._last = 0.0  # of these
        self._starting: deque[int] = deque()  # time at which further ones are ready
        self._waited = False
        self._workers = self._hosts = self._idle = self._surplus = self._rested = 0

    def average(self) -> float:
        """Return the average number of hosts over enough minutes and runs for a stable mean."""
        paid = minutes = 0  # with hosts
        while (minutes < _MINUTES or self._runs < _RUNS) and (
            minutes < _MOST_MINUTES and self._runs < _MOST_RUNS
        ):
            if not self._hosts and not self._waiting:
                self._now = max(self._now, int(self._next))
            self._now += 1
            self._work()
            self._scale()
            self._buy()
            paid += self._hosts
            minutes += bool(self._hosts)
        return paid / self._now

    def _work(self) -> None:
        while self._next < self._now:
            self._waiting.append(self._next)
            self._runs += 1
            self._next += next(self._intervals)
        while self._starting and self._starting[0] <= self._now:
            heappush(self._free, self._starting.popleft())
        self._waited = False
        while self._waiting and self._free:
            begins = max(self._waiting[0], self._free[0])
            if begins > self._now:
                break
            self._waited |= begins > self._waiting.popleft()
            heapreplace(self._free, end := begins + self._length)
            self._last = max(self._last, end)

    def _scale(self) -> None:
        """Apply the alarms ``waiting`` and ``idle``.

        Their further steps, by number and age of messages, are left out: they only shorten the
        growth to ``max_hosts``, which hardly changes a month.
        """
        # The alarms use the maximum of each minute.
        waiting = self._waited or bool(self._waiting)
        self._idle = 0 if waiting or self._last > self._now else self._idle + 1
        if waiting and self._now >= self._rested and self._workers < infra.MAX_HOSTS:
            self._add()
        elif self._idle >= infra.IDLE_MINUTES:
            self._workers = 0
            self._free.clear()

    def _add(self) -> None:
        ready = self._now + (0 if self._workers < self._hosts else infra.HOST_START_MINUTES)
        self._workers += 1
        self._starting.append(ready)
        self._rested = ready + infra.COOLDOWN_MINUTES

    def _buy(self) -> None:
        self._surplus = self._surplus + 1 if self._hosts > self._workers else 0
        if self._workers and not self._hosts:
            self._hosts = min(max(self._workers, infra.FIRST_HOSTS), infra.MAX_HOSTS)
        elif self._workers > self._hosts or self._surplus >= infra.SURPLUS_MINUTES:
            self._hosts = self._workers


def _intervals(rate: float) -> Iterator[float]:
    """Yield minutes between arrivals: quantiles of the exponential distribution in random order.

    Their mean is exact after few arrivals; random numbers would need thousands.
    """
    quantiles = [-math.log1p(-(rank + 0.5) / _RUNS) / rate for rank in range(_RUNS)]
    shuffler = random.Random(0)  # noqa: S311 - a simulation
    while True:
        shuffler.shuffle(quantiles)
        yield from quantiles
