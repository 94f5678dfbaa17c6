"""The uploads bucket, and what is known of its files."""

import pytest

from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.core.settings import Settings
from tests.fakes import aws_events
from tests.fakes.rig import upload_of


@pytest.mark.usefixtures("each_s3")
def test_only_files_without_object_and_video_are_lost(stored: Settings) -> None:
    uploads, catalog = bootstrap.uploads(stored), bootstrap.catalog(stored)
    bucket = stored.names.uploads_bucket
    aws.client("s3").put_object(Bucket=bucket, Key="videos/ä b.mp4", Body=b"film")
    event = aws_events.created(bucket=bucket, key="videos/deleted since.mp4")
    catalog.record_upload(upload_of(event), patience_s=3600)
    keys = {f"videos/{name}.mp4" for name in ("ä b", "deleted since", "rolled back")}
    assert uploads.lost(keys, catalog) == {"videos/rolled back.mp4"}
    assert uploads.lost(set(), catalog) == set()
