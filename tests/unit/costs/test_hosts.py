"""Paid GPU hosts, compared with a simulation of every event."""

import random
from collections import deque
from heapq import heappop, heappush

import pytest

from pipeline.costs import hosts as played
from pipeline.costs import installation as infra
from pipeline.costs.hosts import hosts

MINUTE_S = 60.0
MANY_WAITING = 20


class Service:
    """A second simulation: of every event, in seconds, with random numbers."""

    def __init__(self, a_day: float, seconds: float, *, vary: bool = False) -> None:
        rng = random.Random(7)  # noqa: S311 - a simulation
        self._interval = lambda: rng.expovariate(a_day / 86400)
        self._length = lambda: rng.expovariate(1 / seconds) if vary else seconds
        self._events: list[tuple[float, int, str]] = []
        self._waiting: deque[float] = deque()
        self._ready = self._busy = self._wanted = self._hosts = 0
        self._most_waiting = self._idle = self._surplus = 0
        self._more_from = self._another_from = 0.0

    def average(self, runs: int = 2500) -> float:
        paid = last = 0.0
        self._at(self._interval(), "upload")
        self._at(MINUTE_S, "minute")
        while runs:
            now, _, what = heappop(self._events)
            paid, last = paid + self._hosts * (now - last), now
            if what == "upload":
                runs -= 1
                self._waiting.append(now)
                self._at(now + self._interval(), "upload")
            elif what == "done":
                self._busy -= 1
            elif what == "minute":
                self._alarms(now)
                self._ecs()
                self._at(now + MINUTE_S, "minute")
            elif self._wanted:
                self._ready = min(self._ready + 1, self._wanted)
            while self._waiting and self._busy < self._ready:
                self._waiting.popleft()
                self._busy += 1
                self._at(now + self._length(), "done")
            self._most_waiting = max(self._most_waiting, len(self._waiting))
        return paid / last

    def _at(self, when: float, what: str) -> None:
        heappush(self._events, (when, len(self._events), what))

    def _alarms(self, now: float) -> None:
        waiting, self._most_waiting = self._most_waiting, len(self._waiting)
        self._idle = 0 if waiting or self._busy else self._idle + 1
        wanted = self._wanted
        if waiting and (now >= self._more_from or waiting >= MANY_WAITING):
            wanted += infra.MAX_HOSTS if waiting >= MANY_WAITING else 1
            self._more_from = self._start(now, wanted)
        if self._waiting and now - self._waiting[0] > 600 and now >= self._another_from:
            wanted = max(wanted, self._wanted + 1)
            self._another_from = self._start(now, wanted)
        self._wanted = min(wanted, infra.MAX_HOSTS)
        if self._idle >= infra.IDLE_MINUTES:
            self._wanted = self._ready = 0

    def _start(self, now: float, wanted: int) -> float:
        """Start workers; return the end of the cooldown."""
        there = now
        for number in range(self._wanted, min(wanted, infra.MAX_HOSTS)):
            there = now + (1 if number < self._hosts else infra.HOST_START_MINUTES * MINUTE_S)
            self._at(there, "worker")
        return there + infra.COOLDOWN_MINUTES * MINUTE_S

    def _ecs(self) -> None:
        self._surplus = self._surplus + 1 if self._hosts > self._wanted else 0
        if self._wanted > self._hosts == 0:
            self._hosts = max(self._wanted, infra.FIRST_HOSTS)
        elif self._wanted > self._hosts or self._surplus >= infra.SURPLUS_MINUTES:
            self._hosts = self._wanted


@pytest.mark.parametrize(
    ("a_day", "seconds"),
    # From hosts of each upload's own, by one that never ends, to all of them all the time.
    [
        (20, 900),
        (30, 300),
        (100, 60),
        (100, 1200),
        (400, 60),
        (400, 300),
        (1000, 5),
        (1000, 30),
        (1000, 60),
    ],
)
@pytest.mark.parametrize("vary", [False, True])
def test_hosts_are_paid_for_as_their_scaling_has_it(
    a_day: float,
    seconds: float,
    vary: bool,  # noqa: FBT001 - pytest passes parameters by name
):
    expected = Service(a_day, seconds, vary=vary).average()
    assert hosts(a_day / 86400, seconds) == pytest.approx(expected, rel=0.2)


def test_an_upload_of_its_own_has_two_hosts_and_leaves_them_idle():
    # One a day, for a minute: a minute until the alarm, four until the host is there, one of work,
    # 15 until the worker ends and 15 until ECS ends the host; ECS started a second host, too, for
    # 15: some 50 minutes of hosts a day.
    assert hosts(1 / 86400, 60) * 24 * 60 == pytest.approx(49, abs=2)


def test_a_busy_stage_has_all_its_hosts_all_the_time():
    # 0.7 at work on average; but a message always waits before the stage has been idle long enough.
    assert hosts(1000 / 86400, 60) == pytest.approx(infra.MAX_HOSTS, rel=0.02)


def test_there_are_never_fewer_hosts_than_are_at_work(monkeypatch: pytest.MonkeyPatch):
    assert hosts(1, 60) == 60
    # Runs that are longer than the simulation.
    monkeypatch.setattr(played, "_MOST_MINUTES", 100)
    assert hosts.__wrapped__(1e-4, 3.5e4) >= 3.5


def test_rare_and_long_runs_are_not_played_for_ever(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(played, "_MOST_MINUTES", 1000)
    minutes = played._Minutes(rate=1 / 1440, length=60)
    minutes.average()
    assert minutes._runs < 20


def test_the_same_question_has_the_same_answer():
    asked = (123 / 86400, 45.0)
    assert hosts.__wrapped__(*asked) == hosts.__wrapped__(*asked)


def test_no_videos_need_no_hosts():
    assert hosts(0, 60) == 0
