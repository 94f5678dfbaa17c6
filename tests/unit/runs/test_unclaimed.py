"""Stages whose message was lost before any worker claimed them: the janitor ends them."""

import pytest

from pipeline.aws.catalog import Catalog
from pipeline.core.errors import Superseded
from pipeline.core.events import Upload, parse
from pipeline.core.settings import Settings
from pipeline.runs.janitor import Janitor
from tests.fakes import aws_events
from tests.fakes.claims import claim_run
from tests.fakes.memory import Faults, MemoryTable
from tests.fakes.rig import upload_of

SETTINGS = Settings()
A, *OTHERS = SETTINGS.topology.stages
BODY = aws_events.created()
UPLOAD = upload_of(BODY)
PATIENCE_S = 60.0


@pytest.fixture
def catalog() -> Catalog:
    found = Catalog(MemoryTable(SETTINGS.topology, Faults()), SETTINGS.topology.stages)
    found.record_upload(UPLOAD, patience_s=PATIENCE_S)
    return found


def tidy(catalog: Catalog, *dead_letters: tuple[str, str], later_s: float = 0.0) -> int:
    """Run the janitor as if ``later_s`` had passed."""
    return Janitor(catalog, lambda: None, lambda: dead_letters, grace_s=-later_s).tidy()


def states(catalog: Catalog) -> dict[str, str]:
    video = catalog.video(UPLOAD.video_id)
    assert video is not None
    return {stage: run.state for stage, run in video.stages.items()}


def test_stages_that_nobody_has_claimed_in_time_fail_as_lost_and_the_rest_stay(catalog: Catalog):
    claim_run(catalog.runs, UPLOAD, A, event_id="e", lease_s=10 * PATIENCE_S)
    assert tidy(catalog, later_s=PATIENCE_S - 5) == 0
    assert states(catalog) == {A: "running", **dict.fromkeys(OTHERS, "pending")}
    assert tidy(catalog, later_s=PATIENCE_S + 5) == len(OTHERS)
    assert states(catalog) == {A: "running", **dict.fromkeys(OTHERS, "failed")}
    run = catalog.runs.get(UPLOAD.video_id, OTHERS[0])
    assert run is not None
    assert run.error is not None
    assert (run.error.code, run.revision) == ("lost", UPLOAD.revision)
    assert list(catalog.runs.failed("lost"))


def test_a_video_is_looked_at_once(catalog: Catalog):
    tidy(catalog, later_s=PATIENCE_S + 5)
    table = catalog._table
    assert isinstance(table, MemoryTable)
    writes = len(table.updates)
    assert tidy(catalog, later_s=PATIENCE_S + 5) == 0
    assert len(table.updates) == writes


def test_a_stage_that_is_claimed_while_the_janitor_looks_runs_on(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
):
    def found(**_: object) -> object:
        video = catalog.video(UPLOAD.video_id)
        claim_run(catalog.runs, UPLOAD, A, event_id="e", lease_s=10 * PATIENCE_S)
        return [video]

    monkeypatch.setattr(catalog, "overdue", found)
    assert tidy(catalog) == len(OTHERS)
    assert states(catalog)[A] == "running"


def test_a_late_claim_for_an_earlier_upload_does_not_hide_that_a_message_was_lost(
    catalog: Catalog,
):
    later = upload_of(aws_events.created(sequencer="FF", key=UPLOAD.key, etag="other"))
    catalog.record_upload(later, patience_s=PATIENCE_S)
    claim_run(catalog.runs, UPLOAD, A, event_id="e", lease_s=10 * PATIENCE_S)
    assert states(catalog)[A] == "pending"
    assert tidy(catalog, later_s=PATIENCE_S + 5) == len(states(catalog))
    run = catalog.runs.get(UPLOAD.video_id, A)
    assert run is not None
    assert (run.state, run.revision) == ("failed", later.revision)


def test_a_message_that_comes_after_all_is_handled_again(catalog: Catalog):
    tidy(catalog, later_s=PATIENCE_S + 5)
    run = claim_run(catalog.runs, UPLOAD, A, event_id=UPLOAD.event_id, lease_s=60)
    assert (run.attempt, run.state) == (1, "running")


def test_a_later_upload_has_the_whole_time(catalog: Catalog):
    later = upload_of(aws_events.created(sequencer="FF", key=UPLOAD.key, etag="other"))
    catalog.record_upload(later, patience_s=10 * PATIENCE_S)
    assert tidy(catalog, later_s=PATIENCE_S + 5) == 0
    assert set(states(catalog).values()) == {"pending"}
    with pytest.raises(Superseded):
        catalog.record_upload(UPLOAD, patience_s=PATIENCE_S)


def test_a_deleted_video_is_left_alone(catalog: Catalog):
    catalog.record_deletion(parse(aws_events.deleted(key=UPLOAD.key, sequencer="FF")))
    assert tidy(catalog, later_s=PATIENCE_S + 5) == 0
    assert catalog.runs.get(UPLOAD.video_id, A) is None


def test_a_video_that_is_deleted_while_the_janitor_looks_gets_no_failed_runs(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
):
    catalog.record_deletion(parse(aws_events.deleted(key=UPLOAD.key, sequencer="FF")))
    monkeypatch.setattr(catalog, "overdue", lambda **_: iter([catalog.video(UPLOAD.video_id)]))
    assert tidy(catalog) == 0
    assert catalog.runs.get(UPLOAD.video_id, A) is None


def test_a_dead_letter_of_a_deleted_video_fails_nothing(catalog: Catalog):
    catalog.record_deletion(parse(aws_events.deleted(key=UPLOAD.key, sequencer="FF")))
    assert tidy(catalog, (A, BODY)) == 0
    assert catalog.runs.get(UPLOAD.video_id, A) is None


def test_a_stage_whose_message_is_in_the_dead_letter_queue_fails_at_once(catalog: Catalog):
    assert tidy(catalog, (A, BODY)) == 1
    assert states(catalog) == {A: "failed", **dict.fromkeys(OTHERS, "pending")}


def test_a_dead_letter_of_an_earlier_upload_fails_nothing(catalog: Catalog):
    later: Upload = upload_of(aws_events.created(sequencer="FF", key=UPLOAD.key, etag="other"))
    catalog.record_upload(later, patience_s=PATIENCE_S)
    assert tidy(catalog, (A, BODY)) == 0
