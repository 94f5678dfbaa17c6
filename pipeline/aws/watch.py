"""The uploads bucket, compared with the catalog: for stores that tell of no uploads.

What differs is sent to the queues, as the event that S3 would have sent. Two hosts that look at
once send equal events, which are handled once.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import blake2s
from typing import Any

from botocore.exceptions import ClientError

from pipeline.aws import clients as aws
from pipeline.aws import parts
from pipeline.aws.catalog import Catalog
from pipeline.aws.catalog.table import Table
from pipeline.aws.catalog.videos import Head
from pipeline.aws.notified import Notified
from pipeline.core import events, intake, sequence

# An upload may be listed late, and its record written late.
_OVERLAP = timedelta(minutes=15)
_PK = "#watch"
_AT_ONCE = 1000  # heads that are read together


class Watch:
    """The search for uploads and deletions that no event told of.

    Args:
        s3: a boto3 client.
        bucket: of uploads.
        prefix: of their keys.
        catalog: the catalog.
        notified: sends the events.
        table: holds the place where the last look began.
    """

    def __init__(
        self,
        s3: Any,
        bucket: str,
        prefix: str,
        *,
        catalog: Catalog,
        notified: Notified,
        table: Table,
    ) -> None:
        self._s3 = s3
        self._bucket = bucket
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
        for page in self._pages():
            begun = begun or _time_of(page)
            found = [
                one
                for one in page.get("Contents", [])
                if (since is None or one["LastModified"] >= since) and self._is_new(one)
            ]
            ids = {one["Key"]: events.video_id(self._bucket, one["Key"]) for one in found}
            heads = self._catalog.heads(list(ids.values())) if found else {}
            for one in found:
                if event := self._upload(one, heads.get(ids[one["Key"]])):
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
            for page in self._pages()
            for one in page.get("Contents", [])
        }
        sent = 0
        for head in self._recorded():
            upload = head.upload
            if upload.video_id in present or upload.bucket != self._bucket or head.deleted_at:
                continue
            if self._object(upload.key) is None:
                self._notified.send([self._deletion(head)])
                sent += 1
        return sent

    def _pages(self) -> Iterator[dict[str, Any]]:
        listing = self._s3.get_paginator("list_objects_v2")
        yield from listing.paginate(Bucket=self._bucket, Prefix=self._prefix)

    def _recorded(self) -> Iterator[Head]:
        ids: list[str] = []
        for place in self._catalog.timeline.newest():
            ids.append(place.rpartition("#")[2])
            if len(ids) == _AT_ONCE:
                yield from self._catalog.heads(ids).values()
                ids = []
        yield from self._catalog.heads(ids).values()

    def _is_new(self, listed: dict[str, Any]) -> bool:
        if (listed["Key"], listed["ETag"]) in self._sent:
            return False
        return intake.kind(listed["Key"], listed["Size"]) != "other"

    def _upload(self, listed: dict[str, Any], head: Head | None) -> dict[str, Any] | None:
        """Return the event of a listed object; None if the catalog has it, or a later one.

        A list may be older than the record, so the object is looked at again.
        """
        if head and not _differs(listed, head):
            return None
        found = self._object(listed["Key"])
        if found is None or (head and not _differs(found, head)):
            return None
        etag, version = found["ETag"].strip('"'), found.get("VersionId", "")
        place = sequence.of(None, found["LastModified"], version or etag)
        if head and place <= head.sequencer:  # times are whole seconds
            place = sequence.after(head.sequencer)
        of_object = {"key": listed["Key"], "sequencer": place, "etag": etag, "size": found["Size"]}
        if version:
            of_object["version-id"] = version
        return self._event("Object Created", found["LastModified"], of_object, {})

    def _deletion(self, head: Head) -> dict[str, Any]:
        now = datetime.now(UTC)
        place = max(sequence.of(None, now, ""), sequence.after(head.sequencer))
        of_object = {"key": head.upload.key, "sequencer": place}
        how = {"deletion-type": "Delete Marker Created"}
        return self._event("Object Deleted", now, of_object, how)

    def _event(
        self, kind: str, time: datetime, of_object: dict[str, Any], more: dict[str, str]
    ) -> dict[str, Any]:
        place = json.dumps([self._bucket, of_object["key"], of_object["sequencer"]])
        return {
            "version": "0",
            "id": blake2s(place.encode(), digest_size=16).hexdigest(),
            "detail-type": kind,
            "source": "aws.s3",
            "time": time.isoformat(),
            "detail": {"bucket": {"name": self._bucket}, "object": of_object, **more},
        }

    def _object(self, key: str) -> dict[str, Any] | None:
        """Return an object as a list has it, with its version; None if it does not exist."""
        try:
            found = self._s3.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if aws.code(error) in parts.MISSING:
                return None
            raise
        return {**found, "Key": key, "Size": found["ContentLength"]}


def _differs(listed: dict[str, Any], head: Head) -> bool:
    """Return True if an object is another upload than the recorded one, and not an older one."""
    if head.deleted_at:
        return bool(listed["LastModified"] >= head.deleted_at.replace(microsecond=0))
    upload = head.upload
    if (upload.etag, upload.size) == (listed["ETag"].strip('"'), listed["Size"]):
        return False
    return bool(listed["LastModified"] >= upload.time.replace(microsecond=0))


def _time_of(page: dict[str, Any]) -> datetime:
    """Return the store's own time of an answer: its clock may differ from ours."""
    said = page["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(said) if said else datetime.now(UTC)
