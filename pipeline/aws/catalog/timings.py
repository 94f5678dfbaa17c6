"""Recorded run times by stage, code and models, for estimates of later runs.

    pk        sk                       what
    #timings  {stage}#{digest}#{slot}  the cost of one of the latest runs

Each run replaces the row of one slot, by chance. So the rows are a sample of the latest runs, of a
limited size. A row is written with the result, in the same request, and no two workers wait for
each other. As only a run replaces a row, an installation that was idle for a year still has
figures; and estimates follow new hardware, because only the latest two months count.
"""

import json
from collections.abc import Callable, Hashable, Iterable
from hashlib import sha256
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict

from pipeline.aws.catalog.table import Table, iso, partition
from pipeline.core.records import Cost, StageResult

_PK = "#timings"
_MONTHS = 2
SLOTS = 64

_Kind = TypeVar("_Kind", bound=Hashable)


class Totals(Cost):
    """The sum of each cost over ``runs`` runs."""

    runs: int

    def __add__(self, other: Self) -> Self:
        names = type(self).model_fields
        return self.model_copy(
            update={name: getattr(self, name) + getattr(other, name) for name in names}
        )

    def share(self, media_seconds: float | None) -> Cost:
        """Return the cost of one run over so much video, in proportion to its length.

        Args:
            media_seconds: its length; the average run's if None.
        """
        if media_seconds is None or not self.media_seconds:
            part = 1 / self.runs
        else:
            part = media_seconds / self.media_seconds
        return Cost(
            seconds=self.seconds * part,
            cpu_seconds=self.cpu_seconds * part,
            gpu_seconds=self.gpu_seconds * part,
            media_seconds=self.media_seconds * part,
            bytes_in=round(self.bytes_in * part),
            bytes_out=round(self.bytes_out * part),
            files=round(self.files * part),
        )


class Timing(BaseModel):
    """The cost of a run, by code and models.

    Attributes:
        month: in which it ended, UTC, e.g. ``2026-11``.
        stage: the stage.
        version: version of the stage's code.
        identity: the models and engines that it used.
        totals: its cost; earlier versions of this project added up the runs of a month.
    """

    model_config = ConfigDict(frozen=True)

    month: str
    stage: str
    version: str
    identity: dict[str, str]
    totals: Totals


class Timings:
    """The recorded run times in the catalog's table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def all(self) -> list[Timing]:
        """Return all timings, the latest month first."""
        items = self._table.query(KeyConditionExpression=partition("pk", _PK))
        found = [Timing.model_validate({**item, "totals": item}) for item in items]
        return sorted(found, key=lambda timing: timing.month, reverse=True)


def row(result: StageResult) -> dict[str, Any]:
    """Return the row to write with a result that has just been computed."""
    same = json.dumps([result.version, result.identity], sort_keys=True)
    digest = sha256(same.encode()).hexdigest()[:16]
    return {
        "pk": _PK,
        "sk": f"{result.stage}#{digest}#{slot(result.prefix):02d}",
        "month": iso(result.finished_at)[:7],
        "stage": result.stage,
        "version": result.version,
        "identity": result.identity,
        "runs": 1,
        **result.cost.model_dump(),
    }


def slot(prefix: str) -> int:
    """Return the number, from 0 to 63, of the row that a result under ``prefix`` replaces."""
    return int.from_bytes(sha256(prefix.encode()).digest()) % SLOTS


def recent(
    timings: Iterable[Timing], kinds: Callable[[Timing], Iterable[_Kind]]
) -> dict[_Kind, Totals]:
    """Sum the runs of each kind, over the latest two months with any runs of that kind.

    Args:
        timings: the latest month first.
        kinds: returns the kinds that a timing belongs to.
    """
    months: dict[_Kind, set[str]] = {}
    totals: dict[_Kind, Totals] = {}
    for timing in timings:
        for kind in kinds(timing):
            seen = months.setdefault(kind, set())
            if timing.month not in seen and len(seen) == _MONTHS:
                continue
            seen.add(timing.month)
            known = totals.get(kind)
            totals[kind] = known + timing.totals if known else timing.totals
    return totals
