"""Sources: the connection of a download ends with its use, whatever comes of it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.aws.parts import Changed
from pipeline.aws.source_files import SourceFiles
from pipeline.core.errors import DependencyFailed, LeaseLost
from pipeline.core.events import Upload, parse
from pipeline.core.sidecar import Sidecar
from tests.fakes import aws_events
from tests.fakes.memory import Body

ETAG = "0123456789abcdef0123456789abcdef"


class S3:
    """A client whose answers have a body that is shorter than the source."""

    def __init__(self, etag: str = ETAG) -> None:
        self.body = Body(b"abc")
        self._etag = etag

    def get_object(self, **_: str) -> dict[str, Any]:
        return {"Body": self.body, "ETag": f'"{self._etag}"'}


def upload() -> Upload:
    event = parse(aws_events.created(etag=ETAG, size=7))
    assert isinstance(event, Upload)
    return event


def test_the_connection_to_a_source_that_was_replaced_is_closed():
    s3 = S3(etag="other")
    with pytest.raises(Changed):
        SourceFiles(s3).begin(upload())
    assert s3.body.closed


def lose(_: float) -> None:
    raise LeaseLost


@pytest.mark.parametrize(
    ("report", "error"), [(lose, LeaseLost), (lambda _: None, DependencyFailed)]
)
def test_the_connection_of_a_download_that_fails_is_closed(
    tmp_path: Path, report: Any, error: type[Exception]
):
    s3 = S3()
    with pytest.raises(error):
        SourceFiles(s3).fetch(upload(), tmp_path / "source", report)
    assert s3.body.closed


@pytest.mark.parametrize("version_id", [None, "v1"])
def test_captions_are_read_in_the_version_that_is_recorded(version_id: str | None):
    asked: list[dict[str, str]] = []

    def get_object(**request: str) -> dict[str, Any]:
        asked.append(request)
        return {"Body": Body(b"WEBVTT")}

    found = Sidecar(
        bucket="b", key="videos/a.srt", version_id=version_id, etag="e", size=6, language=None
    )
    assert SourceFiles(SimpleNamespace(get_object=get_object)).captions(found) == b"WEBVTT"
    assert asked[0].get("VersionId") == version_id
