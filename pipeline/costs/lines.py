"""An item of a bill."""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict


class Line(BaseModel):
    """What is paid for, in USD, and how the amount comes about."""

    model_config = ConfigDict(frozen=True)

    what: str
    usd: float
    note: str = ""


def total(lines: Iterable[Line]) -> float:
    """The sum of ``lines``, USD."""
    return sum(line.usd for line in lines)
