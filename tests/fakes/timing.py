"""Results of runs with given run times."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count, cycle
from typing import Any

from pipeline.aws.catalog import Catalog, timings
from pipeline.core.records import Cost, StageResult

MODEL = {"model": "tiny", "sha256": "00"}


def _prefixes() -> Iterator[str]:
    """Return prefixes for ever. Of any 64 in a row, none replaces another's row."""
    by_slot: dict[int, str] = {}
    numbers = count(1)
    while len(by_slot) < timings.SLOTS:
        prefix = f"artifacts/{next(numbers)}/"
        by_slot.setdefault(timings.slot(prefix), prefix)
    return cycle(by_slot.values())


_PREFIXES = _prefixes()


def result(
    seconds: float,
    media_seconds: float = 10,
    *,
    month: int = 11,
    stage: str = "toy",
    version: str = "1",
    identity: dict[str, str] = MODEL,
    revision: str = "r",
    prefix: str | None = None,
    **cost: Any,
) -> StageResult:
    """Make the result of a run that took ``seconds`` for a video of ``media_seconds``, in 2026."""
    ended = datetime(2026, month, 30 if month != 2 else 28, 23, 59, 59, tzinfo=UTC)
    taken = {"cpu_seconds": 2 * seconds, "bytes_in": 1000, "bytes_out": 100, "files": 2, **cost}
    return StageResult(
        stage=stage,
        version=version,
        fingerprint="f",
        content_id="content",
        revision=revision,
        attempt=1,
        prefix=prefix or next(_PREFIXES),
        params={},
        identity=identity,
        artifacts=[],
        summary={},
        warnings=[],
        labels=[],
        cost=Cost(seconds=seconds, media_seconds=media_seconds, **taken),
        queued_at=None,
        started_at=ended,
        finished_at=ended,
    )


def record(catalog: Catalog, *results: StageResult) -> None:
    """Record the cost of results, as their runs do when they end."""
    for result in results:
        catalog.results._table.write(puts=[timings.row(result)])
