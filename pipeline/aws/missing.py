"""The objects of the uploads bucket that the catalog lacks, and the events that S3 would send.

Two hosts that look at once make equal events, which are handled once.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from hashlib import blake2s
from typing import Any

from botocore.exceptions import ClientError

from pipeline.aws import clients as aws
from pipeline.aws import parts
from pipeline.aws.catalog import Catalog
from pipeline.aws.catalog.videos import Head
from pipeline.core import events, sequence

Listed = dict[str, Any]
"""An object as S3 lists it."""


class Missing:
    """The comparison of the uploads bucket with the catalog.

    Args:
        s3: a boto3 client.
        bucket: of uploads.
        catalog: the catalog.
    """

    def __init__(self, s3: Any, bucket: str, catalog: Catalog) -> None:
        self._s3 = s3
        self.bucket = bucket
        self._catalog = catalog

    def pages(self, prefix: str, *, after: str = "") -> Iterator[dict[str, Any]]:
        """Yield S3's answers to a listing, each with up to 1,000 objects.

        Args:
            prefix: of the keys.
            after: the key after which it begins.
        """
        listing = self._s3.get_paginator("list_objects_v2")
        yield from listing.paginate(Bucket=self.bucket, Prefix=prefix, StartAfter=after)

    def restored(self, prefix: str, *, after: str, number: int) -> set[str]:
        """Return the keys of the next objects of a listing that were restored from an archive.

        S3 keeps a copy of each for some days; its storage class stays that of the archive.
        """
        answer = self._s3.list_objects_v2(
            Bucket=self.bucket,
            Prefix=prefix,
            StartAfter=after,
            MaxKeys=number,
            OptionalObjectAttributes=["RestoreStatus"],  # other stores may not know it
        )
        found = {one["Key"]: one.get("RestoreStatus", {}) for one in answer.get("Contents", [])}
        return {
            key
            for key, status in found.items()
            if "RestoreExpiryDate" in status and not status.get("IsRestoreInProgress")
        }

    def among(self, listed: Iterable[Listed]) -> list[tuple[Listed, Head | None]]:
        """Return the objects that the catalog lacks, each with what it has of the same key."""
        found = list(listed)
        ids = {one["Key"]: events.video_id(self.bucket, one["Key"]) for one in found}
        heads = self._catalog.heads(list(ids.values())) if found else {}
        pairs = ((one, heads.get(ids[one["Key"]])) for one in found)
        return [(one, head) for one, head in pairs if head is None or _differs(one, head)]

    def created(self, listed: Listed, head: Head | None) -> dict[str, Any] | None:
        """Return the event of an object; None if the catalog has it, or a later one.

        A list may be older than the record, so the object is looked at again.
        """
        found = self.object(listed["Key"])
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

    def deleted(self, head: Head) -> dict[str, Any]:
        """Return the event of a video whose object is gone."""
        now = datetime.now(UTC)
        place = max(sequence.of(None, now, ""), sequence.after(head.sequencer))
        of_object = {"key": head.upload.key, "sequencer": place}
        how = {"deletion-type": "Delete Marker Created"}
        return self._event("Object Deleted", now, of_object, how)

    def object(self, key: str) -> dict[str, Any] | None:
        """Return an object as a list has it, with its version; None if it does not exist."""
        try:
            found = self._s3.head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if aws.code(error) in parts.MISSING:
                return None
            raise
        return {**found, "Key": key, "Size": found["ContentLength"]}

    def _event(
        self, kind: str, time: datetime, of_object: dict[str, Any], more: dict[str, str]
    ) -> dict[str, Any]:
        place = json.dumps([self.bucket, of_object["key"], of_object["sequencer"]])
        return {
            "version": "0",
            "id": blake2s(place.encode(), digest_size=16).hexdigest(),
            "detail-type": kind,
            "source": "aws.s3",
            "time": time.isoformat(),
            "detail": {"bucket": {"name": self.bucket}, "object": of_object, **more},
        }


def _differs(listed: Listed, head: Head) -> bool:
    """Return True if an object is another upload than the recorded one, and not an older one."""
    if head.deleted_at:
        return bool(listed["LastModified"] >= head.deleted_at.replace(microsecond=0))
    upload = head.upload
    if (upload.etag, upload.size) == (listed["ETag"].strip('"'), listed["Size"]):
        return False
    return bool(listed["LastModified"] >= upload.time.replace(microsecond=0))
