"""Uploads of videos, and waiting for their results."""

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.aws import clients as aws
from pipeline.aws.catalog import Catalog
from pipeline.aws.source_files import media_type
from pipeline.core import events
from pipeline.core.errors import DependencyFailed, InvalidArgument
from pipeline.core.records import Video
from pipeline.core.upload_options import PREFIX

# Four parts of 16 MiB at a time: 10,000 parts, S3's limit, are 160 GB, and a small server has
# memory for four.
_TRANSFER = TransferConfig(
    multipart_threshold=16 << 20, multipart_chunksize=16 << 20, max_concurrency=4
)
_VIDEO_ID = re.compile(r"[0-9a-f]{20}")


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

    def video_id(self, reference: str) -> str:
        """Return the video id for ``reference``: an id itself, a key, or a file name."""
        if _VIDEO_ID.fullmatch(reference):
            return reference
        return events.video_id(self._bucket, self.key(reference))

    def key(self, name: str) -> str:
        """Return the key to upload a file of this name to.

        Raises:
            InvalidArgument: ``bad_name``: it is not UTF-8, as S3 keys have to be.
        """
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise InvalidArgument(
                "bad_name", f"Rename {name!a}: S3 takes names in UTF-8 only."
            ) from error
        return self._prefix + name.removeprefix(self._prefix)

    def lost(self, names: Collection[str], catalog: Catalog) -> set[str]:
        """Return the names of which there is neither a file in the bucket nor a video.

        A video that was deleted is known, so its file is not missed.

        Raises:
            botocore.exceptions.ClientError: a call failed.
        """
        ids = {self.video_id(name): name for name in names}
        known = {video.video_id for video in catalog.videos(list(ids), brief=True)}
        return {ids[one] for one in ids.keys() - known if not self._has(ids[one])}

    def _has(self, name: str) -> bool:
        try:
            self._s3.head_object(Bucket=self._bucket, Key=self.key(name))
        except ClientError as error:
            if aws.code(error) == "404":
                return False
            raise
        return True

    def put(
        self,
        path: Path,
        *,
        name: str | None = None,
        options: Mapping[str, str] | None = None,
        sent: Callable[[int], None] | None = None,
    ) -> str:
        """Upload a file; the bucket's event starts its processing.

        Args:
            path: the file.
            name: its name in the bucket; its own name by default.
            options: per-upload options, without their prefix.
            sent: called with the number of bytes just sent, from several threads.

        Returns:
            The id of the video.

        Raises:
            InvalidArgument: ``not_a_file``, ``bad_name`` or ``bad_option``.
            DependencyFailed: S3 rejected it or could not be reached.
        """
        if not path.is_file():
            raise InvalidArgument("not_a_file", f"{path} is not a file.")
        metadata = {PREFIX + option: value for option, value in (options or {}).items()}
        said = "".join((*metadata, *metadata.values()))
        if not (said.isascii() and said.isprintable()):
            raise InvalidArgument("bad_option", "S3 takes options in printable ASCII only.")
        key = self.key(name or path.name)
        try:
            self._s3.upload_file(
                str(path),
                self._bucket,
                key,
                ExtraArgs={"ContentType": media_type(path), "Metadata": metadata},
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


def follow(
    catalog: Catalog,
    before: Mapping[str, str | None],
    *,
    timeout_s: float,
    every_s: float = 0.5,
) -> Iterator[list[Video]]:
    """Poll videos until no work is left or the timeout expires.

    All are read together, so many cost hardly more than one.

    Args:
        catalog: the catalog.
        before: by id of each video, the sequencer of the upload before the expected one.
        timeout_s: seconds until it gives up; then some of the videos yielded last are still
            "processing", or missing because no event of their upload has arrived.
        every_s: seconds between polls.

    Yields:
        Videos whose upload is recorded, in the order of ``before``.
    """
    end = time.monotonic() + timeout_s
    while True:
        videos = [
            video
            for video in catalog.videos(list(before))
            if video.upload.sequencer != before[video.video_id]
        ]
        yield videos
        done = sum(video.status != "processing" for video in videos)
        left_s = end - time.monotonic()
        if done == len(before) or left_s <= 0:
            return
        time.sleep(min(every_s, left_s))
