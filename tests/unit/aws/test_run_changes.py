"""The changes to runs by others than their workers, against what happens in between."""

import pytest

from pipeline.aws.catalog import Catalog
from pipeline.core.errors import BadInput, LeaseLost, Lost
from pipeline.core.records import StageRun
from pipeline.core.settings import Settings
from tests.fakes import aws_events, timing
from tests.fakes.claims import claim_run
from tests.fakes.memory import Faults, MemoryTable
from tests.fakes.rig import upload_of

SETTINGS = Settings()
STAGE = "detect"
FIRST = upload_of(aws_events.created(sequencer="0A"))
SECOND = upload_of(aws_events.created(sequencer="0B", etag="other", key=FIRST.key))
VIDEO_ID = FIRST.video_id
RESULT = timing.result(1, 1).model_copy(update={"stage": STAGE, "fingerprint": "f"})
OTHER = RESULT.model_copy(update={"fingerprint": "other"})


@pytest.fixture
def catalog() -> Catalog:
    found = Catalog(MemoryTable(SETTINGS.topology, Faults()), SETTINGS.topology.stages)
    found.record_upload(FIRST, patience_s=60)
    return found


def claim(catalog: Catalog) -> StageRun:
    return claim_run(catalog.runs, FIRST, STAGE, event_id="e", lease_s=60)


def state(catalog: Catalog) -> StageRun:
    run = catalog.runs.get(VIDEO_ID, STAGE)
    assert run is not None
    return run


def test_an_event_that_is_sent_late_leaves_the_lease_of_the_next_run(catalog: Catalog):
    claim(catalog)
    failed = catalog.runs.fail_lost(VIDEO_ID, state(catalog), Lost("lost", "Lost."))
    held = claim(catalog)
    catalog.runs.told(VIDEO_ID, failed)
    assert state(catalog).lease_until == pytest.approx(held.lease_until, abs=0.001)


def test_the_undoing_of_a_promotion_leaves_a_later_upload(catalog: Catalog):
    catalog.runs.succeed(VIDEO_ID, claim(catalog), RESULT)
    before = state(catalog)
    catalog.runs.promote(VIDEO_ID, before, OTHER)
    catalog.record_upload(SECOND, patience_s=60)
    with pytest.raises(LeaseLost):
        catalog.runs.undo_promotion(VIDEO_ID, before)
    assert (state(catalog).state, state(catalog).revision) == ("pending", SECOND.revision)


def test_a_result_that_is_made_current_again_is_not_its_own_way_back(catalog: Catalog):
    catalog.runs.succeed(VIDEO_ID, claim(catalog), RESULT)
    catalog.runs.end(VIDEO_ID, claim(catalog), "failed", BadInput("no", "No."))
    catalog.runs.promote(VIDEO_ID, state(catalog), RESULT)
    assert state(catalog).history == []
