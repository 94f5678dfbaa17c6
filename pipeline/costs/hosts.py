"""The number of GPU hosts that are paid for, by a simulation of every event.

The janitor looks each minute for messages that wait, and starts hosts by the rule of ``core.pool``.
A host's worker ends when it has been idle for a while, and AWS Batch ends the host some time later.
Until then another job can begin on it at once. No closed formula comes close, so this simulates it
with random arrivals, the same at each call.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from heapq import heappop, heappush
from itertools import count
from typing import Literal

from pipeline.core.pool import hosts_to_start, is_due
from pipeline.costs import installation as infra

_LOOK_S = 60
# Long enough that other arrivals change the result by a few percent only; and an upper limit.
_DAYS, _RUNS, _MOST_RUNS = 10, 500, 10_000
_DAY_S = 86_400

_What = Literal["arrival", "look", "ready", "done", "idle", "end"]


@cache
def hosts(arrivals: float, seconds: float, gather_s: int = 0) -> float:
    """Return the average number of hosts of a pool that are paid for.

    Beyond the capacity of ``max_hosts`` it is the number of busy hosts, L = λW.

    Args:
        arrivals: runs a second, on average, independent of one another.
        seconds: duration of a run.
        gather_s: seconds for which a few messages are gathered before they start a host.
    """
    at_work = arrivals * seconds
    if not at_work or at_work >= infra.MAX_HOSTS:
        return at_work
    return max(at_work, _Events(arrivals, seconds, gather_s).average())


@dataclass(eq=False)
class _Host:
    """A host.

    Attributes:
        paid_from: when EC2 began to bill it.
        since: when its worker began; None while the host starts.
        state: ``kept`` after its worker has ended.
        turn: number of its current state, so that events of earlier ones are ignored.
    """

    paid_from: float
    since: float | None = None
    state: Literal["starting", "working", "idle", "kept"] = "starting"
    turn: int = 0


class _Events:
    """A simulation of the queue and its hosts, in seconds.

    Args:
        rate: arrivals a second.
        length: of a run.
        gather_s: as above.
    """

    def __init__(self, rate: float, length: float, gather_s: int) -> None:
        self._length, self._gather_s = length, gather_s
        self._intervals = _intervals(rate)
        self._events: list[tuple[float, int, _What, _Host | None, int]] = []
        self._numbers = count()
        self._hosts: list[_Host] = []
        self._waiting = self._runs = 0
        self._paid = 0.0
        self._looking = False

    def average(self) -> float:
        """Return the average number of hosts over enough days and runs for a stable mean."""
        now, last = 0.0, 0.0
        self._at(next(self._intervals), "arrival")
        while self._events:
            now, _, what, host, turn = heappop(self._events)
            if what == "arrival":
                last = now
                self._arrive(now)
            elif what == "look":
                self._look(now)
            elif host and host.turn == turn:
                self._proceed(now, what, host)
        return self._paid / last

    def _at(self, when: float, what: _What, host: _Host | None = None) -> None:
        turn = host.turn if host else 0
        heappush(self._events, (when, next(self._numbers), what, host, turn))

    def _arrive(self, now: float) -> None:
        self._runs += 1
        if self._runs < _MOST_RUNS and (self._runs < _RUNS or now < _DAYS * _DAY_S):
            self._at(now + next(self._intervals), "arrival")
        idle = next((host for host in self._hosts if host.state == "idle"), None)
        if idle:
            self._work(now, idle)
            return
        self._waiting += 1
        self._look_again(now)

    def _look_again(self, now: float) -> None:
        if not self._looking:
            self._looking = True
            self._at((now // _LOOK_S + 1) * _LOOK_S, "look")

    def _look(self, now: float) -> None:
        self._looking = False
        if not self._waiting:
            return
        started = [host.since for host in self._hosts if host.state != "kept"]
        waiting = self._waiting
        if not started and not is_due(waiting, gather_s=self._gather_s, now=now):
            waiting = 0
        for _ in range(hosts_to_start(waiting, started, most=infra.MAX_HOSTS, now=now)):
            kept = next((host for host in self._hosts if host.state == "kept"), None)
            if kept:
                self._turn(kept, "starting")
                kept.since = None
                self._at(now + infra.JOB_START_S, "ready", kept)
            else:
                host = _Host(paid_from=now + infra.HOST_LAUNCH_S)
                self._hosts.append(host)
                self._at(host.paid_from + infra.HOST_BOOT_S, "ready", host)
        self._look_again(now)

    def _proceed(self, now: float, what: _What, host: _Host) -> None:
        if what == "end":
            self._hosts.remove(host)
            self._paid += now - host.paid_from
        elif what == "idle":
            self._turn(host, "kept")
            self._at(now + infra.HOST_KEPT_S, "end", host)
        else:
            if what == "ready":
                host.since = now
            if self._waiting:
                self._waiting -= 1
                self._work(now, host)
            else:
                self._turn(host, "idle")
                self._at(now + infra.IDLE_S, "idle", host)

    def _work(self, now: float, host: _Host) -> None:
        self._turn(host, "working")
        self._at(now + self._length, "done", host)

    def _turn(self, host: _Host, state: Literal["starting", "working", "idle", "kept"]) -> None:
        host.state = state
        host.turn += 1


def _intervals(rate: float) -> Iterator[float]:
    """Yield seconds between arrivals: quantiles of the exponential distribution in random order.

    Their mean is exact after few arrivals; random numbers would need thousands.
    """
    quantiles = [-math.log1p(-(rank + 0.5) / _RUNS) / rate for rank in range(_RUNS)]
    shuffler = random.Random(0)  # noqa: S311 - a simulation
    while True:
        shuffler.shuffle(quantiles)
        yield from quantiles
