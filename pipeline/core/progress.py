"""Progress reports of running work, which also end it at its deadline."""

import time
from collections.abc import Callable
from typing import Protocol

from pipeline.core.errors import TimedOut


class Report(Protocol):
    """A receiver of progress reports."""

    def __call__(self, fraction: float) -> None:
        """Report that ``fraction`` (0 to 1) is done.

        Call it at least every few seconds of work.

        Raises:
            TimedOut: the deadline has passed.
            LeaseLost: another worker has taken the run over.
        """

    def remaining(self) -> float:
        """Return the seconds until the deadline; 0 once it has passed."""


class Deadline:
    """A ``Report`` for runs outside the pipeline: a time limit and an optional listener."""

    def __init__(
        self, seconds: float = 3600.0, listen: Callable[[float], None] = lambda _: None
    ) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._listen = listen

    def __call__(self, fraction: float) -> None:
        """Report that ``fraction`` (0 to 1) is done; see ``Report``."""
        if self.remaining() <= 0:
            raise TimedOut("deadline", f"The run did not end within {self._seconds:.0f} s.")
        self._listen(min(1.0, max(0.0, fraction)))

    def remaining(self) -> float:
        """Return the seconds until the deadline; 0 once it has passed."""
        return max(0.0, self._end - time.monotonic())


class Step:
    """The part of a report that one of several steps has.

    Args:
        whole: the report on all steps.
        start: of this step, as a fraction of the whole.
        width: of this step, likewise.
    """

    def __init__(self, whole: Report, start: float, width: float) -> None:
        self._whole, self._start, self._width = whole, start, width

    def __call__(self, fraction: float) -> None:
        """Report that ``fraction`` (0 to 1) of the step is done; see ``Report``."""
        self._whole(self._start + self._width * min(1.0, max(0.0, fraction)))

    def remaining(self) -> float:
        """Return the seconds until the deadline; 0 once it has passed."""
        return self._whole.remaining()
