"""The uploads bucket, watched: for stores that tell of no uploads.

What differs from the catalog is sent to the queues, as the event that S3 would have sent.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from pipeline.aws.catalog import Catalog
from pipeline.aws.catalog.table import Table
from pipeline.aws.catalog.videos import Head
from pipeline.aws.missing import Listed, Missing
from pipeline.aws.notified import Notified
from pipeline.core import events, intake

# An upload may be listed late, and its record written late.
_OVERLAP = timedelta(minutes=15)
_PK = "#watch"
_AT_ONCE = 1000  # heads that are read together


class Watch:
    """The search for uploads and deletions that no event told of.

    Args:
        missing: compares the bucket with the catalog.
        prefix: of the keys of uploads.
        catalog: the catalog.
        notified: sends the events.
        table: holds the place where the last look began.
    """

    def __init__(
        self,
        missing: Missing,
        prefix: str,
        *,
        catalog: Catalog,
        notified: Notified,
        table: Table,
    ) -> None:
        self._missing = missing
        self._bucket = missing.bucket
        self._prefix = prefix
        self._catalog = catalog
        self._notified = notified
        self._table = table
        # What was sent is not sent again while its record is awaited: times by key and ETag.
        self._sent: dict[tuple[str, str], datetime] = {}

    def uploads(self) -> int:
        """Send an event for each upload that the catalog lacks; return their number.

        The first time, all objects are compared with the catalog; then those written since.
        """
        row = self._table.get(_PK, self._bucket)
        since = datetime.fromisoformat(row["since"]) if row else None
        sent, begun = 0, None
        for page in self._missing.pages(self._prefix):
            begun = begun or _time_of(page)
            listed = (
                one
                for one in page.get("Contents", [])
                if (since is None or one["LastModified"] >= since) and self._is_new(one)
            )
            for one, head in self._missing.among(listed):
                if event := self._missing.created(one, head):
                    self._notified.send([event])
                    self._sent[one["Key"], one["ETag"]] = one["LastModified"]
                    sent += 1
        after = (begun or datetime.now(UTC)) - _OVERLAP
        self._sent = {key: time for key, time in self._sent.items() if time >= after}
        self._table.put(_PK, self._bucket, {"since": after.isoformat()})
        return sent

    def deletions(self) -> int:
        """Send an event for each video whose object is gone; return their number."""
        present = {
            events.video_id(self._bucket, one["Key"])
            for page in self._missing.pages(self._prefix)
            for one in page.get("Contents", [])
        }
        sent = 0
        for head in self._recorded():
            upload = head.upload
            if upload.video_id in present or upload.bucket != self._bucket or head.deleted_at:
                continue
            if self._missing.object(upload.key) is None:
                self._notified.send([self._missing.deleted(head)])
                sent += 1
        return sent

    def _recorded(self) -> Iterator[Head]:
        ids: list[str] = []
        for place in self._catalog.timeline.newest():
            ids.append(place.rpartition("#")[2])
            if len(ids) == _AT_ONCE:
                yield from self._catalog.heads(ids).values()
                ids = []
        yield from self._catalog.heads(ids).values()

    def _is_new(self, listed: Listed) -> bool:
        if self._sent.get((listed["Key"], listed["ETag"])) == listed["LastModified"]:
            return False
        return intake.kind(listed["Key"], listed["Size"]) != "other"


def _time_of(page: dict[str, Any]) -> datetime:
    """Return the store's own time of an answer: its clock may differ from ours."""
    said = page["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(said) if said else datetime.now(UTC)
