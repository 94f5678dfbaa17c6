"""Files in two implementations of S3: complete, described and never overwritten."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

import pytest
from boto3.s3.transfer import TransferConfig

from pipeline.aws import artifact_copies
from pipeline.aws import clients as aws
from pipeline.aws.parts import Changed
from pipeline.aws.source_files import media_type
from pipeline.core.errors import BadInput, DependencyFailed, LeaseLost
from pipeline.core.stage import Artifact
from tests.fakes.rig import Rig, upload_of

pytestmark = pytest.mark.usefixtures("each_s3")

FILES = {"a.txt": b"one", "deep/er/b.bin": bytes(range(256)) * 5000, "empty": b""}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


ARTIFACTS = [Artifact(name=name, media_type="text/plain", role="r") for name in FILES]


def silent(_fraction: float) -> None:
    pass


def test_the_manifest_lists_every_file_as_it_is(rig: Rig, work: Path):
    published = rig.artifacts.publish("p/1/", work, ARTIFACTS, {"stage": "toy"}, silent)
    assert {one.name: (one.bytes, one.sha256) for one in published} == {
        name: (len(content), sha256(content).hexdigest()) for name, content in FILES.items()
    }
    for name, content in FILES.items():
        assert rig.artifacts.read(f"p/1/{name}") == content
    found = aws.client("s3").get_object(
        Bucket=rig.config.names.artifacts_bucket, Key="p/1/manifest.json"
    )
    assert found["ContentType"] == "application/json"
    assert "immutable" in found["CacheControl"]
    assert sorted(rig.stored()) == sorted([*(f"p/1/{name}" for name in FILES), "p/1/manifest.json"])
    assert rig.artifacts.has("p/1/")


def test_the_manifest_is_written_after_every_file(
    rig: Rig, work: Path, monkeypatch: pytest.MonkeyPatch
):
    artifacts, order = rig.artifacts, []
    put = artifacts._s3.put_object

    def recorded(**request: Any) -> Any:
        answer = put(**request)
        order.append(request["Key"])
        return answer

    monkeypatch.setattr(artifacts._s3, "put_object", recorded)
    artifacts.publish("p/1/", work, ARTIFACTS, {}, silent)
    assert order[-1] == "p/1/manifest.json"
    assert len(order) == len(FILES) + 1


def test_without_every_file_there_is_no_manifest(rig: Rig, work: Path):
    def lost(_fraction: float) -> None:
        raise LeaseLost

    with pytest.raises(LeaseLost):
        rig.artifacts.publish("p/1/", work, ARTIFACTS, {}, lost)
    missing = [*ARTIFACTS, Artifact(name="gone", media_type="text/plain", role="r")]
    with pytest.raises(FileNotFoundError):
        rig.artifacts.publish("p/1/", work, missing, {}, silent)
    assert not rig.artifacts.has("p/1/")


def test_a_result_without_a_file_that_its_manifest_lists_is_not_complete(rig: Rig, work: Path):
    rig.artifacts.publish("p/1/", work, ARTIFACTS, {}, silent)
    bucket = rig.config.names.artifacts_bucket
    aws.client("s3").delete_object(Bucket=bucket, Key=f"p/1/{ARTIFACTS[0].name}")
    assert not rig.artifacts.has("p/1/")


def test_a_long_artifact_is_uploaded_in_parts(rig: Rig, tmp_path: Path):
    """S3 takes no more than 5 GiB at once."""
    with (tmp_path / "film").open("wb") as file:
        file.truncate((16 << 20) + 1)
    film = [Artifact(name="film", media_type="video/mp4", role="r")]
    (published,) = rig.artifacts.publish("p/1/", tmp_path, film, {}, silent)
    found = aws.client("s3").head_object(Bucket=rig.config.names.artifacts_bucket, Key="p/1/film")
    assert found["ContentLength"] == published.bytes
    assert found["ETag"].endswith('-2"')
    assert found["ContentType"] == "video/mp4"
    assert "immutable" in found["CacheControl"]


def test_a_worker_that_lost_its_lease_uploads_nothing(rig: Rig, work: Path):
    def lost(_fraction: float) -> None:
        raise LeaseLost

    with pytest.raises(LeaseLost):
        rig.artifacts.publish("artifacts/v/", work, ARTIFACTS, {}, lost)
    assert rig.stored() == []


def test_progress_is_of_bytes_and_ends_at_one(rig: Rig, work: Path):
    told: list[float] = []
    rig.artifacts.publish("p/1/", work, ARTIFACTS, {}, told.append)
    assert told == sorted(told)
    assert told[-1] == 1


@pytest.mark.parametrize("key", ["videos/a+b.mp4", "videos/100%25 x.mp4", "videos/два 😀.mp4"])
def test_a_source_is_fetched_by_its_raw_key(rig: Rig, tmp_path: Path, key: str):
    upload = upload_of(rig.put(b"content", key, author="me"))
    told: list[float] = []
    rig.artifacts.fetch(upload, tmp_path / "source", told.append)
    assert (tmp_path / "source").read_bytes() == b"content"
    assert told[-1] == 1
    head = rig.artifacts.head(upload)
    assert (head.size, head.metadata) == (7, {"author": "me"})


def test_a_source_that_was_replaced_is_not_taken_for_the_one_meant(rig: Rig, tmp_path: Path):
    upload = upload_of(rig.put(b"first"))
    rig.put(b"second")
    for read in (
        lambda: rig.artifacts.head(upload),
        lambda: rig.artifacts.fetch(upload, tmp_path / "source", silent),
    ):
        with pytest.raises(Changed):
            read()
    assert not (tmp_path / "source").exists()


def test_a_version_is_fetched_even_when_a_later_one_is_there(rig: Rig, tmp_path: Path):
    bucket = rig.config.names.uploads_bucket
    aws.client("s3").put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    upload = upload_of(rig.put(b"first"))
    assert upload.version_id
    rig.put(b"second")
    rig.artifacts.fetch(upload, tmp_path / "source", silent)
    assert (tmp_path / "source").read_bytes() == b"first"
    aws.client("s3").delete_object(Bucket=bucket, Key=upload.key, VersionId=upload.version_id)
    with pytest.raises(BadInput, match="deleted before"):
        rig.artifacts.head(upload)


def test_a_source_that_is_gone_is_the_uploaders_doing(rig: Rig, tmp_path: Path):
    upload = upload_of(rig.put())
    aws.client("s3").delete_object(Bucket=upload.bucket, Key=upload.key)
    for read in (
        lambda: rig.artifacts.head(upload),
        lambda: rig.artifacts.fetch(upload, tmp_path / "source", silent),
    ):
        with pytest.raises(BadInput) as missing:
            read()
        assert missing.value.code == "source_missing"


def test_a_source_that_arrives_in_part_is_asked_for_again(rig: Rig, tmp_path: Path):
    upload = upload_of(rig.put(b"content")).model_copy(update={"size": 9})
    with pytest.raises(DependencyFailed, match="7 of 9 bytes") as short:
        rig.artifacts.fetch(upload, tmp_path / "source", silent)
    assert short.value.retryable


def test_a_signed_address_works_and_can_name_the_file(rig: Rig, work: Path):
    rig.artifacts.publish("p/1/", work, ARTIFACTS, {}, silent)
    with urlopen(rig.artifacts.url("p/1/a.txt")) as answer:  # noqa: S310 - of our own server
        assert answer.read() == b"one"
    url = rig.artifacts.url("p/1/a.txt", download_as="film.txt")
    assert "X-Amz-Signature" in url
    with urlopen(url) as answer:  # noqa: S310 - of our own server
        assert answer.headers["Content-Disposition"] == 'attachment; filename="film.txt"'


def test_a_file_that_a_playlist_names_many_times_is_signed_once(
    rig: Rig, work: Path, monkeypatch: pytest.MonkeyPatch
):
    rig.artifacts.publish("p/1/", work, ARTIFACTS, {}, silent)
    signed: list[dict[str, Any]] = []
    sign = rig.artifacts._s3.generate_presigned_url

    def recorded(*given: Any, **request: Any) -> Any:
        signed.append(request)
        return sign(*given, **request)

    monkeypatch.setattr(rig.artifacts._s3, "generate_presigned_url", recorded)
    address = rig.artifacts.urls("p/1/", lasts_s=3 * 3600.5)
    urls = {address(name) for name in ("deep/er/b.bin", "a.txt", "deep/er/b.bin")}
    assert [one["Params"]["Key"] for one in signed] == ["p/1/deep/er/b.bin", "p/1/a.txt"]
    assert [one["ExpiresIn"] for one in signed] == [10801, 10801]
    asked = Request(address("deep/er/b.bin"), headers={"Range": "bytes=256-511"})  # noqa: S310 - of our own server
    with urlopen(asked) as answer:  # noqa: S310 - of our own server
        assert (answer.status, answer.read()) == (206, bytes(range(256)))
    assert len(urls) == 2


def test_no_address_is_signed_for_longer_than_s3_allows(rig: Rig):
    url = rig.artifacts.urls("p/1/", lasts_s=30 * 86400)("a.txt")
    assert parse_qs(urlsplit(url).query)["X-Amz-Expires"] == ["604800"]


def test_a_copy_is_complete_and_differs_only_in_what_is_said_of_it(rig: Rig, work: Path):
    rig.artifacts.publish("p/1/", work, ARTIFACTS, {"stage": "toy", "attempt": 1}, silent)
    told: list[float] = []
    assert rig.artifacts.copy("p/1/", "q/2/", {"attempt": 2}, told.append)
    assert told == sorted(told)
    assert told[-1] == 1
    for name, content in FILES.items():
        assert rig.artifacts.read(f"q/2/{name}") == content
    one, two = (json.loads(rig.artifacts.read(f"{p}manifest.json")) for p in ("p/1/", "q/2/"))
    assert two == one | {"attempt": 2}
    bucket = rig.config.names.artifacts_bucket
    found = aws.client("s3").head_object(Bucket=bucket, Key="q/2/deep/er/b.bin")
    assert found["ContentType"] == "text/plain"
    assert "immutable" in found["CacheControl"]


def test_a_copy_of_an_incomplete_result_is_not_complete(rig: Rig, work: Path):
    s3, bucket = aws.client("s3"), rig.config.names.artifacts_bucket
    assert not rig.artifacts.copy("p/1/", "q/2/", {}, silent)
    rig.artifacts.publish("p/1/", work, ARTIFACTS, {}, silent)
    s3.delete_object(Bucket=bucket, Key="p/1/a.txt")
    assert not rig.artifacts.copy("p/1/", "q/2/", {}, silent)
    assert not rig.artifacts.has("q/2/")


def test_a_long_file_is_copied_in_parts(rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """S3 copies no more than 5 GiB at once."""
    parts = TransferConfig(
        multipart_threshold=6 << 20, multipart_chunksize=6 << 20, use_threads=False
    )
    monkeypatch.setattr(artifact_copies, "_TRANSFER", parts)
    (tmp_path / "film").write_bytes(bytes(range(256)) * (28 << 10))
    film = [Artifact(name="film", media_type="video/mp4", role="r")]
    rig.artifacts.publish("p/1/", tmp_path, film, {}, silent)
    assert rig.artifacts.copy("p/1/", "q/2/", {}, silent)
    found = aws.client("s3").head_object(Bucket=rig.config.names.artifacts_bucket, Key="q/2/film")
    assert found["ContentLength"] == 7 << 20
    assert found["ETag"].endswith('-2"')
    assert found["ContentType"] == "video/mp4"
    assert "immutable" in found["CacheControl"]


def test_reading_what_is_not_there_is_a_failed_dependency(rig: Rig):
    with pytest.raises(DependencyFailed, match="NoSuchKey"):
        rig.artifacts.read("no/such")
    with pytest.raises(DependencyFailed, match="NoSuchKey"):
        list(rig.artifacts.stream("no/such"))
    assert not rig.artifacts.has("no/such/")


def test_a_long_artifact_is_streamed_in_pieces(rig: Rig, work: Path):
    rig.artifacts.publish("p/1/", work, ARTIFACTS, {}, silent)
    pieces = list(rig.artifacts.stream("p/1/deep/er/b.bin"))
    assert len(pieces) > 1
    assert b"".join(pieces) == FILES["deep/er/b.bin"]


def test_a_sources_media_type_is_guessed_from_its_name():
    assert media_type(Path("a.mp4")) == "video/mp4"
    assert media_type(Path("a.unheard")) == "application/octet-stream"
