"""A measured distribution, from which values are drawn."""

from collections.abc import Sequence
from itertools import pairwise
from random import Random

from pydantic import BaseModel, ConfigDict, Field


class Distribution(BaseModel):
    """Equally spaced quantiles of what was measured, and how it was measured.

    Values between two quantiles are equally probable. One quantile is a constant.

    Attributes:
        quantiles: from the least to the greatest value.
        how: the measurement.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    quantiles: tuple[float, ...] = Field(min_length=1)
    how: str

    @property
    def mean(self) -> float:
        """Return the mean of the values that are drawn."""
        known = self.quantiles
        if len(known) == 1:
            return known[0]
        return sum((low + high) / 2 for low, high in pairwise(known)) / (len(known) - 1)

    def draw(self, chance: Random) -> float:
        """Draw a value by the inverse of the distribution function."""
        place = chance.random() * (len(self.quantiles) - 1)
        low = int(place)
        if low == len(self.quantiles) - 1:
            return self.quantiles[low]
        return self.quantiles[low] + (place - low) * (self.quantiles[low + 1] - self.quantiles[low])


def quantiles(values: Sequence[float], parts: int = 4) -> tuple[float, ...]:
    """Return equally spaced quantiles of a sample, its least and greatest value included."""
    ordered = sorted(values)
    found = []
    for number in range(parts + 1):
        place = number / parts * (len(ordered) - 1)
        low = min(int(place), len(ordered) - 1)
        high = min(low + 1, len(ordered) - 1)
        found.append(ordered[low] + (place - low) * (ordered[high] - ordered[low]))
    return tuple(found)
