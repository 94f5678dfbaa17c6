"""The choices of one history: drawn by a seed, or read from a list."""

import random
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate


class Weights:
    """The weights of numbers from 0 on; 0 is always the choice without a fault.

    Args:
        weights: of each number.
    """

    def __init__(self, weights: Sequence[float]) -> None:
        whole = sum(weights)
        self.bounds = [one / whole for one in accumulate(weights)][:-1]


class Choices:
    """The choices of one history.

    Args:
        seed: of the numbers, where no list is given.
        given: choices that were made before; behind its end, each choice is 0.

    Attributes:
        made: the choices so far.
    """

    def __init__(self, seed: int = 0, given: Sequence[int] | None = None) -> None:
        self._random = random.Random(seed).random  # noqa: S311 - a seed gives the same history
        self._given = given
        self.made: list[int] = []

    def draw(self, weights: Weights) -> int:
        """Return a number by its weight."""
        if self._given is not None:
            place = len(self.made)
            found = self._given[place] if place < len(self._given) else 0
            found = min(found, len(weights.bounds))
        else:
            found = bisect_right(weights.bounds, self._random())
        self.made.append(found)
        return found

    def below(self, end: int) -> int:
        """Return a number below ``end``."""
        if self._given is not None:
            place = len(self.made)
            found = self._given[place] % end if place < len(self._given) else 0
        else:
            found = int(self._random() * end)
        self.made.append(found)
        return found

    def chance(self, share: float) -> bool:
        """Return True in a share of all cases."""
        if self._given is not None:
            place = len(self.made)
            found = int(place < len(self._given) and bool(self._given[place]))
        else:
            found = int(self._random() < share)
        self.made.append(found)
        return bool(found)
