"""Dropping a video: the upload, and waiting for what comes of it."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from pipeline import aws, events
from pipeline.artifacts import media_type
from pipeline.catalog import Catalog
from pipeline.catalog.records import Video
from pipeline.errors import BadInput, DependencyFailed
from pipeline.options import PREFIX

# Four parts of 16 MiB at a time: S3's 10,000 parts are 160 GB, and a small server holds them all.
_TRANSFER = TransferConfig(
    multipart_threshold=16 << 20, multipart_chunksize=16 << 20, max_concurrency=4
)
_VIDEO_ID = re.compile(r"[0-9a-f]{20}")


class Uploads:
    """The uploads bucket, as somebody who drops videos sees it.

    Args:
        s3: a boto3 client.
        bucket: where uploads go.
        prefix: of every key that the pipeline takes notice of.
    """

    def __init__(self, s3: Any, bucket: str, prefix: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._prefix = prefix

    def video_id(self, reference: str) -> str:
        """The id that ``reference`` means: an id itself, a key, or a file name."""
        if _VIDEO_ID.fullmatch(reference):
            return reference
        return events.video_id(self._bucket, self.key(reference))

    def key(self, name: str) -> str:
        """The key a file of this name is uploaded to."""
        return self._prefix + name.removeprefix(self._prefix)

    def put(
        self,
        path: Path,
        *,
        name: str | None = None,
        options: Mapping[str, str] | None = None,
        sent: Callable[[int], None] | None = None,
    ) -> str:
        """Upload a file; the bucket's event does the rest.

        Args:
            path: the file.
            name: what to call it; its own name by default.
            options: per-upload options, without their prefix.
            sent: is told the number of bytes each time some went out, from several threads.

        Returns:
            The id of the video.

        Raises:
            BadInput: ``not_a_file`` or ``bad_option``.
            DependencyFailed: S3 refused or could not be reached.
        """
        if not path.is_file():
            raise BadInput("not_a_file", f"{path} is not a file.")
        metadata = {PREFIX + option: value for option, value in (options or {}).items()}
        if not all(value.isascii() for value in metadata.values()):
            raise BadInput("bad_option", "S3 takes options in ASCII only.")
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
        return events.video_id(self._bucket, key)


def follow(
    catalog: Catalog, video_id: str, *, after: str | None, timeout_s: float, every_s: float = 0.5
) -> Iterator[Video]:
    """The video each time it was looked at, until nothing is left to do or the time is up.

    Args:
        catalog: where to look.
        video_id: which video.
        after: the sequencer of the upload before the one to wait for, if there was one.
        timeout_s: give up after so long; the last video given then still says "processing".
        every_s: how often to look.
    """
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        video = catalog.video(video_id)
        if video and video.upload.sequencer != after:
            yield video
            if video.status != "processing":
                return
        time.sleep(every_s)
