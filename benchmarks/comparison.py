"""Comparisons of this project with alternatives, and their bars."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

from benchmarks.inputs import Input

Figures = dict[str, float]
"""Measured values by name; the names end in their unit."""

Round = Mapping[str, Figures]
"""The figures of each candidate, by its name."""

Runner = Callable[[Input, Path], Figures]
"""Processes an input into an empty folder."""

OURS: Final = "videodrop"
COMMAND: Final = "whisper command"
GREEDY: Final = "whisper.transcribe, greedy"
FASTER: Final = "faster-whisper"
BATCHED: Final = "faster-whisper, batched"


@dataclass(frozen=True, slots=True)
class Bar:
    """A value that a comparison must reach.

    Attributes:
        name: what it limits.
        value: of one round.
        least: the value must not be below it.
        most: the value must not be above it.
    """

    name: str
    value: Callable[[Round], float]
    least: float | None = None
    most: float | None = None

    def passed(self, value: float) -> bool:
        """Return whether a value meets the bar."""
        if self.least is not None and not value >= self.least:
            return False
        return self.most is None or value <= self.most


@dataclass(frozen=True, slots=True)
class Comparison:
    """One input, processed by each candidate.

    Attributes:
        name: its name, whose first word is the group.
        source: the input.
        candidates: runners by name.
        bars: what must hold.
        figure: the figure that the chart shows.
    """

    name: str
    source: Input
    candidates: Mapping[str, Runner]
    bars: Sequence[Bar] = ()
    figure: str = "cpu_s"

    @property
    def group(self) -> str:
        """Return the group."""
        return self.name.split()[0].rstrip(",")


@dataclass(slots=True)
class Outcome:
    """The rounds of a comparison so far."""

    comparison: Comparison
    rounds: list[dict[str, Figures]] = field(default_factory=list)

    def report(self) -> dict[str, Any]:
        """Return medians and quartiles of all figures, and the bars."""
        names = {name: None for one in self.rounds for name in one}
        return {
            "figure": self.comparison.figure,
            "rounds": len(self.rounds),
            "candidates": {name: self._candidate(name) for name in names},
            "bars": [self._bar(bar) for bar in self.comparison.bars],
        }

    def _candidate(self, name: str) -> dict[str, dict[str, float]]:
        there = [one[name] for one in self.rounds if name in one]
        figures = {figure: None for one in there for figure in one}
        return {
            figure: spread([one[figure] for one in there if figure in one]) for figure in figures
        }

    def _bar(self, bar: Bar) -> dict[str, Any]:
        values = []
        for one in self.rounds:
            try:
                values.append(bar.value(one))
            except KeyError:  # a candidate that is not on this machine
                continue
        row: dict[str, Any] = {"name": bar.name, "least": bar.least, "most": bar.most}
        if not values:
            return row | {"value": None, "passed": None}
        # Of each round, because the candidates of one round ran at nearly the same time.
        found = spread(values)
        return row | {"value": found, "passed": bar.passed(found["median"])}


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return the median and the quartiles."""
    if len(values) == 1:
        low = high = values[0]
    else:
        low, _, high = quantiles(values, n=4, method="inclusive")
    return {"median": round(median(values), 4), "low": round(low, 4), "high": round(high, 4)}


def ratio(over: str, under: str = OURS, figure: str = "cpu_s") -> Callable[[Round], float]:
    """Return the ratio of one candidate's figure to another's."""
    return lambda one: one[over][figure] / one[under][figure]


def own(figure: str, name: str = OURS) -> Callable[[Round], float]:
    """Return a candidate's own figure."""
    return lambda one: one[name][figure]


def difference(over: str, under: str, figure: str) -> Callable[[Round], float]:
    """Return by how much one candidate's figure exceeds another's."""
    return lambda one: one[over][figure] - one[under][figure]
