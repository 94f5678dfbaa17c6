"""An inventory of the artifacts bucket by attempt; ``artifacts`` describes the keys."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipeline.aws.deletion import delete
from pipeline.aws.run_files import MANIFEST

_ROOT = "artifacts/"
_PARTS = 6  # artifacts, video, revision, stage, fingerprint, attempt


@dataclass
class Attempt:
    """The files of one attempt at a result, complete or not.

    Attributes:
        prefix: ends with a slash.
        written_at: time of its latest file.
        keys: of all its files.
    """

    prefix: str
    stage: str
    fingerprint: str
    written_at: datetime
    bytes: int = 0
    keys: list[str] = field(default_factory=list)


class Attempts:
    """The files of all attempts.

    Args:
        s3: a boto3 client.
        bucket: the artifacts bucket.
    """

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def video_ids(self) -> Iterator[str]:
        """Yield each video that has artifacts, in the order of ids, in pages of 1,000."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=_ROOT, Delimiter="/"
        )
        for page in pages:
            for found in page.get("CommonPrefixes", []):
                yield found["Prefix"].removeprefix(_ROOT).rstrip("/")

    def of(self, video_id: str) -> list[Attempt]:
        """Return the attempts of one video; keys of another form are ignored."""
        found: dict[str, Attempt] = {}
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{_ROOT}{video_id}/"
        )
        for item in (item for page in pages for item in page.get("Contents", [])):
            parts = item["Key"].split("/", _PARTS)
            if len(parts) <= _PARTS:
                continue
            prefix = "/".join(parts[:_PARTS]) + "/"
            written_at = item["LastModified"]
            attempt = found.setdefault(prefix, Attempt(prefix, parts[3], parts[4], written_at))
            attempt.written_at = max(attempt.written_at, written_at)
            attempt.bytes += item["Size"]
            attempt.keys.append(item["Key"])
        return list(found.values())

    def keys(self, video_id: str) -> list[str]:
        """Return the keys of all files of one video."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{_ROOT}{video_id}/"
        )
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def delete(self, keys: list[str]) -> None:
        """Delete files, manifests first: each marks its attempt as complete.

        Raises:
            DependencyFailed: ``not_deleted``: S3 did not delete all of them; a retry is safe.
        """
        for wanted in (True, False):
            chosen = [key for key in keys if key.endswith(f"/{MANIFEST}") is wanted]
            delete(self._s3, self._bucket, chosen)

    def remove(self, attempt: Attempt) -> None:
        """Remove the files of an attempt; see ``delete``."""
        self.delete(attempt.keys)
