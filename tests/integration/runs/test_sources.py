"""Runs of large sources: parts are read from S3, and nothing is copied."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pipeline.aws import clients as aws
from pipeline.core.errors import BadInput, DependencyFailed
from pipeline.core.location import Address
from pipeline.core.stage import Artifact, Report, Result, Source
from pipeline.media import ffmpeg
from pipeline.runs import sources
from pipeline.runs.delivery import Outcome, Retry
from tests.fakes.rig import Rig, upload_of

CONTENT = bytes(range(256)) * 4000


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Serve all sources of more than 1000 bytes."""
    monkeypatch.setattr(sources, "LARGEST_COPY", 1000)


class Reading:
    """A stage that reads bytes of its source, and writes them to its artifact."""

    def __init__(self, *spans: tuple[int, int]) -> None:
        self.spans = spans
        self.files: list[str] = []

    def __call__(self, source: Source, _: Any, work: Path, report: Report) -> Result:
        self.files = [path.name for path in work.parent.rglob("*") if path.is_file()]
        with (work / "toy.txt").open("wb") as file:
            for number, (start, end) in enumerate(self.spans):
                if isinstance(source.path, Address):
                    file.write(source.path.read(start, end))
                else:
                    file.write(source.path.read_bytes()[start:end])
                report((number + 1) / len(self.spans))
        return Result(artifacts=[Artifact(name="toy.txt", media_type="text/plain", role="toy")])


def read_back(rig: Rig, body: str) -> bytes:
    result = rig.state(body).current_result
    assert result is not None
    return rig.artifacts.read(result.prefix + "toy.txt")


@pytest.mark.usefixtures("each_s3")
def test_a_large_source_is_read_in_parts_and_not_copied(rig: Rig):
    rig.stage.run_ = stage = Reading((500_000, 500_100))
    body = rig.put(CONTENT)
    assert rig.handle(body) is Outcome.SUCCEEDED
    assert read_back(rig, body) == CONTENT[500_000:500_100]
    assert stage.files == []
    result = rig.state(body).current_result
    assert result is not None
    assert 100 <= result.cost.bytes_in <= 200_000


def test_a_small_source_is_copied(rig: Rig):
    rig.stage.run_ = stage = Reading((5, 10))
    body = rig.put(CONTENT[:1000])
    assert rig.handle(body) is Outcome.SUCCEEDED
    assert read_back(rig, body) == CONTENT[5:10]
    assert stage.files == ["source"]
    result = rig.state(body).current_result
    assert result is not None
    assert result.cost.bytes_in == 1000


def test_a_source_is_copied_where_s3_has_no_ranges(
    rig: Rig, ministack_endpoint: str, monkeypatch: pytest.MonkeyPatch
):
    """MiniStack sends the whole of a version, whatever range is requested."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", ministack_endpoint)
    aws.client.cache_clear()
    s3, bucket = aws.client("s3"), rig.config.names.uploads_bucket
    for name in (bucket, rig.config.names.artifacts_bucket):
        s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    rig.stage.run_ = stage = Reading((5, 10))
    body = rig.put(CONTENT)
    assert rig.handle(body) is Outcome.SUCCEEDED
    assert stage.files == ["source"]


def test_a_source_that_is_replaced_in_between_supersedes_the_run(rig: Rig):
    body = rig.put(CONTENT)
    first = Reading((0, 10))

    def run(*given: Any) -> Result:
        first(*given)
        rig.put(CONTENT[::-1])
        return Reading((900_000, 900_010))(*given)

    rig.stage.run_ = run
    assert rig.handle(body) is Outcome.SUPERSEDED
    assert rig.stored() == []


def test_a_source_that_is_deleted_in_between_is_missing(rig: Rig):
    body = rig.put(CONTENT)
    upload = upload_of(body)

    def run(*given: Any) -> Result:
        aws.client("s3").delete_object(Bucket=upload.bucket, Key=upload.key)
        return Reading((900_000, 900_010))(*given)

    rig.stage.run_ = run
    assert rig.handle(body) is Outcome.FAILED
    error = rig.state(body).error
    assert error is not None
    assert error.code == "source_missing"


def test_nothing_is_published_of_a_source_that_could_not_be_read(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    """A stage may take the failure of a program for the end of the media."""
    body = rig.put(CONTENT)
    failed = DependencyFailed("short_read", "It broke off.")

    def read(start: int, end: int) -> bytes:
        if start > 500_000:
            raise failed
        return CONTENT[start:end]

    monkeypatch.setattr("pipeline.aws.parts.reader", lambda *_: read)

    def run(source: Source, params: Any, work: Path, report: Report) -> Result:
        with suppress(DependencyFailed, BadInput), ffmpeg.probing(source.path) as child:
            ffmpeg.judge(child)
        with suppress(DependencyFailed):
            Reading((900_000, 900_010))(source, params, work, report)
        return Reading()(source, params, work, report)

    rig.stage.run_ = run
    with pytest.raises(Retry):
        rig.handle(body)
    assert rig.stored() == []
    error = rig.state(body).error
    assert error is not None
    assert error.code == "short_read"
