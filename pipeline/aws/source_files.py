"""Files in S3 that people upload: sources, and captions beside them."""

import mimetypes
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel

from pipeline.aws import clients as aws
from pipeline.aws import parts
from pipeline.aws.parts import Changed
from pipeline.core.errors import DependencyFailed, NotFound
from pipeline.core.events import Upload
from pipeline.core.intake import MAX_CAPTIONS_BYTES
from pipeline.core.sidecar import Sidecar

_CHUNK = 1 << 20


class Head(BaseModel):
    """Size and metadata of the source."""

    size: int
    metadata: dict[str, str]


class Download:
    """A source whose content S3 has begun to send.

    Args:
        upload: the source.
        found: S3's answer.

    Attributes:
        metadata: its user metadata.
    """

    def __init__(self, upload: Upload, found: dict[str, Any]) -> None:
        self._upload = upload
        self._body = found["Body"]
        self.metadata: dict[str, str] = found.get("Metadata", {})

    def save(self, path: Path, report: Callable[[float], None]) -> None:
        """Write the content to ``path``, reporting the fraction done.

        Raises:
            DependencyFailed: ``short_read``: the connection broke.
        """
        upload, done = self._upload, 0
        with path.open("wb") as file:
            for chunk in self._body.iter_chunks(_CHUNK):
                file.write(chunk)
                done += len(chunk)
                report(done / max(1, upload.size))
        if upload.size and done != upload.size:
            raise DependencyFailed(
                "short_read", f"Only {done} of {upload.size} bytes of {upload.key} arrived."
            )

    def close(self) -> None:
        """End the download; one that is complete stays so."""
        self._body.close()


class SourceFiles:
    """Sources in the uploads bucket.

    Args:
        s3: a boto3 client.
    """

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def head(self, upload: Upload) -> Head:
        """Return size and user metadata of the source.

        Raises:
            BadInput: ``source_missing``: it was deleted in the meantime.
            Changed: it was replaced in the meantime.
        """
        found = self._source(self._s3.head_object, upload)
        return Head(size=found["ContentLength"], metadata=found.get("Metadata", {}))

    def begin(self, upload: Upload) -> Download:
        """Request the source, whose metadata arrives before its content.

        Raises:
            BadInput: ``source_missing``: it was deleted in the meantime.
            Changed: it was replaced in the meantime.
        """
        return Download(upload, self._source(self._s3.get_object, upload))

    def fetch(self, upload: Upload, path: Path, report: Callable[[float], None]) -> None:
        """Download the source to ``path`` by one request, reporting the fraction done.

        Raises:
            Exception: see ``begin`` and ``Download.save``.
        """
        with closing(self.begin(upload)) as download:
            download.save(path, report)

    def reader(self, upload: Upload) -> Callable[[int, int], bytes]:
        """Return a function that reads parts of the source; see ``parts.reader``."""
        return parts.reader(self._s3, upload)

    def captions(self, sidecar: Sidecar) -> bytes:
        """Return the content of captions that were uploaded beside a video.

        Raises:
            NotFound: ``unknown_captions``: they were deleted in the meantime.
        """
        request = {"Bucket": sidecar.bucket, "Key": sidecar.key}
        if sidecar.version_id:
            request["VersionId"] = sidecar.version_id
        try:
            with closing(self._s3.get_object(**request)["Body"]) as body:
                return bytes(body.read(MAX_CAPTIONS_BYTES))
        except (BotoCoreError, ClientError) as error:
            if isinstance(error, ClientError) and aws.code(error) in parts.MISSING:
                raise NotFound("unknown_captions", f"{sidecar.name} was deleted.") from error
            raise aws.as_failure(error) from error

    def _source(self, call: Callable[..., dict[str, Any]], upload: Upload) -> dict[str, Any]:
        request = {"Bucket": upload.bucket, "Key": upload.key}
        if upload.version_id:
            request["VersionId"] = upload.version_id
        try:
            found = call(**request)
        except ClientError as error:
            if aws.code(error) in parts.MISSING:
                raise parts.missing(upload) from error
            raise
        if found["ETag"].strip('"') != upload.etag:
            if body := found.get("Body"):
                body.close()  # its connection is free at once, and not only when it is collected
            raise Changed
        return found


def media_type(path: Path) -> str:
    """Guess a source's Content-Type from its name; the pipeline does not rely on it."""
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"
