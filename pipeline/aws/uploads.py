"""The uploads bucket: files that are sent to it, and the versions that it keeps."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.aws import clients as aws
from pipeline.aws.catalog import Catalog
from pipeline.aws.source_files import media_type
from pipeline.core import events, intake, sidecar, upload_key
from pipeline.core.content import PART_BYTES
from pipeline.core.errors import DependencyFailed, InvalidArgument
from pipeline.core.upload_options import PREFIX

# A small server has memory for four parts at a time.
_TRANSFER = TransferConfig(
    multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=4
)
_WITHOUT_VERSIONS = {"MethodNotAllowed", "NotImplemented"}
# A video and its captions are deleted within this time of each other.
_TOGETHER = timedelta(minutes=1)


class Version(NamedTuple):
    """A version of an object that the bucket keeps; ``revision`` is as in ``Upload``."""

    revision: str
    version_id: str
    current: bool


class Uploads:
    """The uploads bucket.

    Args:
        s3: a boto3 client.
        bucket: its name.
        prefix: of all keys that the pipeline processes.
    """

    def __init__(self, s3: Any, bucket: str, prefix: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._prefix = prefix

    def key(self, name: str) -> str:
        """Return a key that no other upload has.

        Raises:
            InvalidArgument: ``bad_name``.
        """
        return upload_key.new_folder(self._prefix) + upload_key.checked(name)

    def video_id(self, key: str) -> str:
        """Return the id of the video at a key, given with or without the prefix."""
        return events.video_id(self._bucket, self._prefix + key.removeprefix(self._prefix))

    def put(
        self,
        path: Path,
        key: str,
        *,
        options: Mapping[str, str] | None = None,
        sent: Callable[[int], None] | None = None,
    ) -> str:
        """Upload a file; the bucket's event starts its processing.

        Args:
            path: the file.
            key: an object there is replaced, and kept as an earlier version.
            options: per-upload options, without their prefix.
            sent: called with the number of bytes just sent, from several threads.

        Returns:
            The id of the video.

        Raises:
            InvalidArgument: ``not_a_file`` or ``bad_option``.
            DependencyFailed: S3 rejected it or could not be reached.
        """
        if not path.is_file():
            raise InvalidArgument("not_a_file", f"{path} is not a file.")
        try:
            self._s3.upload_file(
                str(path),
                self._bucket,
                key,
                ExtraArgs={"ContentType": media_type(path), "Metadata": metadata(options or {})},
                Callback=sent,
                Config=_TRANSFER,
            )
        except S3UploadFailedError as error:
            raise DependencyFailed("upload_failed", str(error)) from error
        except (BotoCoreError, ClientError) as error:
            raise aws.as_failure(error) from error
        except OSError as error:
            raise InvalidArgument(
                "not_a_file", f"{path} cannot be read: {error.strerror}."
            ) from error
        return events.video_id(self._bucket, key)

    def holds(self, key: str, content_ids: Collection[str] | None = None) -> bool:
        """Return whether there is an object at a key, with one of these contents if given."""
        found = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=key, MaxKeys=1)
        kept = [one for one in found.get("Contents", []) if one["Key"] == key]
        ids = {f"{one['ETag']}-{one['Size']}".replace('"', "") for one in kept}
        return bool(ids if content_ids is None else ids & set(content_ids))

    def lost(self, keys: Collection[str], catalog: Catalog) -> set[str]:
        """Return the keys of which there is neither a file in the bucket nor a video.

        A video that was deleted is known, so its file is not missed.

        Raises:
            botocore.exceptions.ClientError: a call failed.
        """
        pages = self._s3.get_paginator("list_objects_v2")
        listed = pages.paginate(Bucket=self._bucket, Prefix=self._prefix)
        present = {one["Key"] for page in listed for one in page.get("Contents", [])}
        ids = {events.video_id(self._bucket, key): key for key in keys if key not in present}
        known = {video.video_id for video in catalog.videos(list(ids), brief=True)}
        return {key for video_id, key in ids.items() if video_id not in known}

    def versions(self, key: str) -> list[Version]:
        """Return the versions of an object, newest first."""
        pages = self._versions(key)
        return [
            Version(events.revision_of(one["VersionId"]), one["VersionId"], one["IsLatest"])
            for page in pages
            for one in page.get("Versions", [])
            if one["Key"] == key
        ]

    def _versions(self, prefix: str) -> Iterator[dict[str, Any]]:
        """Yield S3's pages of the versions of objects; none from a store that keeps no versions."""
        listing = self._s3.get_paginator("list_object_versions")
        try:
            yield from listing.paginate(Bucket=self._bucket, Prefix=prefix)
        except ClientError as error:
            if aws.code(error) not in _WITHOUT_VERSIONS:
                raise

    def prune(self, before: datetime, *, dry_run: bool = False) -> tuple[int, int]:
        """Delete what was replaced or deleted before a time, as the lifecycle rule does on AWS.

        Returns:
            The number of versions, and their bytes.
        """
        pages = self._versions(self._prefix)
        by_key: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for page in pages:
            for one in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                by_key[one["Key"]].append(one)
        gone: list[dict[str, Any]] = []
        for versions in by_key.values():
            versions.sort(key=lambda one: (one["IsLatest"], one["LastModified"]), reverse=True)
            old = [one for newer, one in pairwise(versions) if newer["LastModified"] < before]
            latest = versions[0]
            if "Size" not in latest and len(old) == len(versions) - 1:
                old += [latest] * (latest["LastModified"] < before)  # a marker of nothing
            gone += old
        if not dry_run:
            for one in gone:
                self._s3.delete_object(
                    Bucket=self._bucket, Key=one["Key"], VersionId=one["VersionId"]
                )
        sizes = [one["Size"] for one in gone if "Size" in one]
        return len(sizes), sum(sizes)

    def delete(self, key: str) -> None:
        """Delete an object; a bucket with versions keeps it as an earlier one.

        Raises:
            DependencyFailed: S3 could not be reached.
        """
        try:
            self._s3.delete_object(Bucket=self._bucket, Key=key)
        except (BotoCoreError, ClientError) as error:
            raise aws.as_failure(error) from error

    def restore_beside(self, key: str) -> None:
        """Restore the captions that were deleted with the video at ``key``."""
        stem = sidecar.paths(key)[-1]
        pages = self._versions(stem)
        marks: dict[str, datetime] = {}
        kept: dict[str, list[Version]] = defaultdict(list)
        for page in pages:
            for one in page.get("DeleteMarkers", []):
                if one["IsLatest"] or one["Key"] == key:
                    marks[one["Key"]] = max(
                        one["LastModified"], marks.get(one["Key"], one["LastModified"])
                    )
            for one in page.get("Versions", []):
                version = one["VersionId"]
                kept[one["Key"]].append(
                    Version(events.revision_of(version), version, one["IsLatest"])
                )
        deleted = marks.pop(key, None)
        for beside, at in marks.items():
            with_it = deleted is not None and abs(deleted - at) < _TOGETHER
            captions = intake.kind(beside, 1) == "captions"
            if with_it and captions and kept[beside]:
                self.restore(beside, kept[beside][0])

    def restore(self, key: str, version: Version) -> None:
        """Copy a version over the object: it becomes the latest, and is processed as an upload."""
        source = {"Bucket": self._bucket, "Key": key, "VersionId": version.version_id}
        head = self._s3.head_object(**source)
        given = {name: head[name] for name in ("ContentType", "Metadata") if name in head}
        try:
            # In parts of the same size, so that the ETag and with it the results are the same.
            self._s3.copy(
                source,
                self._bucket,
                key,
                ExtraArgs={**given, "MetadataDirective": "REPLACE"},
                Config=_TRANSFER,
            )
        except (BotoCoreError, ClientError) as error:
            raise aws.as_failure(error) from error


def metadata(options: Mapping[str, str]) -> dict[str, str]:
    """Return the user metadata of an upload.

    Args:
        options: names without their prefix, and values.

    Raises:
        InvalidArgument: ``bad_option``: a header cannot hold them.
    """
    found = {PREFIX + option: value for option, value in options.items()}
    said = "".join((*found, *found.values()))
    if not (said.isascii() and said.isprintable()):
        raise InvalidArgument("bad_option", "S3 takes options in printable ASCII only.")
    return found
