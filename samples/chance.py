"""Random events of a given probability."""

from typing import Protocol


class _Source(Protocol):
    """Python's `random.Random` or NumPy's `Generator`."""

    def random(self) -> float:
        """Return a number in [0, 1)."""


def happens(rng: _Source, share: float) -> bool:
    """Return True with a probability of `share`."""
    return rng.random() < share
