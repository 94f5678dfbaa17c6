"""Bodies of objects, which the embedded S3 keeps in files, over HTTP."""

import hashlib
from functools import partial

import psutil
import pytest
from botocore.exceptions import ClientError

md5 = partial(hashlib.md5, usedforsecurity=False)  # the digest of S3's ETags


class Multipart:
    """A multipart upload, part by part."""

    def __init__(self, bench, **more):
        self.s3 = bench.s3
        started = bench.s3.create_multipart_upload(Bucket=bench.name, Key="big", **more)
        self.where = {"Bucket": bench.name, "Key": "big", "UploadId": started["UploadId"]}
        self.more = {"ChecksumAlgorithm": more["ChecksumAlgorithm"]} if more else {}

    def part(self, number, body):
        etag = self.s3.upload_part(**self.where, PartNumber=number, Body=body, **self.more)["ETag"]
        return {"PartNumber": number, "ETag": etag}

    def complete(self, *parts):
        self.s3.complete_multipart_upload(**self.where, MultipartUpload={"Parts": list(parts)})
        bucket_and_key = {name: self.where[name] for name in ("Bucket", "Key")}
        return self.s3.get_object(**bucket_and_key)["Body"].read()


@pytest.mark.parametrize("more", [{}, {"ChecksumAlgorithm": "CRC32"}])
def test_parts_are_joined_in_their_order(bench, more):
    upload = Multipart(bench, **more)
    large, last = b"ab" * (5 << 19), b"end"
    second, first = upload.part(2, last), upload.part(1, large)
    assert upload.complete(first, second) == large + last
    head = bench.s3.head_object(Bucket=bench.name, Key="big")
    assert head["ETag"] == f'"{md5(md5(large).digest() + md5(last).digest()).hexdigest()}-2"'
    assert head["ContentLength"] == len(large + last)


def test_parts_that_s3_would_reject_are_rejected(bench):
    upload = Multipart(bench)
    small, last = upload.part(1, b"small"), upload.part(2, b"end")
    with pytest.raises(ClientError, match="EntityTooSmall"):
        upload.complete(small, last)
    with pytest.raises(ClientError, match="InvalidPart"):
        upload.complete(small | {"ETag": last["ETag"]})
    with pytest.raises(ClientError, match="InvalidPart"):
        upload.complete({"PartNumber": 7, "ETag": last["ETag"]})
    assert upload.complete(small) == b"small"


def test_a_copy_at_once_and_in_parts_has_the_same_bytes(bench):
    body = bytes(range(256)) * (24 << 10)  # 6 MiB
    bench.put(body=body)
    source = {"Bucket": bench.name, "Key": "k"}
    bench.s3.copy_object(Bucket=bench.name, Key="copy", CopySource=source)
    assert bench.s3.get_object(Bucket=bench.name, Key="copy")["Body"].read() == body
    upload, parts = Multipart(bench), []
    for number, (start, stop) in enumerate(((0, 5 << 20), (5 << 20, len(body))), 1):
        wanted = {"CopySource": source, "CopySourceRange": f"bytes={start}-{stop - 1}"}
        copied = bench.s3.upload_part_copy(**upload.where, PartNumber=number, **wanted)
        parts.append({"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]})
    assert upload.complete(*parts) == body


def test_bodies_and_their_ranges_are_complete(bench):
    body = bytes(range(256)) * 10_000  # several chunks
    bench.put(body=body)
    found = bench.s3.get_object(Bucket=bench.name, Key="k")
    assert found["ContentLength"] == len(body)
    assert found["Body"].read() == body
    ranges = {
        "0-9": body[:10],
        "0-": body,
        "7-2500000": body[7:2_500_001],
        "2559990-": body[-10:],
        "-3": body[-3:],
    }
    for asked, part in ranges.items():
        found = bench.s3.get_object(Bucket=bench.name, Key="k", Range=f"bytes={asked}")
        assert found["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert found["Body"].read() == part
    bench.put(body=b"")
    assert bench.s3.get_object(Bucket=bench.name, Key="k")["Body"].read() == b""


def test_a_part_can_be_copied_from_a_range(bench):
    body = bytes(range(256)) * 10_000
    bench.put(body=body)
    upload = Multipart(bench)
    source = {"Bucket": bench.name, "Key": "k"}
    copied = bench.s3.upload_part_copy(
        **upload.where, PartNumber=1, CopySource=source, CopySourceRange="bytes=7-2500000"
    )
    part = {"PartNumber": 1, "ETag": copied["CopyPartResult"]["ETag"]}
    assert upload.complete(part) == body[7:2_500_001]


def test_a_copy_shares_its_body_and_stays_after_the_original_is_deleted(bench, shared_server):
    bodies = shared_server.folder / "bodies"
    bench.put("from", b"body of its own")
    before = {path.name for path in bodies.iterdir()}
    bench.s3.copy_object(
        Bucket=bench.name, Key="to", CopySource={"Bucket": bench.name, "Key": "from"}
    )
    assert {path.name for path in bodies.iterdir()} <= before
    bench.s3.delete_object(Bucket=bench.name, Key="from")
    assert bench.s3.get_object(Bucket=bench.name, Key="to")["Body"].read() == b"body of its own"


@pytest.mark.parametrize("more", [{}, {"Range": "bytes=0-"}])
def test_a_large_body_is_sent_without_being_held_in_memory(bench, shared_server, more):
    upload = Multipart(bench)
    parts = [upload.part(number, bytes(8 << 20)) for number in range(1, 9)]
    bench.s3.complete_multipart_upload(**upload.where, MultipartUpload={"Parts": parts})
    server = psutil.Process(shared_server.child.pid)

    def private():
        memory = server.memory_info()
        return memory.rss - memory.shared

    before, most, received = private(), 0, 0
    for chunk in bench.s3.get_object(Bucket=bench.name, Key="big", **more)["Body"].iter_chunks(
        1 << 20
    ):
        received += len(chunk)
        most = max(most, private())
    assert received == 64 << 20
    assert most - before < 16 << 20


def test_versions_are_listed_with_sizes_of_their_own(bench):
    bench.s3.put_bucket_versioning(Bucket=bench.name, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"old", b"newer"):
        bench.put(body=body)
    found = bench.s3.list_object_versions(Bucket=bench.name)["Versions"]
    assert [(one["Size"], one["IsLatest"]) for one in found] == [(5, True), (3, False)]
    assert bench.s3.get_object(Bucket=bench.name, Key="k")["Body"].read() == b"newer"
