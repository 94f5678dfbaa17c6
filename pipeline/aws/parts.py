"""Parts of a source in S3, each read by one request for a range of its bytes."""

import time
from collections.abc import Callable
from contextlib import closing
from typing import Any, NoReturn

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from pipeline.aws import clients as aws
from pipeline.core.errors import BadInput, DependencyFailed
from pipeline.core.events import Upload

MISSING = frozenset({"404", "NoSuchKey", "NoSuchVersion", "NotFound"})
"""S3's error codes for an object that does not exist."""

_CHANGED = frozenset({"412", "PreconditionFailed"})
_TRIES = 4
_FIRST_WAIT_S = 0.2


class WithoutRanges(DependencyFailed):
    """An implementation of S3 that sends another part of an object than was requested."""


class Changed(Exception):
    """A change of the source since its event: a later upload replaced it."""


def reader(s3: Any, upload: Upload) -> Callable[[int, int], bytes]:
    """Return a function that reads the bytes of a source from a start to an end, not included.

    boto3 repeats requests that fail. A body that breaks off is requested again here.

    The function raises:
        BadInput: ``source_missing``: it was deleted in the meantime.
        Changed: it was replaced in the meantime.
        WithoutRanges: ``no_ranges``: this implementation of S3 has none, at least of versions.
        DependencyFailed: ``short_read``, or another failure of S3.

    Args:
        s3: a boto3 client.
        upload: the source.
    """
    request = {"Bucket": upload.bucket, "Key": upload.key, "IfMatch": f'"{upload.etag}"'}
    if upload.version_id:
        request["VersionId"] = upload.version_id

    def read(start: int, end: int) -> bytes:
        for tries in range(_TRIES):
            if tries:
                time.sleep(_FIRST_WAIT_S * 2**tries)
            data = _part(s3, request, upload, start, end)
            if len(data) == end - start:
                return data
        raise DependencyFailed(
            "short_read",
            f"Only {len(data)} of {end - start} bytes of a part of {upload.key} arrived.",
        )

    return read


def _part(s3: Any, request: dict[str, str], upload: Upload, start: int, end: int) -> bytes:
    """Return a part, or as much of it as arrives."""
    try:
        found = s3.get_object(**request, Range=f"bytes={start}-{end - 1}")
        # Its own context manager returns urllib3's stream, whose errors are others.
        with closing(found["Body"]) as body:
            if found["ETag"].strip('"') != upload.etag:
                raise Changed
            if not found.get("ContentRange", "").startswith(f"bytes {start}-{end - 1}/"):
                raise WithoutRanges(
                    "no_ranges", f"The server of {upload.key} gave another part than requested."
                )
            return bytes(body.read())
    except (IncompleteReadError, ReadTimeoutError, ResponseStreamingError):
        return b""
    except (BotoCoreError, ClientError) as error:
        _reject(error, upload)


def _reject(error: BotoCoreError | ClientError, upload: Upload) -> NoReturn:
    """Raise the error of a request that S3 did not fulfil."""
    code = aws.code(error) if isinstance(error, ClientError) else ""
    if code in _CHANGED:
        raise Changed from error
    if code in MISSING:
        raise missing(upload) from error
    raise aws.as_failure(error) from error


def missing(upload: Upload) -> BadInput:
    """Return the error of a source that was deleted."""
    return BadInput("source_missing", f"{upload.key} was deleted before it could be processed.")
