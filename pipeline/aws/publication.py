"""The publication of results in S3: their files, then the manifest that lists them.

    artifacts/{video_id}/{revision}/{stage}/{fingerprint}/{attempt}/…

The attempt is part of the key because two encodings of one source differ in their bytes. So a
worker that lost its lease can finish writing without touching files of its successor. Nothing is
ever overwritten. ``manifest.json`` is written last: if it exists, all files that it lists exist.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.aws import clients as aws
from pipeline.aws import parts
from pipeline.aws.artifact_copies import copy_files
from pipeline.aws.run_files import MANIFEST, RunFiles
from pipeline.core.records import PublishedArtifact
from pipeline.core.stage import Artifact

_CHUNK = 1 << 20
_UPLOADS_AT_ONCE = 8
# S3 takes 5 GiB a request, and the MP4 of a long film can be larger. Files are uploaded in
# parallel, so the parts of one need no threads.
_TRANSFER = TransferConfig(
    multipart_threshold=16 << 20, multipart_chunksize=16 << 20, use_threads=False
)
# Keys contain a fingerprint, so the content of a key never changes.
_CACHE_CONTROL = "public, max-age=31536000, immutable"


class Publication:
    """Files in the artifacts bucket.

    Args:
        s3: a boto3 client.
        bucket: the artifacts bucket.
    """

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

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
        described = self.upload(prefix, work, artifacts, report)
        self.write_manifest(prefix, facts, described)
        return described

    def upload(
        self,
        prefix: str,
        work: Path,
        artifacts: list[Artifact],
        report: Callable[[float], None],
    ) -> list[PublishedArtifact]:
        """Upload files; see ``publish``, which also writes the manifest."""
        described = [describe(work, artifact) for artifact in artifacts]
        total = sum(artifact.bytes for artifact in described) or 1
        done = 0
        report(0)  # raises if another worker took over while the stage reported nothing
        with ThreadPoolExecutor(_UPLOADS_AT_ONCE) as pool:
            uploads = [pool.submit(self._put_file, prefix, work, one) for one in described]
            try:
                for upload in uploads:
                    done += upload.result()
                    report(done / total)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return described

    def write_manifest(
        self, prefix: str, facts: Mapping[str, Any], files: list[PublishedArtifact]
    ) -> None:
        """Write the manifest of files that exist; the result is complete with it."""
        manifest = {**facts, "files": [one.model_dump() for one in files]}
        self._put_manifest(prefix, manifest)

    def copy(
        self, source: str, prefix: str, facts: Mapping[str, Any], report: Callable[[float], None]
    ) -> bool:
        """Copy a complete result below another prefix, its manifest last.

        Args:
            source: prefix of the result.
            prefix: of the copy; both end with a slash.
            facts: those of the manifest that differ.
            report: called with the fraction of bytes copied.

        Returns:
            False if the result was removed in the meantime.
        """
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=source + MANIFEST)
        except ClientError as error:
            if aws.code(error) in parts.MISSING:
                return False
            raise
        manifest = json.loads(found["Body"].read())
        files = manifest["files"]
        if not copy_files(self._s3, self._bucket, files, source, prefix, _headers, report):
            return False
        self._put_manifest(prefix, {**manifest, **facts})
        return True

    def _put_manifest(self, prefix: str, manifest: Mapping[str, Any]) -> None:
        self._s3.put_object(
            Bucket=self._bucket,
            Key=prefix + MANIFEST,
            Body=json.dumps(manifest, indent=1, ensure_ascii=False).encode(),
            **_headers("application/json"),
        )

    def run_files(self, prefix: str) -> RunFiles:
        """Return the files of a run whose work is spread."""
        return RunFiles(self._s3, self._bucket, prefix, {"CacheControl": _CACHE_CONTROL})

    def _put_file(self, prefix: str, work: Path, artifact: PublishedArtifact) -> int:
        key = prefix + artifact.name
        headers = _headers(artifact.media_type)
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
        """Return True if a complete result exists at ``prefix``: a manifest and all its files.

        A merge that was paused may write its manifest after its run has failed, and its parts with
        it.
        """
        files = self.run_files(prefix)
        names = files.names()
        return MANIFEST in names and files.listed() <= names

    def read(self, key: str) -> bytes:
        """Return the content of an artifact."""
        try:
            return bytes(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read())
        except (BotoCoreError, ClientError) as error:
            raise aws.as_failure(error) from error

    def stream(self, key: str) -> Iterator[bytes]:
        """Yield the content of an artifact in pieces of up to 1 MiB."""
        try:
            with closing(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"]) as body:
                yield from body.iter_chunks(_CHUNK)
        except (BotoCoreError, ClientError) as error:
            raise aws.as_failure(error) from error


def _headers(media_type: str) -> dict[str, str]:
    return {"ContentType": media_type, "CacheControl": _CACHE_CONTROL}


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
