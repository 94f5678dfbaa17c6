"""Records of videos that were never uploaded: they make a catalog large."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from pipeline.aws import clients as aws
from pipeline.aws.catalog.table import Table

_STAGES: Final = ("transcode", "thumbnail", "transcribe", "detect")
_AT_ONCE: Final = 4
_BATCH: Final = 500


def record(table: str, count: int) -> None:
    """Record videos of one month, all of whose stages have succeeded."""

    def write(start: int) -> None:
        numbers = range(start, min(start + _BATCH, count))
        Table(aws.table(table)).write(puts=(row for n in numbers for row in _rows(n)))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(write, range(0, count, _BATCH)))


def _rows(number: int) -> Iterator[dict[str, Any]]:
    video_id = f"{number:020x}"
    common = {"pk": video_id, "sequencer": f"{number:040x}"}
    order = f"2026-01-01T00:00:00.000Z#{video_id}"
    yield {**common, "sk": "video", "upload_month": "2026-01", "uploaded_order": order}
    for stage in _STAGES:
        state = {"state": "succeeded", "revision": "r", "attempt": 1}
        yield {**common, "sk": f"stage#{stage}", "stage": stage, **state}
    yield {"pk": video_id, "sk": "label#detect#dog", "label": "dog", "uploaded_order": order}
