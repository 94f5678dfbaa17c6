"""The uploads in progress: what was announced, until it is complete or expires."""

import time
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from pipeline.aws.catalog.table import ConditionFailed, Table

_SK = "upload"


class Pending(BaseModel):
    """An upload that was begun.

    Attributes:
        upload_id: its id: 32 hexadecimal digits.
        video_id: the video that it becomes, or the one that has its bytes already.
        key: of that video in the uploads bucket.
        s3_id: S3's id of the multipart upload; None if nothing is to be sent.
        size: bytes in all.
        completed: True if the video is in the bucket.
        there: True if its bytes were there already.
    """

    model_config = ConfigDict(frozen=True)

    upload_id: str
    video_id: str
    key: str
    s3_id: str | None
    name: str
    size: int
    expires: datetime
    completed: bool = False
    there: bool = False


class PendingUploads:
    """The uploads in progress in the catalog's table, which removes them when they have expired.

    Args:
        table: the catalog's table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, upload_id: str) -> Pending | None:
        """Return an upload that was begun."""
        item = self._table.get(_pk(upload_id), _SK)
        return None if item is None else Pending.model_validate(item)

    def begin(self, new: Pending) -> Pending:
        """Record an upload; return the one that was begun under this id first."""
        try:
            self._table.update(
                _pk(new.upload_id),
                _SK,
                set=_fields(new),
                condition="attribute_not_exists(#pk) OR #expires_at < :now",
                given={"now": int(time.time())},
            )
        except ConditionFailed:
            return self.get(new.upload_id) or new
        return new

    def end(self, done: Pending) -> None:
        """Record that an upload is complete."""
        self._table.put(_pk(done.upload_id), _SK, _fields(done))

    def forget(self, upload_id: str) -> None:
        """Remove an upload."""
        self._table.write(deletes=[{"pk": _pk(upload_id), "sk": _SK}])


def _fields(one: Pending) -> dict[str, Any]:
    # DynamoDB expires items by epoch seconds.
    return one.model_dump(mode="json") | {"expires_at": int(one.expires.timestamp())}


def _pk(upload_id: str) -> str:
    return f"#upload#{upload_id}"
