"""A service with a limit of requests a second."""

import math

_WINDOW_S = 10


class Rate:
    """A limit on requests a second, which serves them in order of arrival.

    Args:
        name: its name.
        a_second: the limit; infinite for none.
        burst: requests that are served at once after a pause.
    """

    __slots__ = ("_count", "_free", "_window", "a_second", "burst", "first_wait", "name", "peak",
                 "served", "waited")  # fmt: skip

    def __init__(self, name: str, a_second: float, burst: float = 0.0) -> None:
        self.name = name
        self.a_second = a_second
        self.burst = burst
        self.served = 0.0
        self.waited = 0.0
        self.peak = 0.0
        self.first_wait = math.inf
        self._free = -math.inf
        self._window = -1
        self._count = 0.0

    def take(self, now: float, count: float = 1.0) -> float:
        """Serve ``count`` requests; return the time at which that begins."""
        self.served += count
        window = int(now // _WINDOW_S)
        if window != self._window:
            self._window, self._count = window, 0.0
        self._count += count
        self.peak = max(self.peak, self._count / _WINDOW_S)
        if math.isinf(self.a_second):
            return now
        # An unused second counts, up to the burst.
        free = max(self._free, now - self.burst / self.a_second)
        self._free = free + count / self.a_second
        begun = max(now, free)
        if begun > now:
            self.waited += begun - now
            self.first_wait = min(self.first_wait, now)
        return begun

    @property
    def utilisation(self) -> float:
        """Return the busiest ten seconds as a share of the limit."""
        return self.peak / self.a_second
