"""The publication of results: what is checked before anything is uploaded."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Self

import pytest

from pipeline.aws import publication
from pipeline.aws.publication import Publication
from pipeline.core.errors import LeaseLost
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
