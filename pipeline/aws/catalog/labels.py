"""The index of labels: videos by label, newest first.

Rows are written before a result becomes current and removed after it is replaced, so a row may be
early or late. Readers check that the video still has that place in time, and that one of its
current results has the label.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from pipeline.aws.catalog.table import ConditionFailed, Table, partition
from pipeline.core.records import StageResult


class Labels:
    """The rows of labels in the catalog's table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, video_id: str, result: StageResult, *, order: str, attempt: int) -> None:
        """Index the labels of a result; see ``rows``."""
        self._table.write(puts=rows(video_id, result, order=order, attempt=attempt))

    def forget(self, video_id: str, *, keep: StageResult, attempt: int) -> None:
        """Remove the rows of labels that ``keep`` lacks from its stage.

        By label and not by writer: a worker that lost the race may have written a row. Rows of a
        later attempt stay: this worker may have been paused while another result became current.
        """
        kept = {label.lower() for label in keep.labels}
        for row in self._rows(video_id, f"label#{keep.stage}#"):
            if row["label"] in kept:
                continue
            with suppress(ConditionFailed):
                self._table.delete(
                    *(video_id, row["sk"]),
                    condition="attribute_not_exists(#attempt) OR #attempt <= :own",
                    given={"own": attempt},
                )

    def unindex(self, video_id: str, is_deleted: Callable[[str], bool]) -> None:
        """Remove all rows of a deleted video, but none that a later upload has written.

        Args:
            video_id: the video.
            is_deleted: called with it once the rows were read: then all of these are older.
        """
        rows = list(self._rows(video_id, "label#"))
        if not rows or not is_deleted(video_id):
            return
        for row in rows:
            with suppress(ConditionFailed):
                self._table.delete(
                    *(video_id, row["sk"]),
                    condition="#uploaded_order = :seen",
                    given={"seen": row["uploaded_order"]},
                )

    def _rows(self, video_id: str, prefix: str) -> Iterator[dict[str, Any]]:
        return self._table.query(
            KeyConditionExpression=partition("pk", video_id, prefix=prefix),
            ConsistentRead=True,
        )

    def places(
        self,
        label: str,
        *,
        before: str | None = None,
        after: str | None = None,
        rising: bool,
        at_once: int,
    ) -> Iterator[str]:
        """Yield places in time of the videos with this label, in rising or falling order.

        Args:
            label: the label.
            before: only those before this place.
            after: only those after this place; not together with ``before``.
            rising: True for the oldest first.
            at_once: places that a call reads.
        """
        condition = partition(
            "label", label.lower(), sort="uploaded_order", below=before, above=after
        )
        last = None
        for row in self._table.query(
            IndexName="labels",
            KeyConditionExpression=condition,
            ScanIndexForward=rising,
            limit=at_once,
        ):
            # Two stages may give one video the same label.
            if row["uploaded_order"] != last:
                last = row["uploaded_order"]
                yield last


def rows(video_id: str, result: StageResult, *, order: str, attempt: int) -> list[dict[str, Any]]:
    """Return the rows of a result's labels.

    Args:
        video_id: the video.
        result: the result.
        order: the video's place in time.
        attempt: that of the run with which the result becomes current.
    """
    return [
        {
            "pk": video_id,
            "sk": f"label#{result.stage}#{label}",
            "label": label,
            "uploaded_order": order,
            "attempt": attempt,
        }
        for label in sorted({label.lower() for label in result.labels})
    ]
