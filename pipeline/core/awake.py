"""A clock of the time in which a process could work.

Linux's monotonic clock stands still while the machine is suspended. It goes on while a process is
stopped (SIGSTOP, a paused virtual machine). So a limit on work is compared with this clock.
"""

import threading
import time
from collections.abc import Callable

# Above the pause between two looks, also on a busy machine.
_LONGEST_LOOK_S = 5.0


class Awake:
    """The seconds for which this process was awake since the clock was made.

    Look at least every few seconds: a longer pause between two looks counts as a few seconds.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()
        self._seconds = 0.0
        self._lock = threading.Lock()

    def seconds(self) -> float:
        """Return the seconds; this is a look."""
        with self._lock:
            now = self._clock()
            self._seconds += min(now - self._last, _LONGEST_LOOK_S)
            self._last = now
            return self._seconds


class Wakes:
    """Notices that this process, or its machine, has slept.

    Args:
        pause_s: a longer time between two looks counts as sleep.
        clock: wall-clock seconds, which go on during sleep of any kind.
    """

    def __init__(self, pause_s: float, clock: Callable[[], float] = time.time) -> None:
        self._pause_s = pause_s
        self._clock = clock
        self._last = clock()

    def look(self) -> bool:
        """Return True if it has slept since the last look."""
        now = self._clock()
        slept, self._last = now - self._last > self._pause_s, now
        return slept
