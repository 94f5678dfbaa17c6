"""The files of a spread run, in two implementations of S3 that share no code."""

import json
import random
from hashlib import sha256
from typing import Any

import pytest

from pipeline.aws import clients as aws
from pipeline.aws.run_files import MANIFEST, PLAN, RunFiles
from pipeline.core.ranges import Artifact, Piece
from pipeline.core.settings import Settings

BASE = "artifacts/v/r/toy/f/"
MIB = 1 << 20


@pytest.fixture
def files(
    each_s3: None,  # noqa: ARG001 - needed for its effect
    config: Settings,
) -> RunFiles:
    bucket = config.names.artifacts_bucket
    aws.client("s3").create_bucket(Bucket=bucket)
    return RunFiles(aws.client("s3"), bucket, f"{BASE}3/", {"CacheControl": "public"})


def put(files: RunFiles, *names: str, folder: str = "3") -> None:
    for name in names:
        aws.client("s3").put_object(
            Bucket=files._bucket, Key=f"{BASE}{folder}/{name}", Body=name.encode()
        )


def left(files: RunFiles) -> set[str]:
    found = aws.client("s3").list_objects_v2(Bucket=files._bucket).get("Contents", [])
    return {one["Key"].removeprefix(BASE) for one in found}


def test_files_are_read_in_the_order_of_their_names(files: RunFiles):
    names = [f"parts/{number}.json" for number in range(40)]
    put(files, *names)
    assert files.read_all(names) == [name.encode() for name in names]


def joined(files: RunFiles, *pieces: Piece) -> tuple[bytes, Any]:
    artifact = Artifact(name="all.mp4", media_type="video/mp4", role="mp4", pieces=pieces)
    published = files.join(artifact)
    assert (published.role, published.pieces, published.sha256) == ("mp4", (), None)
    found = aws.client("s3").get_object(Bucket=files._bucket, Key=f"{BASE}3/all.mp4")
    body = found["Body"].read()
    assert published.bytes == len(body)
    return body, found


def test_pieces_of_all_sizes_are_joined_into_one_file(files: RunFiles):
    content = random.Random(1).randbytes(13 * MIB)  # noqa: S311 - no secret depends on it
    for name in ("a", "b"):
        aws.client("s3").put_object(Bucket=files._bucket, Key=f"{BASE}3/{name}", Body=content)
    spans = [
        ("a", 5, 100),
        ("b", 0, 12 * MIB),  # the start of which is sent with the first piece
        ("a", 7, 6 * MIB),
        ("a", 0, 9),
        ("b", 1, 11),
    ]
    body, found = joined(files, *(Piece(name=n, start=s, size=z) for n, s, z in spans))
    wanted = b"".join(content[start : start + size] for _, start, size in spans)
    assert sha256(body).digest() == sha256(wanted).digest()
    assert (found["ContentType"], found["CacheControl"]) == ("video/mp4", "public")


def test_a_few_small_pieces_are_joined_too(files: RunFiles):
    put(files, "a", "bc")
    body, found = joined(files, Piece(name="bc", start=1, size=1), Piece(name="a", start=0, size=1))
    assert body == b"ca"
    assert found["ContentType"] == "video/mp4"
    assert "-" not in found["ETag"], "one request is enough"


def test_a_join_that_fails_leaves_no_upload(files: RunFiles):
    put(files, "a")
    with pytest.raises(Exception, match=r"NoSuchKey|does not exist|404"):
        files.join(
            Artifact(
                name="all.mp4",
                media_type="video/mp4",
                role="mp4",
                pieces=tuple(Piece(name="gone", start=0, size=6 * MIB) for _ in range(2)),
            )
        )
    uploads = aws.client("s3").list_multipart_uploads(Bucket=files._bucket)
    assert uploads.get("Uploads", []) == []
    assert left(files) == {"3/a"}


def test_what_the_manifest_lists_is_kept(files: RunFiles):
    manifest = json.dumps({"files": [{"name": "hls/1.mp4"}]})
    files.write(MANIFEST, manifest)
    put(files, "hls/1.mp4", "hls/lost-2.mp4", PLAN, "parts/a-1.json")
    files.delete_unlisted()
    assert left(files) == {"3/manifest.json", "3/hls/1.mp4"}


def test_without_a_manifest_nothing_is_kept(files: RunFiles):
    put(files, "hls/1.mp4", PLAN)
    put(files, "other", folder="33")
    files.delete_unlisted()
    assert left(files) == {"33/other"}


def test_earlier_attempts_that_were_spread_and_made_nothing_are_deleted(files: RunFiles):
    put(files, "hls/1.mp4", folder="1")  # it was not spread: its worker may still write
    put(files, PLAN, "parts/a-1.json", "hls/a-1.mp4", folder="2")
    put(files, PLAN, "manifest.json", folder="shadow-1")
    put(files, PLAN, folder="4")
    files.delete_unlisted(["1", "2", "shadow-1"])
    assert left(files) == {
        "1/hls/1.mp4",
        *("shadow-1/parts/plan.json", "shadow-1/manifest.json"),
        "4/parts/plan.json",
    }


def test_files_that_do_not_exist_are_deleted_without_an_error(files: RunFiles):
    put(files, "a", "b")
    files.delete(["a", "gone"])
    assert left(files) == {"3/b"}
    files.delete([])
