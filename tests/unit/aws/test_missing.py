"""The events of objects that the catalog lacks."""

import json
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from pipeline.aws.missing import Missing
from pipeline.core import events
from pipeline.core.events import Upload
from tests.fakes.query import FakeCatalog

WRITTEN = datetime(2020, 2, 1, 12, tzinfo=UTC)


def upload(**more: str) -> Upload:
    class S3:
        def head_object(self, **_: str) -> dict[str, Any]:
            return {"ContentLength": 3, "ETag": '"e"', "LastModified": WRITTEN} | more

    event = Missing(S3(), "uploads", cast("Any", FakeCatalog())).created({"Key": "videos/a"}, None)
    found = events.parse(json.dumps(event))
    assert isinstance(found, Upload)
    return found


@pytest.mark.parametrize(
    ("version", "known"), [({}, None), ({"VersionId": "null"}, None), ({"VersionId": "v1"}, "v1")]
)
def test_what_was_written_before_the_bucket_kept_versions_has_none(
    version: dict[str, str], known: str | None
):
    assert upload(**version).version_id == known


def test_the_time_of_an_upload_is_that_at_which_its_object_was_written():
    assert upload().time == WRITTEN


def test_a_later_event_of_s3_comes_after_it():
    assert upload().sequencer < f"00{int(datetime.now(UTC).timestamp()):08X}AB".ljust(40, "0")
