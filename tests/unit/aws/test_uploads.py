"""The uploads bucket: what belongs to a key, and what S3 does not take."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.aws.uploads import Uploads, metadata
from pipeline.core.errors import InvalidArgument

KEY = "videos/a.mp4"
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


class S3:
    """A bucket with versions and deletion markers; ``copied`` has the keys that were restored."""

    def __init__(self, *, code: str = "") -> None:
        self.versions: list[dict[str, Any]] = []
        self.marks: list[dict[str, Any]] = []
        self.copied: list[str] = []
        self.code = code

    def add(self, key: str, *, latest: bool = False, at: datetime | None = None) -> None:
        found = {"Key": key, "VersionId": f"of {key}", "IsLatest": latest, "ETag": '"e"', "Size": 4}
        self.versions.append(found)
        if at:
            self.mark(key, at)

    def mark(self, key: str, at: datetime, *, latest: bool = True) -> None:
        self.marks.append({"Key": key, "IsLatest": latest, "LastModified": at})

    def get_paginator(self, _: str) -> "S3":
        return self

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        if self.code:
            raise ClientError({"Error": {"Code": self.code}}, "ListObjectVersions")
        return [{"Versions": self.versions, "DeleteMarkers": self.marks}]

    def list_objects_v2(self, **_: Any) -> dict[str, Any]:
        return {"Contents": self.versions}

    def head_object(self, **_: str) -> dict[str, Any]:
        return {}

    def copy(self, _: dict[str, str], bucket: str, key: str, **__: Any) -> None:
        self.copied.append(f"{bucket}/{key}")


def uploads(s3: S3) -> Uploads:
    return Uploads(s3, "ours", "videos/")


def test_captions_that_were_deleted_with_their_video_come_back_and_nothing_else():
    s3 = S3()
    s3.add(KEY, latest=True)
    s3.mark(KEY, NOON, latest=False)  # it is restored by now
    s3.add("videos/a.de.srt", at=NOON - timedelta(seconds=5))
    s3.add("videos/a.en.srt", at=NOON - timedelta(minutes=2))  # before, by someone
    s3.add("videos/a.webm", at=NOON)  # another video
    s3.add("videos/a.fr.srt", latest=True)
    s3.mark("videos/a.fr.srt", NOON, latest=False)  # uploaded again since
    s3.mark("videos/a.it.srt", NOON)  # the bucket has discarded its versions
    uploads(s3).restore_beside(KEY)
    assert s3.copied == ["ours/videos/a.de.srt"]


def test_captions_stay_deleted_if_nobody_knows_when_their_video_was():
    s3 = S3()
    s3.add("videos/a.de.srt", at=NOON)
    uploads(s3).restore_beside(KEY)
    assert s3.copied == []


def test_a_bucket_without_versions_has_none_and_another_failure_is_told():
    for code in ("MethodNotAllowed", "NotImplemented"):
        assert uploads(S3(code=code)).versions(KEY) == []
    with pytest.raises(ClientError, match="AccessDenied"):
        uploads(S3(code="AccessDenied")).versions(KEY)


def test_an_object_whose_key_begins_alike_is_another():
    s3 = S3()
    s3.add(f"{KEY}.srt", latest=True)
    assert uploads(s3).versions(KEY) == []
    assert not uploads(s3).holds(KEY)
    s3.add(KEY, latest=True)
    assert [one.version_id for one in uploads(s3).versions(KEY)] == [f"of {KEY}"]
    assert uploads(s3).holds(KEY)
    assert uploads(s3).holds(KEY, ["x-4", "e-4"])
    assert not uploads(s3).holds(KEY, ["e-5"])


@pytest.mark.parametrize("text", ["ü", "a\r\nx-amz-acl: public-read", "a\x7f"])
def test_options_that_a_header_cannot_hold_are_rejected(text: str):
    for given in ({"stages": text}, {text: "transcode"}):
        with pytest.raises(InvalidArgument, match="bad_option"):
            metadata(given)


def test_a_folder_and_a_missing_file_are_not_uploaded(tmp_path: Path):
    for path in (tmp_path, tmp_path / "none.mp4"):
        with pytest.raises(InvalidArgument, match="not_a_file"):
            uploads(S3()).put(path, KEY)
