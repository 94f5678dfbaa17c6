"""Recorded run times by stage, code and models, for estimates of later runs.

    pk        sk                        what
    #timings  {month}#{stage}#{digest}  sums over the runs that ended in this month

A sum grows by one atomic ADD, so workers do not read it first. As nothing is subtracted, there is
one item a month, and readers take the latest months with any runs. So estimates follow new
hardware within weeks, and an installation that was idle for a year still has figures.
"""

import json
import logging
from collections.abc import Callable, Hashable, Iterable, Iterator
from hashlib import sha256
from typing import Self, TypeVar

from pydantic import BaseModel, ConfigDict

from pipeline.aws.catalog.table import Table, iso, partition
from pipeline.core.records import Cost, StageResult

_PK = "#timings"
_MONTHS = 2

_Kind = TypeVar("_Kind", bound=Hashable)

log = logging.getLogger(__name__)


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
    """The runs of one month with the same code and the same models.

    Attributes:
        month: in which they ended, UTC, e.g. ``2026-11``.
        stage: the stage.
        version: version of the stage's code.
        identity: the models and engines they used.
        totals: their summed cost.
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

    def record(self, result: StageResult) -> None:
        """Add the cost of a result that has just been computed.

        Errors are only logged, because the result is recorded already. A message delivered twice
        may be counted twice or not at all, which hardly changes an estimate.
        """
        month = iso(result.finished_at)[:7]
        same = json.dumps([result.version, result.identity], sort_keys=True)
        try:
            self._table.add(
                _PK,
                f"{month}#{result.stage}#{sha256(same.encode()).hexdigest()[:16]}",
                numbers={"runs": 1, **result.cost.model_dump()},
                set={
                    "month": month,
                    "stage": result.stage,
                    "version": result.version,
                    "identity": result.identity,
                },
            )
        except Exception:
            log.warning("run time was not recorded", exc_info=True)

    def all(self) -> Iterator[Timing]:
        """Yield all timings, the latest month first."""
        for item in self._table.query(
            KeyConditionExpression=partition("pk", _PK), ScanIndexForward=False
        ):
            yield Timing.model_validate({**item, "totals": item})


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
