"""Files in S3: download of sources, upload of artifacts and their manifest, signed URLs.

    artifacts/{video_id}/{revision}/{stage}/{fingerprint}/{attempt}/…

The attempt is part of the key because two encodings of one source differ in their bytes. So a
worker that lost its lease can finish writing without touching files of its successor. Nothing is
ever overwritten. ``manifest.json`` is written last: if it exists, all files that it lists exist.
"""

import json
import mimetypes
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel

from pipeline.aws import clients as aws
from pipeline.aws.cloudfront import Cdn
from pipeline.core.errors import BadInput, DependencyFailed
from pipeline.core.events import Upload
from pipeline.core.records import PublishedArtifact
from pipeline.core.stage import Artifact

MANIFEST = "manifest.json"
_CHUNK = 1 << 20
_UPLOADS_AT_ONCE = 8
# S3 takes 5 GiB a request, and the MP4 of a long film can be larger. Files are uploaded in
# parallel, so the parts of one need no threads.
_TRANSFER = TransferConfig(
    multipart_threshold=16 << 20, multipart_chunksize=16 << 20, use_threads=False
)
# Keys contain a fingerprint, so the content of a key never changes.
_CACHE_CONTROL = "public, max-age=31536000, immutable"


class Changed(Exception):
    """A change of the source since its event: a later upload replaced it."""


class Head(BaseModel):
    """Size and metadata of the source."""

    size: int
    metadata: dict[str, str]


class Artifacts:
    """Sources in the uploads bucket, and files in the artifacts bucket.

    Args:
        s3: a boto3 client.
        bucket: the artifacts bucket.
        presign_s: lifetime of signed URLs.
        cdn: signs URLs if CloudFront serves the bucket; otherwise S3 does.
    """

    def __init__(self, s3: Any, bucket: str, *, presign_s: int, cdn: Cdn | None = None) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._presign_s = presign_s
        self._cdn = cdn

    # -- the source ------------------------------------------------------------------------------

    def head(self, upload: Upload) -> Head:
        """Return size and user metadata of the source.

        Raises:
            BadInput: ``source_missing``: it was deleted in the meantime.
            Changed: it was replaced in the meantime.
        """
        found = self._source(self._s3.head_object, upload)
        return Head(size=found["ContentLength"], metadata=found.get("Metadata", {}))

    def fetch(self, upload: Upload, path: Path, report: Callable[[float], None]) -> None:
        """Download the source to ``path``, reporting the fraction done.

        One request for the whole: some S3 implementations read the whole object for every range.

        Raises:
            BadInput: ``source_missing``: it was deleted in the meantime.
            Changed: it was replaced in the meantime.
            DependencyFailed: ``short_read``: the connection broke.
        """
        body = self._source(self._s3.get_object, upload)["Body"]
        done = 0
        with path.open("wb") as file:
            for chunk in body.iter_chunks(_CHUNK):
                file.write(chunk)
                done += len(chunk)
                report(done / max(1, upload.size))
        if upload.size and done != upload.size:
            raise DependencyFailed(
                "short_read", f"Only {done} of {upload.size} bytes of {upload.key} arrived."
            )

    def _source(self, call: Callable[..., dict[str, Any]], upload: Upload) -> dict[str, Any]:
        request = {"Bucket": upload.bucket, "Key": upload.key}
        if upload.version_id:
            request["VersionId"] = upload.version_id
        try:
            found = call(**request)
        except ClientError as error:
            if aws.code(error) in {"404", "NoSuchKey", "NoSuchVersion", "NotFound"}:
                raise BadInput(
                    "source_missing", f"{upload.key} was deleted before it could be processed."
                ) from error
            raise
        if found["ETag"].strip('"') != upload.etag:
            raise Changed
        return found

    # -- artifacts -------------------------------------------------------------------------------

    def publish(
        self,
        prefix: str,
        work: Path,
        artifacts: list[Artifact],
        facts: Mapping[str, Any],
        report: Callable[[float], None],
    ) -> list[PublishedArtifact]:
        """Upload the files a stage wrote, then the manifest that lists them.

        Args:
            prefix: ends with a slash.
            work: the directory that the artifacts' names are relative to.
            artifacts: the files.
            facts: further content of the manifest: tools, models, parameters, the event.
            report: called with the fraction of bytes uploaded.
        """
        described = [describe(work, artifact) for artifact in artifacts]
        total = sum(artifact.bytes for artifact in described) or 1
        done = 0
        with ThreadPoolExecutor(_UPLOADS_AT_ONCE) as pool:
            uploads = [pool.submit(self._put_file, prefix, work, one) for one in described]
            try:
                for upload in uploads:
                    done += upload.result()
                    report(done / total)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        manifest = {**facts, "files": [one.model_dump() for one in described]}
        self._s3.put_object(
            Bucket=self._bucket,
            Key=prefix + MANIFEST,
            Body=json.dumps(manifest, indent=1, ensure_ascii=False).encode(),
            ContentType="application/json",
            CacheControl=_CACHE_CONTROL,
        )
        return described

    def _put_file(self, prefix: str, work: Path, artifact: PublishedArtifact) -> int:
        key = prefix + artifact.name
        headers = {"ContentType": artifact.media_type, "CacheControl": _CACHE_CONTROL}
        with (work / artifact.name).open("rb") as file:
            if artifact.bytes < _TRANSFER.multipart_threshold:
                # The transfer manager would make the same request with twice the CPU time.
                self._s3.put_object(Bucket=self._bucket, Key=key, Body=file, **headers)
            else:
                self._s3.upload_fileobj(
                    file, self._bucket, key, ExtraArgs=headers, Config=_TRANSFER
                )
        return artifact.bytes

    def has(self, prefix: str) -> bool:
        """Return True if a complete result exists at ``prefix``."""
        try:
            self._s3.head_object(Bucket=self._bucket, Key=prefix + MANIFEST)
        except ClientError as error:
            if aws.code(error) in {"404", "NoSuchKey", "NotFound"}:
                return False
            raise
        return True

    def read(self, key: str) -> bytes:
        """Return the content of an artifact."""
        try:
            return bytes(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read())
        except (BotoCoreError, ClientError) as error:
            raise aws.as_failure(error) from error

    def stream(self, key: str) -> Iterator[bytes]:
        """Yield the content of an artifact in pieces of up to 1 MiB."""
        try:
            yield from self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].iter_chunks(_CHUNK)
        except (BotoCoreError, ClientError) as error:
            raise aws.as_failure(error) from error

    def url(self, key: str, *, download_as: str | None = None) -> str:
        """Sign a URL; with ``download_as`` a browser saves the file by that name."""
        if self._cdn:
            return self._cdn.url(key, download_as=download_as)
        request = {"Bucket": self._bucket, "Key": key}
        if download_as:
            request["ResponseContentDisposition"] = f'attachment; filename="{download_as}"'
        return str(
            self._s3.generate_presigned_url("get_object", Params=request, ExpiresIn=self._presign_s)
        )


def describe(work: Path, artifact: Artifact) -> PublishedArtifact:
    """Return an artifact with its size and SHA-256."""
    path = work / artifact.name
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return PublishedArtifact(
        **artifact.model_dump(), bytes=path.stat().st_size, sha256=digest.hexdigest()
    )


def media_type(path: Path) -> str:
    """Guess a source's Content-Type from its name; the pipeline does not rely on it."""
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"
