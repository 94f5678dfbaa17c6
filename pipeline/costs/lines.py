"""An item of a bill."""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict


class Line(BaseModel):
    """An item with its cost in USD and a note on how it is computed."""

    model_config = ConfigDict(frozen=True)

    what: str
    usd: float
    note: str = ""


def total(lines: Iterable[Line]) -> float:
    """Add up the cost of ``lines``, USD."""
    return sum(line.usd for line in lines)
