"""Parts of a source in two implementations of S3."""

import io
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, IncompleteReadError
from botocore.response import StreamingBody
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from pipeline.aws import clients as aws
from pipeline.aws import parts
from pipeline.aws.parts import Changed
from pipeline.core.errors import BadInput, DependencyFailed
from pipeline.core.events import Upload
from tests.fakes.rig import Rig, upload_of

CONTENT = bytes(range(256)) * 10_000

each_s3 = pytest.mark.usefixtures("each_s3")


@each_s3
def test_a_part_has_the_bytes_of_the_source(rig: Rig):
    upload = upload_of(rig.put(CONTENT, "videos/два + %20.mp4"))
    read = rig.artifacts.reader(upload)
    for start, end in ((0, 1), (5, 2_000_000), (len(CONTENT) - 3, len(CONTENT))):
        assert read(start, end) == CONTENT[start:end]


@each_s3
@pytest.mark.parametrize("later", [b"other", CONTENT[:-1] + b"!"], ids=["shorter", "as long"])
def test_a_source_that_was_replaced_gives_no_part_of_its_successor(rig: Rig, later: bytes):
    read = rig.artifacts.reader(upload_of(rig.put(CONTENT)))
    assert read(1000, 2000) == CONTENT[1000:2000]
    rig.put(later)
    with pytest.raises(Changed):
        read(1000, 2000)


@each_s3
def test_a_source_that_is_gone_is_the_uploaders_doing(rig: Rig):
    upload = upload_of(rig.put(CONTENT))
    aws.client("s3").delete_object(Bucket=upload.bucket, Key=upload.key)
    with pytest.raises(BadInput, match="source_missing"):
        rig.artifacts.reader(upload)(0, 10)


def test_parts_of_a_version_are_read_even_when_a_later_one_is_there(rig: Rig):
    bucket = rig.config.names.uploads_bucket
    enabled = {"Status": "Enabled"}
    aws.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration=enabled)
    upload = upload_of(rig.put(CONTENT))
    rig.put(b"second")
    read = rig.artifacts.reader(upload)
    assert read(1000, 2000) == CONTENT[1000:2000]
    aws.client("s3").delete_object(Bucket=bucket, Key=upload.key, VersionId=upload.version_id)
    with pytest.raises(BadInput, match="source_missing"):
        read(1000, 2000)


@each_s3
def test_both_stores_answer_as_s3_does(rig: Rig):
    """S3 compares the ETag before it looks at the range."""
    upload = upload_of(rig.put(CONTENT))
    s3, where = aws.client("s3"), {"Bucket": upload.bucket, "Key": upload.key}
    size = len(CONTENT)
    found = s3.get_object(**where, Range=f"bytes={size - 2}-{size + 9}", IfMatch=upload.etag)
    assert found["ContentRange"] == f"bytes {size - 2}-{size - 1}/{size}"
    assert found["Body"].read() == CONTENT[-2:]
    assert found["ETag"].strip('"') == upload.etag
    for request, status in (
        ({"Range": f"bytes={size}-"}, 416),
        ({"Range": f"bytes={size}-", "IfMatch": '"other"'}, 412),
        ({"Range": "bytes=0-1", "IfMatch": '"other"'}, 412),
    ):
        with pytest.raises(ClientError) as rejected:
            s3.get_object(**where, **request)
        assert rejected.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


class Body(io.BytesIO):
    """A body that may break off."""

    def __init__(self, content: bytes, error: Exception | None = None) -> None:
        super().__init__(content)
        self._error = error

    def read(self, size: int | None = -1, /) -> bytes:
        if self._error:
            raise self._error
        return super().read(size)


class Shaky:
    """S3 whose bodies break off several times."""

    def __init__(self, failures: list[Body | Exception], etag: str = "e") -> None:
        self.failures = failures
        self.etag = etag
        self.asked: list[dict[str, Any]] = []

    def get_object(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        start, last = map(int, request["Range"].removeprefix("bytes=").split("-"))
        found = self.failures.pop(0) if self.failures else Body(CONTENT[start : last + 1])
        if isinstance(found, Exception):
            raise found
        return {
            "Body": StreamingBody(found, None),
            "ETag": f'"{self.etag}"',
            "ContentRange": f"bytes {start}-{last}/{len(CONTENT)}",
        }


@pytest.fixture
def upload(monkeypatch: pytest.MonkeyPatch) -> Upload:
    monkeypatch.setattr(parts.time, "sleep", lambda _: None)
    return Upload.model_construct(bucket="b", key="k", version_id="7", etag="e", size=len(CONTENT))


def test_a_part_that_breaks_off_is_requested_again(upload: Upload, monkeypatch: pytest.MonkeyPatch):
    waits: list[float] = []
    monkeypatch.setattr(parts.time, "sleep", waits.append)
    broken = Body(b"", ProtocolError("Connection broken"))
    silent = Body(b"", ReadTimeoutError(cast("Any", None), "/k", "timed out"))
    short = Body(b"", IncompleteReadError(actual_bytes=5, expected_bytes=100))
    s3 = Shaky([broken, silent, short])
    assert parts.reader(s3, upload)(0, 100) == CONTENT[:100]
    assert len(s3.asked) == 4
    assert waits == [0.4, 0.8, 1.6], "longer each time"
    assert broken.closed
    assert all(
        (one["IfMatch"], one["VersionId"], one["Range"]) == ('"e"', "7", "bytes=0-99")
        for one in s3.asked
    )


def test_a_part_that_always_breaks_off_is_a_failure_to_retry(upload: Upload):
    s3 = Shaky([Body(b"ab") for _ in range(20)])
    with pytest.raises(DependencyFailed, match="Only 2 of 100 bytes") as failed:
        parts.reader(s3, upload)(0, 100)
    assert failed.value.retryable
    assert len(s3.asked) == 4


def test_another_failure_of_s3_is_one_to_retry(upload: Upload):
    slow = ClientError({"Error": {"Code": "SlowDown"}}, "GetObject")
    with pytest.raises(DependencyFailed, match="SlowDown"):
        parts.reader(Shaky([slow]), upload)(0, 100)


def test_a_store_without_conditions_or_ranges_is_noticed(upload: Upload):
    with pytest.raises(Changed):
        parts.reader(Shaky([], etag="other"), upload)(0, 100)
    s3 = Shaky([])
    whole = s3.get_object
    s3.get_object = lambda **request: whole(**request) | {"ContentRange": ""}  # type: ignore[method-assign]
    with pytest.raises(DependencyFailed, match="no_ranges"):
        parts.reader(s3, upload)(5, 100)
