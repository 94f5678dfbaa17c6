"""The videos by the time of their upload, without a scan of the table."""

from collections.abc import Iterator
from itertools import islice

from pipeline.aws.catalog.labels import Labels
from pipeline.aws.catalog.revisions import MONTHS
from pipeline.aws.catalog.table import AT_ONCE, Table, partition


class Timeline:
    """The places in time of videos.

    Args:
        table: the catalog's table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._labels = Labels(table)

    def newest(
        self, *, before: str | None = None, label: str | None = None, at_once: int = AT_ONCE
    ) -> Iterator[str]:
        """Yield places in time of videos, newest first.

        Args:
            before: start after this place (a cursor).
            label: only videos that are indexed under this label.
            at_once: places that a call reads; few if few are taken.
        """
        if label is not None:
            yield from self._labels.places(label, before=before, rising=False, at_once=at_once)
            return
        for month in reversed(self._months()):
            if before and month > before[:7]:
                continue
            yield from self._month(month, before=before, rising=False, at_once=at_once)

    def oldest(
        self, *, after: str | None = None, label: str | None = None, at_once: int = AT_ONCE
    ) -> Iterator[str]:
        """Yield places in time of videos, oldest first; see ``newest``."""
        if label is not None:
            yield from self._labels.places(label, after=after, rising=True, at_once=at_once)
            return
        for month in self._months():
            if not after or month >= after[:7]:
                yield from self._month(month, after=after, rising=True, at_once=at_once)

    def number(self, *, label: str | None = None, most: int) -> int:
        """Return the number of videos, at most ``most``; a label's may lag behind."""
        if label is not None:
            return sum(1 for _ in islice(self.newest(label=label, at_once=most), most))
        found = 0
        for month in reversed(self._months()):
            condition = partition("upload_month", month)
            found += self._table.number(
                most - found, IndexName="uploads", KeyConditionExpression=condition
            )
            if found >= most:
                break
        return found

    def _months(self) -> list[str]:
        return sorted((self._table.get(*MONTHS) or {}).get("months", set()))

    def _month(
        self,
        month: str,
        *,
        before: str | None = None,
        after: str | None = None,
        rising: bool,
        at_once: int,
    ) -> Iterator[str]:
        condition = partition(
            "upload_month", month, sort="uploaded_order", below=before, above=after
        )
        for item in self._table.query(
            IndexName="uploads",
            KeyConditionExpression=condition,
            ScanIndexForward=rising,
            ProjectionExpression="uploaded_order",
            limit=at_once,
        ):
            yield item["uploaded_order"]
