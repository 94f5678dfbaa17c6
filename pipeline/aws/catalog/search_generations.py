"""The generations of the search index: one for each indexed result of a video."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from pipeline.aws.catalog.search_rows import BLOCK, NUMBER, member, posting_key
from pipeline.aws.catalog.table import Table, epoch_key, partition

_LEASE_S = 900.0


class Generation(NamedTuple):
    """An indexed result.

    Attributes:
        video_id: of its video.
        stage: that made it.
        number: of the video.
        generation: its own number, within the video.
        fingerprint: of the result.
        attempt: the fencing token of the run that it belongs to.
        complete: True once all of it is written.
        overdue: True if its writer has died, or has ended without removing it.
        about: what the head has of it, for filters and counts.
    """

    video_id: str
    stage: str
    number: int
    generation: int
    fingerprint: str
    attempt: int
    complete: bool
    overdue: bool
    about: dict[str, Any]


def generations(table: Table, video_id: str) -> list[Generation]:
    """Return the generations of a video, the oldest first."""
    rows = table.query(
        KeyConditionExpression=partition("pk", video_id, prefix=f"{NUMBER}#"),
        ConsistentRead=True,
    )
    now = epoch_key(time.time())
    return [
        Generation(
            *(video_id, row["stage"], int(row["number"]), int(row["generation"])),
            *(row["fingerprint"], int(row["attempt"])),
            complete=row["state"] == "complete",
            overdue=row.get("lease_until", "") < now,
            about=row.get("about", {}),
        )
        for row in rows
    ]


def row_key(one: Generation) -> tuple[str, str]:
    """Return the key of a generation's row."""
    return one.video_id, f"{NUMBER}#{one.generation:08x}"


def lease(video_id: str) -> dict[str, str]:
    """Return the lease of a generation that is being written or removed."""
    return {"lease_until": epoch_key(time.time() + _LEASE_S), "lease_shard": video_id[0]}


def change_terms(
    change: Callable[[str, str, str, str], None],
    number: int,
    generation: int,
    terms: Iterable[str],
    *,
    at_once: int,
) -> None:
    """Add a generation to the rows of terms, or take it from them, several at once."""
    block, name = number // BLOCK, member(number, generation)

    def apply(term: str) -> None:
        change(*posting_key(term, block), "videos", name)

    if at_once == 1:
        for term in sorted(set(terms)):
            apply(term)
        return
    with ThreadPoolExecutor(at_once) as pool:
        for _ in pool.map(apply, set(terms)):
            pass
