"""A stage's Lambda function behind its queue: the mapping's growth, and cold starts."""

import math
from collections import defaultdict, deque
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from benchmarks.simulation.clock import Clock
from benchmarks.simulation.limits import Limits
from benchmarks.simulation.queue import Message, Queue
from benchmarks.simulation.rate import Rate

IDLE_S: Final = 600.0  # that an environment stays; assumed
_TEN_S: Final = 10.0
_CLOSE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of an attempt.

    Attributes:
        at: the time at which the function has ended.
        returns_after: seconds until the message is delivered again; None if it was deleted.
    """

    at: float
    returns_after: float | None = None


class Handler(Protocol):
    """The work of a function on one message."""

    def start_s(self, stage: str) -> float:
        """Return the seconds that a new environment takes to start."""

    def begin(self, message: Message) -> float:
        """Start a message's work; return the time at which it is done."""

    def end(self, message: Message) -> Outcome:
        """Make the last calls of a message's work."""

    def billed(self, stage: str, seconds: float) -> None:
        """Count a call and its seconds."""


class Account:
    """The concurrent executions of all functions together.

    Args:
        most: the limit.
    """

    def __init__(self, most: float) -> None:
        self.most = most
        self.running = 0
        self.peak = 0
        self.first_full = math.inf
        self.busy_s = 0.0
        self._waiting: deque[Function] = deque()

    def take(self, function: "Function", now: float) -> bool:
        """Return True if another execution may begin; otherwise the function waits its turn."""
        if self.running >= self.most:
            self.first_full = min(self.first_full, now)
            if function not in self._waiting:
                self._waiting.append(function)
            return False
        self.running += 1
        self.peak = max(self.peak, self.running)
        return True

    def give(self, seconds: float) -> None:
        """End an execution, and let the function that has waited longest begin one."""
        self.running -= 1
        self.busy_s += seconds
        for _ in range(len(self._waiting)):
            if self.running >= self.most:
                return
            self._waiting.popleft().dispatch()


class Function:
    """A function, its queue and the event source mapping between them.

    Args:
        name: the stage.
        clock: the simulated time.
        account: shared by all functions.
        limits: of the mapping and of new environments.
        handler: does the work.
    """

    def __init__(
        self, name: str, clock: Clock, account: Account, limits: Limits, handler: Handler
    ) -> None:
        self.name = name
        self.queue = Queue(fair=limits.fair)
        self.running = 0
        self.peak = 0
        self.cold_starts = 0
        self.busy_s = 0.0
        self.starts = Rate("new environments in 10 s", limits.starts / _TEN_S, limits.starts)
        self.waited: defaultdict[str, float] = defaultdict(float)
        """Seconds that messages waited, by the limit that they waited for."""
        self._clock = clock
        self._account = account
        self._limits = limits
        self._handler = handler
        self._idle: list[float] = []
        self._level = limits.pollers_first
        self._at = 0.0
        self._blocked: str | None = None
        self._since = 0.0
        self._poked = -1.0

    def send(self, message: Message) -> None:
        """Add a message to the queue."""
        self._mark()
        self.queue.send(message)
        self.dispatch()

    def dispatch(self) -> None:
        """Begin as many calls as the limits allow."""
        self._mark()
        while len(self.queue):
            self._grow()
            if self.running >= self._limits.mapping:
                self._blocked = "maximum concurrency of a queue"
                return
            if self.running + 1 > self._level + _CLOSE:
                self._blocked = "growth of the mappings"
                self._poke()
                return
            if not self._account.take(self, self._clock.now):
                self._blocked = "concurrency of the account"
                return
            self._blocked = None
            self._begin(self.queue.receive(self._clock.now))
        self._blocked = None

    def _begin(self, message: Message) -> None:
        now = self._clock.now
        self.running += 1
        self.peak = max(self.peak, self.running)
        if self._idle and self._idle[-1] < now - IDLE_S:
            self._idle.clear()
        if self._idle or not self._limits.cold:
            if self._idle:
                self._idle.pop()
            self._work(message, now)
            return
        self.cold_starts += 1
        created = self.starts.take(now)
        ready = created + self._handler.start_s(self.name)
        self._clock.at(ready, partial(self._work, message, created))

    def _work(self, message: Message, created: float) -> None:
        done = self._handler.begin(message)
        self._clock.at(done, partial(self._done, message, created))

    def _done(self, message: Message, created: float) -> None:
        outcome = self._handler.end(message)
        self._clock.at(outcome.at, partial(self._over, message, created, outcome))

    def _over(self, message: Message, created: float, outcome: Outcome) -> None:
        now = self._clock.now
        self._mark()
        self.running -= 1
        seconds = now - created
        self.busy_s += seconds
        self._handler.billed(self.name, seconds)
        self.queue.end(message, now, seconds)
        self._idle.append(now)
        if outcome.returns_after is not None:
            back = now + outcome.returns_after
            self._clock.at(back, partial(self._again, message, back))
        self._account.give(seconds)
        self.dispatch()

    def _again(self, message: Message, now: float) -> None:
        message.visible = now
        self.send(message)

    def _grow(self) -> None:
        """Bring the mapping's level to the present."""
        now, waits = self._clock.now, self._blocked is not None
        change = (now - self._at) * self._limits.pollers_a_second
        if waits:
            self._level = min(self._limits.mapping, self._level + change)
        else:
            least = max(self._limits.pollers_first, float(self.running))
            self._level = max(least, self._level - change)
        self._at = now

    def _poke(self) -> None:
        """Have messages looked at again once the mapping has grown by one."""
        left = (self.running + 1 - self._level) / self._limits.pollers_a_second
        when = self._clock.now + max(left, 1e-6)
        if self._poked <= self._clock.now or when < self._poked:
            self._poked = when
            self._clock.at(when, self.dispatch)

    def _mark(self) -> None:
        """Add the time that messages have waited to the limit that holds them."""
        now = self._clock.now
        if self._blocked and now > self._since:
            self.waited[self._blocked] += len(self.queue) * (now - self._since)
        self._since = now
