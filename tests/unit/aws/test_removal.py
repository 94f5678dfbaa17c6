"""Deletions against uploads that come in between."""

import time

import pytest

from pipeline.aws.catalog import Catalog
from pipeline.core.events import parse
from pipeline.core.media_info import Probe
from pipeline.core.settings import Settings
from tests.fakes import aws_events
from tests.fakes.claims import claim_run
from tests.fakes.memory import Faults, MemoryTable
from tests.fakes.rig import upload_of

SETTINGS = Settings()
STAGE = next(iter(SETTINGS.topology.stages))
PROBE = Probe(container="mov", duration_s=1, size_bytes=1)
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


def test_what_is_known_of_a_later_upload_stays(catalog: Catalog):
    catalog.record_upload(FIRST, patience_s=60)
    seen = catalog.removal.records(FIRST.video_id)
    catalog.record_upload(SECOND, patience_s=60)
    catalog.record_probe(SECOND, PROBE, {"a": "b"})
    catalog.removal.remove(FIRST.video_id, seen)
    found = catalog.video(FIRST.video_id)
    assert found is not None
    assert (found.probe, found.metadata) == (PROBE, {"a": "b"})


def test_a_run_that_was_claimed_since_it_was_read_is_fenced_by_a_later_attempt(catalog: Catalog):
    catalog.record_upload(FIRST, patience_s=60)
    claim_run(catalog.runs, FIRST, STAGE, event_id="e", lease_s=-1)
    seen = catalog.removal.records(FIRST.video_id)
    held = claim_run(catalog.runs, FIRST, STAGE, event_id="e", lease_s=60)
    catalog.removal.remove(FIRST.video_id, seen)
    left = catalog.runs.get(FIRST.video_id, STAGE)
    assert left is not None
    assert left.attempt == held.attempt + 1


def test_the_run_of_a_later_upload_is_not_fenced(catalog: Catalog):
    catalog.record_upload(FIRST, patience_s=60)
    claim_run(catalog.runs, FIRST, STAGE, event_id="e", lease_s=-1)
    seen = catalog.removal.records(FIRST.video_id)
    catalog.record_upload(SECOND, patience_s=60)
    catalog.removal.remove(FIRST.video_id, seen)
    left = catalog.runs.get(FIRST.video_id, STAGE)
    assert left is not None
    assert (left.state, left.revision) == ("pending", SECOND.revision)


def test_the_last_claim_of_a_video_leaves_the_look_at_its_deletion_due(catalog: Catalog):
    catalog.record_upload(FIRST, patience_s=60)
    read = catalog.video(FIRST.video_id)
    assert read is not None
    catalog.removal.mark(read, lease_s=-1)
    catalog.all_claimed(read)
    assert catalog.removal.due() == [FIRST.video_id]


def test_the_last_claim_of_an_upload_leaves_the_lease_of_the_next(catalog: Catalog):
    catalog.record_upload(FIRST, patience_s=60)
    read = catalog.video(FIRST.video_id)
    assert read is not None
    catalog.record_upload(SECOND, patience_s=-1)
    catalog.all_claimed(read)
    assert list(catalog.overdue(before=time.time()))
