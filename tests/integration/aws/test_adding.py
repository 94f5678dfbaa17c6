"""Files on disk become videos of their own, and no bytes are there twice."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.aws.adding import Adder
from pipeline.core import content
from pipeline.core.events import Deletion, Upload
from tests.conftest import make_table


@pytest.fixture
def toys(toys, each_s3):  # noqa: ARG001 - in each S3
    make_table(toys)
    bucket = toys.names.uploads_bucket
    aws.client("s3").create_bucket(Bucket=bucket)
    aws.client("s3").put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    return toys


@pytest.fixture
def adder(toys):
    return bootstrap.adder(toys)


@pytest.fixture
def path(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"a video")
    return tmp_path / "a.mp4"


def head(toys, key):
    return aws.client("s3").head_object(Bucket=toys.names.uploads_bucket, Key=key)


def record(toys, added, number=1):
    """Record an upload as its event does."""
    found = head(toys, added.key)
    upload = Upload(
        event_id="event",
        time=datetime.now(UTC),
        bucket=toys.names.uploads_bucket,
        key=added.key,
        sequencer=f"{number:040}",
        version_id=found["VersionId"],
        size=found["ContentLength"],
        etag=found["ETag"].strip('"'),
    )
    bootstrap.catalog(toys).record_upload(upload, patience_s=60)
    return upload


@pytest.mark.parametrize("recorded", [True, False])
def test_the_same_bytes_are_there_even_before_their_event(toys, adder, path, recorded):
    first = adder.add(path)
    if recorded:
        record(toys, first)
    other = path.with_name("b.mp4")
    other.write_bytes(path.read_bytes())
    again = bootstrap.adder(toys).add(other)
    assert (again.video_id, again.key, again.there) == (first.video_id, first.key, True)
    other.write_bytes(b"another video")
    assert not adder.add(other).there


@pytest.mark.parametrize("recorded", [True, False])
def test_what_was_deleted_is_uploaded_again_as_another_video(toys, adder, path, recorded):
    first = adder.add(path)
    if recorded:
        upload = record(toys, first)
        gone = Deletion(
            **upload.model_dump(include={"event_id", "time", "bucket", "key"}), sequencer="9"
        )
        bootstrap.catalog(toys).record_deletion(gone)
    aws.client("s3").delete_object(Bucket=toys.names.uploads_bucket, Key=first.key)
    again = bootstrap.adder(toys).add(path)
    assert not again.there
    assert again.video_id != first.video_id


def test_a_video_that_was_replaced_has_its_earlier_bytes_no_more(toys, adder, path):
    first = adder.add(path)
    record(toys, first)
    old = path.read_bytes()
    path.write_bytes(b"a new revision")
    video = bootstrap.catalog(toys).video(first.video_id)
    assert adder.add(path, replace=video) == first
    upload = record(toys, first, 2)
    assert upload.content_id in content.ids_of(path)
    path.write_bytes(old)
    assert not bootstrap.adder(toys).add(path).there
    video = bootstrap.catalog(toys).video(first.video_id)
    path.write_bytes(b"a new revision")
    assert adder.add(path, replace=video).there


def test_equal_files_at_the_same_time_are_one_video(toys, path):
    paths = [path.with_name(f"{number}.mp4") for number in range(4)]
    for one in paths:
        one.write_bytes(b"equal")
    adder = bootstrap.adder(toys)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(adder.add, paths))
    assert len({one.video_id for one in found}) == 1
    assert [one.there for one in found].count(False) == 1


def test_s3_gives_a_file_in_parts_the_id_that_was_expected(toys, adder, path):
    path.write_bytes(bytes(content.PART_BYTES) + b"more")
    found = head(toys, adder.add(path).key)
    assert f"{found['ETag'].strip(chr(34))}-{found['ContentLength']}" in content.ids_of(path)


def test_a_restored_version_has_the_bytes_the_id_and_the_options_of_the_first(toys, adder, path):
    path.write_bytes(bytes(content.PART_BYTES) + b"more")
    first = adder.add(path, options={"stages": "toy"})
    before = record(toys, first)
    path.write_bytes(b"a new revision")
    adder.add(path, replace=bootstrap.catalog(toys).video(first.video_id))
    uploads = bootstrap.uploads(toys)
    versions = uploads.versions(first.key)
    assert [one.current for one in versions] == [True, False]
    assert versions[1].revision == before.revision
    uploads.restore(first.key, versions[1])
    after = head(toys, first.key)
    assert (after["ETag"].strip('"'), after["Metadata"]) == (
        before.etag,
        {"videodrop-stages": "toy"},
    )


def test_replaced_and_deleted_versions_are_pruned_and_the_latest_stay(toys, adder, path):
    kept = adder.add(path)
    record(toys, kept)
    path.write_bytes(b"a new revision")
    adder.add(path, replace=bootstrap.catalog(toys).video(kept.video_id))
    path.write_bytes(b"to be deleted")
    gone = adder.add(path)
    s3, bucket = aws.client("s3"), toys.names.uploads_bucket
    s3.delete_object(Bucket=bucket, Key=gone.key)
    uploads, later = bootstrap.uploads(toys), datetime.now(UTC) + timedelta(minutes=1)
    assert uploads.prune(datetime.now(UTC) - timedelta(days=1)) == (0, 0)
    for dry_run in (True, False):
        assert uploads.prune(later, dry_run=dry_run) == (2, 20)
    assert uploads.prune(later) == (0, 0)
    found = s3.list_object_versions(Bucket=bucket)
    assert [one["Key"] for one in found["Versions"]] == [kept.key]
    assert not found.get("DeleteMarkers")
    assert head(toys, kept.key)["ContentLength"] == 14


def test_captions_are_put_beside_their_video(toys, adder, path):
    added = adder.add(path)
    captions = path.with_name("a.de.srt")
    captions.write_bytes(b"1")
    adder.add_captions(captions, "a.mp4", added.key)
    assert head(toys, added.key.replace("a.mp4", "a.de.srt"))["ContentLength"] == 1


def test_videos_are_found_by_name_newest_first(toys, adder: Adder, path):
    names = bootstrap.catalog(toys).names
    ids = []
    for number in range(2):
        path.write_bytes(f"{number}".encode())
        ids.append(adder.add(path).video_id)
        record(toys, bootstrap.adder(toys).add(path), number + 1)
    assert names.of("a") == [*reversed(ids)]
    assert names.of("b") == []
