"""The simulated time, and what is due at which moment."""

import heapq
from collections.abc import Callable
from itertools import count

Call = Callable[[], None]


class Clock:
    """A discrete-event clock: it jumps from one due call to the next.

    Attributes:
        now: seconds since the start.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Call]] = []
        self._order = count()

    def at(self, when: float, call: Call) -> None:
        """Have a call made at a time; of equal times, the one that was added first is first."""
        heapq.heappush(self._due, (max(when, self.now), next(self._order), call))

    def run(self) -> None:
        """Make all calls in order of time, until none is due."""
        while self._due:
            self.now, _, call = heapq.heappop(self._due)
            call()
