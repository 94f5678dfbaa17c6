"""One word for the most frequent thing a generator does."""

from typing import Protocol


class _Source(Protocol):
    """Python's `random.Random` or NumPy's `Generator`."""

    def random(self) -> float:
        """Return a number from 0 up to, and without, 1."""


def happens(rng: _Source, share: float) -> bool:
    """Say yes in this share of cases."""
    return rng.random() < share
