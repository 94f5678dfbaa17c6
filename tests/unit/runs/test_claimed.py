"""A claimed run: its writes are rejected once another worker has claimed the run."""

from collections.abc import Callable
from typing import Any

import pytest

from pipeline.aws.catalog import Catalog
from pipeline.core.errors import BadInput, LeaseLost
from pipeline.core.events import Upload, parse
from pipeline.core.records import StageRun
from pipeline.core.settings import Settings
from pipeline.runs.claimed import ClaimedRun
from tests.fakes import aws_events, timing
from tests.fakes.claims import claim_run
from tests.fakes.memory import Faults, MemoryTable

UPLOAD = parse(aws_events.created())
assert isinstance(UPLOAD, Upload)
SETTINGS = Settings()
STAGE = "detect"
RESULT = timing.result(1, 1).model_copy(update={"stage": STAGE, "labels": ["dog"]})
WRITES: dict[str, Callable[[ClaimedRun], None]] = {
    "heartbeat": lambda run: run.heartbeat(progress=50, lease_s=60),
    "report": lambda run: run.report(progress=50),
    "succeed": lambda run: run.succeed(RESULT),
    "skip": lambda run: run.skip(),
    "supersede": lambda run: run.supersede(),
    "fail": lambda run: run.fail(BadInput("no", "No.")),
    "release": lambda run: run.release(BadInput("no", "No."), tries=1),
}
STATES = {
    "heartbeat": "running",
    "report": "running",
    "succeed": "succeeded",
    "skip": "skipped",
    "supersede": "superseded",
    "fail": "failed",
    "release": "pending",
}


@pytest.fixture
def catalog() -> Catalog:
    found = Catalog(MemoryTable(SETTINGS.topology, Faults()), SETTINGS.topology.stages)
    found.record_upload(UPLOAD, patience_s=60)
    return found


def claim(catalog: Catalog, *, shadow: bool, lease_s: float = 60) -> ClaimedRun:
    runs = catalog.runs_of(shadow=shadow)
    run = claim_run(runs, UPLOAD, STAGE, event_id="e", lease_s=lease_s)
    return ClaimedRun(catalog, UPLOAD.video_id, run, shadow=shadow, settings=SETTINGS)


def state(catalog: Catalog, *, shadow: bool) -> StageRun:
    run = catalog.runs_of(shadow=shadow).get(UPLOAD.video_id, STAGE)
    assert run is not None
    return run


@pytest.mark.parametrize("shadow", [False, True])
@pytest.mark.parametrize("name", WRITES)
def test_each_write_names_the_state_of_the_run(catalog: Catalog, name: str, shadow: Any):
    WRITES[name](claim(catalog, shadow=shadow))
    assert state(catalog, shadow=shadow).state == STATES[name]


@pytest.mark.parametrize("shadow", [False, True])
@pytest.mark.parametrize("name", WRITES)
def test_no_write_changes_a_run_that_another_worker_has_claimed(
    catalog: Catalog, name: str, shadow: Any
):
    paused = claim(catalog, shadow=shadow, lease_s=-1)
    claim(catalog, shadow=shadow)
    before = state(catalog, shadow=shadow)
    with pytest.raises(LeaseLost):
        WRITES[name](paused)
    assert state(catalog, shadow=shadow) == before


@pytest.mark.parametrize(("shadow", "found"), [(False, 1), (True, 0)])
def test_only_a_regular_result_is_indexed_by_labels(catalog: Catalog, shadow: Any, found: int):
    claim(catalog, shadow=shadow).succeed(RESULT)
    assert len(list(catalog.timeline.newest(label="dog"))) == found


def test_a_shadow_run_and_a_regular_run_write_to_different_folders(catalog: Catalog):
    one, two = (claim(catalog, shadow=shadow) for shadow in (False, True))
    assert one.run.attempt == two.run.attempt
    assert one.folder != two.folder
