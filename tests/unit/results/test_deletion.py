"""The deletion of a video against an upload to its key at the same time."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from pipeline.aws.announce import Announcer
from pipeline.aws.catalog import Catalog
from pipeline.core.errors import DependencyFailed
from pipeline.core.settings import Settings
from pipeline.results.deletion import Deletions
from tests.fakes import aws_events
from tests.fakes.memory import Faults, MemoryTable
from tests.fakes.rig import upload_of

SETTINGS = Settings()
FIRST = upload_of(aws_events.created(sequencer="0A"))
SECOND = upload_of(aws_events.created(sequencer="0B", etag="other", key=FIRST.key))

NEITHER = SimpleNamespace(version_id="null")  # of a bucket that keeps no deleted files


def test_an_upload_that_comes_before_the_mark_of_a_deletion_is_deleted_too():
    catalog = Catalog(MemoryTable(SETTINGS.topology, Faults()), SETTINGS.topology.stages)
    catalog.record_upload(FIRST, patience_s=60)
    deleted: list[str] = []

    def delete(key: str) -> None:
        deleted.append(key)
        catalog.record_upload(SECOND, patience_s=60)

    uploads: Any = SimpleNamespace(delete=delete, versions=lambda _: [NEITHER])
    files: Any = SimpleNamespace(keys=lambda _: [], delete=lambda _: None)
    done = Deletions(catalog, uploads, files, lease_s=60, kept_days=1).delete(FIRST.video_id)
    assert deleted == [FIRST.key] * 2
    assert done.restorable_until is None
    assert catalog.removal.is_deleted(FIRST.video_id)


DOWN = Mock(delete=Mock(side_effect=DependencyFailed("not_deleted", "S3 is down.")))


def test_a_video_whose_file_stays_is_not_marked_as_deleted():
    """Its mark would hide the file from a second deletion."""
    catalog = Catalog(MemoryTable(SETTINGS.topology, Faults()), SETTINGS.topology.stages)
    catalog.record_upload(FIRST, patience_s=60)
    with pytest.raises(DependencyFailed):
        Deletions(catalog, DOWN, Mock(), lease_s=60, kept_days=1).delete(FIRST.video_id)
    assert not catalog.removal.is_deleted(FIRST.video_id)


def test_a_deletion_is_told_once_its_files_are_gone():
    catalog = Catalog(MemoryTable(SETTINGS.topology, Faults()), SETTINGS.topology.stages)
    catalog.record_upload(FIRST, patience_s=60)
    sent: list[Any] = []
    catalog.announcer = Announcer(sent.append, "bus")
    DOWN.keys.return_value = ["a"]
    with pytest.raises(DependencyFailed):
        Deletions(catalog, Mock(), DOWN, lease_s=60, kept_days=1).delete(FIRST.video_id)
    assert sent == []
