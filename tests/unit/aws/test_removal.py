"""Deletions against uploads that come in between."""

import pytest

from pipeline.aws.catalog import Catalog
from pipeline.core.events import parse
from pipeline.core.settings import Settings
from tests.fakes import aws_events
from tests.fakes.memory import Faults, MemoryTable
from tests.fakes.rig import upload_of

SETTINGS = Settings()
FIRST = upload_of(aws_events.created(sequencer="0A"))
SECOND = upload_of(aws_events.created(sequencer="0C", etag="other", key=FIRST.key))


@pytest.fixture
def catalog() -> Catalog:
    return Catalog(MemoryTable(SETTINGS.topology, Faults()), tuple(SETTINGS.topology.stages))


def test_a_video_that_was_uploaded_again_since_it_was_read_is_not_deleted(catalog: Catalog):
    catalog.record_upload(FIRST, patience_s=60)
    read = catalog.video(FIRST.video_id)
    assert read is not None
    catalog.record_upload(SECOND, patience_s=60)
    assert catalog.removal.mark(read, lease_s=60) is False
    found = catalog.video(FIRST.video_id)
    assert found is not None
    assert not found.deleted_at


def test_the_late_event_of_a_deletion_leaves_a_later_upload(catalog: Catalog):
    catalog.record_upload(SECOND, patience_s=60)
    deletion = parse(aws_events.deleted(sequencer="0B", key=FIRST.key))
    assert catalog.record_deletion(deletion) is None
    found = catalog.video(FIRST.video_id)
    assert found is not None
    assert not found.deleted_at
