"""The publication of results: what is checked before anything is uploaded."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest
from botocore.exceptions import ClientError

from pipeline.aws import publication
from pipeline.aws.publication import Publication
from pipeline.core.errors import LeaseLost, Outage
from pipeline.core.stage import Artifact


def test_a_worker_that_lost_its_lease_in_silence_uploads_nothing(tmp_path: Path):
    (tmp_path / "a.txt").write_text("hello")
    artifact = Artifact(role="text", name="a.txt", media_type="text/plain")

    def report(_fraction: float) -> None:
        raise LeaseLost

    no_s3 = None  # any request to it is another error
    with pytest.raises(LeaseLost):
        Publication(no_s3, "b").upload("artifacts/v/", tmp_path, [artifact], report)


class Pool:
    """A pool that uploads a file when its end is awaited, and all others in the end."""

    def __init__(self, _: int) -> None:
        self._waiting: list[Callable[[], int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for one in [*self._waiting]:
            one()

    def submit(self, call: Callable[..., int], *given: object) -> SimpleNamespace:
        def result() -> int:
            self._waiting.remove(result)
            return call(*given)

        self._waiting.append(result)
        return SimpleNamespace(result=result)

    def shutdown(self, *, cancel_futures: bool) -> None:
        if cancel_futures:
            self._waiting.clear()


def test_a_worker_that_loses_its_lease_uploads_no_more_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(publication, "ThreadPoolExecutor", Pool)
    sent: list[object] = []
    s3 = SimpleNamespace(put_object=lambda **request: sent.append(request["Key"]))
    files = [Artifact(role="text", name=f"{n}.txt", media_type="text/plain") for n in range(9)]
    for one in files:
        (tmp_path / one.name).write_text("hello")

    def report(fraction: float) -> None:
        if fraction:
            raise LeaseLost

    with pytest.raises(LeaseLost):
        Publication(s3, "b").upload("artifacts/v/", tmp_path, files, report)
    assert sent == ["artifacts/v/0.txt"]


def answered(code: str, status: int) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "GetObject")


class S3:
    """A bucket with a manifest, or with an error in its place."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error
        self.put: list[bytes] = []

    def get_object(self, **_: str) -> dict[str, Any]:
        if self._error:
            raise self._error
        return {"Body": io.BytesIO(b'{"files": [], "stage": "toy", "event": "1"}')}

    def put_object(self, **request: Any) -> None:
        self.put.append(request["Body"])


@pytest.mark.parametrize("copied", [True, False])
def test_a_copy_has_a_manifest_of_its_own_if_all_files_were_copied(
    monkeypatch: pytest.MonkeyPatch, *, copied: bool
):
    monkeypatch.setattr(publication, "copy_files", lambda *_: copied)
    s3 = S3()
    assert Publication(s3, "b").copy("a/", "b/", {"event": "2"}, print) is copied
    manifest = {"files": [], "stage": "toy", "event": "2"}
    assert [json.loads(body) for body in s3.put] == [manifest] * copied


def test_only_a_result_that_was_removed_is_not_copied():
    removed, away = S3(answered("NoSuchKey", 404)), S3(answered("AccessDenied", 403))
    assert Publication(removed, "b").copy("a/", "b/", {}, print) is False
    with pytest.raises(ClientError):
        Publication(away, "b").copy("a/", "b/", {}, print)


def test_an_outage_while_a_file_is_read_is_told_as_one():
    files = Publication(S3(answered("InternalError", 500)), "b")
    for read in (files.read, lambda key: list(files.stream(key))):
        with pytest.raises(Outage):
            read("a")


def test_files_without_a_byte_are_uploaded_too(tmp_path: Path):
    (tmp_path / "empty.txt").touch()
    empty = [Artifact(role="text", name="empty.txt", media_type="text/plain")]
    s3, told = S3(), list[float]()
    (published,) = Publication(s3, "b").upload("p/", tmp_path, empty, told.append)
    assert (published.bytes, len(s3.put), told) == (0, 1, [0, 0])
