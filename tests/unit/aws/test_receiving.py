"""Uploads in parts against a table in memory: nothing is complete, or there twice, that is not."""

from datetime import timedelta
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from pipeline.aws import receiving
from pipeline.aws.catalog import Catalog
from pipeline.aws.catalog.pending import Pending
from pipeline.aws.multipart import Multipart
from pipeline.aws.receiving import Receiver
from pipeline.aws.uploads import Uploads
from pipeline.core import content
from pipeline.core.errors import Conflict, InvalidArgument, NotFound
from pipeline.core.settings import Settings
from tests.fakes.memory import Faults, MemoryTable

SETTINGS = Settings()
MD5 = "0123456789abcdef" * 2
ENDED = ClientError({"Error": {"Code": "NoSuchUpload"}}, "CompleteMultipartUpload")
DENIED = ClientError({"Error": {"Code": "AccessDenied"}}, "CompleteMultipartUpload")


class S3:
    """Multipart uploads that S3 has; each call may fail."""

    def __init__(self) -> None:
        self.open: dict[str, list[dict[str, Any]]] = {}
        self.objects: set[str] = set()
        self.error: ClientError | None = None
        self.begun = 0

    def create_multipart_upload(self, **_: Any) -> dict[str, str]:
        self.begun += 1
        self.open[f"u{self.begun}"] = []
        return {"UploadId": f"u{self.begun}"}

    def get_paginator(self, _: str) -> "S3":
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        return [{"Parts": self._parts(asked)}]

    def complete_multipart_upload(self, **asked: Any) -> None:
        self.abort_multipart_upload(**asked)
        self.objects.add(asked["Key"])

    def abort_multipart_upload(self, **asked: Any) -> None:
        if self.error:
            raise self.error
        self._parts(asked)
        del self.open[asked["UploadId"]]

    def _parts(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        if asked["UploadId"] not in self.open:
            raise ENDED
        return self.open[asked["UploadId"]]

    def list_objects_v2(self, **asked: Any) -> dict[str, Any]:
        found = sorted(one for one in self.objects if one.startswith(asked["Prefix"]))
        return {"Contents": [{"Key": one, "ETag": f'"{MD5}"', "Size": 4} for one in found]}


class Bench:
    """A receiver, and what is behind it."""

    def __init__(self) -> None:
        self.s3 = S3()
        self.catalog = Catalog(
            MemoryTable(SETTINGS.topology, Faults()), tuple(SETTINGS.topology.stages)
        )
        uploads = Uploads(self.s3, "uploads", "videos/")
        parts = Multipart(self.s3, "uploads", lasts_s=60)
        self.receiver = Receiver(parts, uploads, self.catalog)

    def begin(self, name: str = "a.mp4", size: int = 4, **given: Any) -> Pending:
        return self.receiver.begin(name, size, "video/mp4", {}, **given)

    def send(self, begun: Pending, size: int = 4) -> None:
        part = {"PartNumber": 1, "Size": size, "ETag": f'"{MD5}"'}
        self.s3.open[cast("str", begun.s3_id)].append(part)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_part_of_another_size_has_not_arrived(bench: Bench):
    begun = bench.begin()
    bench.send(begun, size=3)
    with pytest.raises(Conflict, match="upload_incomplete"):
        bench.receiver.complete(begun.upload_id)
    assert bench.s3.objects == set()


def test_an_upload_that_s3_has_discarded_is_not_complete(bench: Bench):
    begun = bench.begin()
    bench.s3.open.clear()
    bench.s3.objects.add(f"{begun.key}.srt")  # beside it
    with pytest.raises(NotFound, match="unknown_upload"):
        bench.receiver.complete(begun.upload_id)
    assert not bench.receiver.get(begun.upload_id).completed


def test_what_s3_did_not_complete_is_not_recorded(bench: Bench):
    begun = bench.begin()
    bench.send(begun)
    bench.s3.error = DENIED
    with pytest.raises(ClientError, match="AccessDenied"):
        bench.receiver.complete(begun.upload_id)
    assert bench.catalog.contents.videos(content.ids(4, [MD5])) == {}
    with pytest.raises(ClientError, match="AccessDenied"):
        bench.receiver.abort(begun.upload_id)
    assert not bench.receiver.get(begun.upload_id).completed
    bench.s3.error = None
    assert bench.receiver.complete(begun.upload_id).completed
    assert bench.receiver.get(begun.upload_id).completed
    assert bench.catalog.contents.videos(content.ids(4, [MD5])) == {begun.video_id: begun.key}


def test_an_expired_upload_is_unknown_and_its_idempotency_key_free(bench: Bench, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(receiving, "LASTS", timedelta(seconds=-5))
        old = bench.begin(once="order 7")
    with pytest.raises(NotFound, match="unknown_upload"):
        bench.receiver.get(old.upload_id)
    new = bench.begin("b.mp4", once="order 7")
    assert (new.upload_id, new.name) == (old.upload_id, "b.mp4")
    assert bench.begin("b.mp4", once="order 7") == new


def test_of_two_requests_at_once_with_one_key_the_second_begins_nothing(bench: Bench, monkeypatch):
    first = bench.begin(once="order 7")
    answers = iter([None, first] * 2)  # the first was not there yet
    monkeypatch.setattr(bench.catalog.pending, "get", lambda _: next(answers))
    assert bench.begin(once="order 7") == first
    with pytest.raises(Conflict, match="idempotency_conflict"):
        bench.begin("b.mp4", once="order 7")
    assert list(bench.s3.open) == [first.s3_id]


@pytest.mark.parametrize("upload_id", ["", "../x", "A" * 32, "0" * 33, "0" * 32 + "\n", "x" * 3000])
def test_an_id_of_another_form_is_unknown_and_the_table_is_not_asked(
    bench: Bench, monkeypatch, upload_id
):
    monkeypatch.setattr(bench.catalog.pending, "get", None)
    with pytest.raises(NotFound, match="unknown_upload"):
        bench.receiver.get(upload_id)


def test_a_video_is_not_put_beside_another(bench: Bench):
    other = bench.begin()
    with pytest.raises(InvalidArgument, match="bad_beside"):
        bench.begin("a.mp4", beside=other.upload_id)
    assert bench.s3.begun == 1


def test_captions_are_never_taken_for_a_video_with_the_same_bytes(bench: Bench):
    begun = bench.begin()
    bench.send(begun)
    bench.receiver.complete(begun.upload_id)
    bench.s3.objects = {begun.key}
    captions = bench.begin("a.srt", beside=begun.upload_id, etag=MD5)
    assert not captions.there
    bench.send(captions)
    done = bench.receiver.complete(captions.upload_id)
    assert (done.there, done.key) == (False, begun.key.replace(".mp4", ".srt"))


def test_an_upload_whose_bytes_are_there_is_recorded_before_its_parts_are_discarded(bench: Bench):
    first, second = bench.begin(), bench.begin("b.mp4", once="order 7")
    for one in (first, second):
        bench.send(one)
    bench.receiver.complete(first.upload_id)
    bench.s3.objects = {first.key}
    bench.s3.error = DENIED
    with pytest.raises(ClientError, match="AccessDenied"):
        bench.receiver.complete(second.upload_id)
    assert bench.receiver.complete(second.upload_id).video_id == first.video_id


@pytest.mark.parametrize("made", [False, True], ids=["aborted", "completed"])
def test_an_upload_that_a_killed_request_has_ended_is_cancelled_unless_it_is_a_video(
    bench: Bench, made
):
    begun = bench.begin(once="order 7")
    bench.s3.open.clear()
    if made:
        bench.s3.objects.add(begun.key)
        with pytest.raises(Conflict, match="upload_completed"):
            bench.receiver.abort(begun.upload_id)
    else:
        bench.receiver.abort(begun.upload_id)
        assert bench.begin(once="order 7").s3_id != begun.s3_id
