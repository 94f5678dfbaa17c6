"""Leases, fencing and order, in two implementations of DynamoDB."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.aws.catalog import Catalog, runs
from pipeline.aws.catalog.table import Table, epoch_key
from pipeline.core.errors import BadInput, Busy, DependencyFailed, LeaseLost, Lost, Superseded
from pipeline.core.events import Upload
from pipeline.core.records import Cost, StageResult, StageRun, Video
from tests.fakes import aws_events
from tests.fakes.claims import claim_run
from tests.fakes.rig import janitor, upload_of

OVER = -10.0  # seconds: a lease that ended some time ago
LEASE_S = 60.0


@pytest.fixture
def first(catalog: Catalog) -> Upload:
    """An upload that is recorded."""
    upload = upload_of(aws_events.created(sequencer="0A"))
    catalog.record_upload(upload, patience_s=3600)
    return upload


@pytest.fixture
def second(first: Upload) -> Upload:
    """A later upload to the same key, not recorded."""
    return upload_of(aws_events.created(sequencer="0B", etag="other", key=first.key))


def claim(catalog: Catalog, upload: Upload, lease_s: float = LEASE_S) -> StageRun:
    return claim_run(catalog.runs, upload, "toy", event_id="event", lease_s=lease_s)


def state(catalog: Catalog, upload: Upload) -> StageRun:
    run = catalog.runs.get(upload.video_id, "toy")
    if run is None:  # a pending run has no row
        video = catalog.video(upload.video_id)
        assert video is not None
        return video.stages["toy"]
    return run


def result(run: StageRun, fingerprint: str = "f", labels: tuple[str, ...] = ()) -> StageResult:
    return StageResult(
        stage=run.stage,
        version="1",
        fingerprint=fingerprint,
        content_id="content",
        revision=run.revision,
        attempt=run.attempt,
        prefix=f"artifacts/{fingerprint}/",
        params={"confidence": 0.25, "names": ["a", None], "deep": {"er": [1, 2.5, True]}},
        identity={},
        artifacts=[],
        summary={"of": fingerprint},
        warnings=[],
        labels=list(labels),
        cost=Cost(seconds=1.5, media_seconds=10, cpu_seconds=0.1, bytes_in=1, bytes_out=10**12),
        queued_at=None,
        started_at=datetime(2024, 1, 1, tzinfo=UTC),
        finished_at=datetime(2024, 1, 1, tzinfo=UTC),
    )


# -- claiming ------------------------------------------------------------------------------------


def test_a_new_upload_is_pending_until_claimed(catalog: Catalog, first: Upload):
    waiting = state(catalog, first)
    assert (waiting.state, waiting.attempt, waiting.tries) == ("pending", 0, 0)
    claimed = claim(catalog, first)
    assert (claimed.state, claimed.attempt, claimed.tries) == ("running", 1, 1)
    read = state(catalog, first)
    assert read.model_dump(exclude={"lease_until"}) == claimed.model_dump(exclude={"lease_until"})
    assert read.lease_until == pytest.approx(time.time() + LEASE_S, abs=20)


def test_a_stage_that_was_never_queued_can_be_claimed(catalog: Catalog, second: Upload):
    claimed = claim_run(catalog.runs, second, "late", event_id="event", lease_s=LEASE_S)
    assert claimed.attempt == 1


def test_a_live_lease_keeps_others_out(catalog: Catalog, first: Upload):
    held = claim(catalog, first)
    with pytest.raises(Busy) as busy:
        claim(catalog, first)
    assert LEASE_S - 30 < busy.value.seconds <= LEASE_S
    assert state(catalog, first).attempt == held.attempt


def test_a_lease_that_ended_is_taken_over(catalog: Catalog, first: Upload):
    claim(catalog, first, OVER)
    taken = claim(catalog, first)
    assert (taken.attempt, taken.tries) == (2, 2)


def test_of_two_claims_at_once_one_wins(
    catalog: Catalog, first: Upload, monkeypatch: pytest.MonkeyPatch
):
    claim(catalog, first, OVER)
    seen = state(catalog, first)
    claim(catalog, first)
    monkeypatch.setattr(catalog.runs, "get", lambda *_: seen)  # read before the other's write
    with pytest.raises(Busy):
        claim(catalog, first)
    monkeypatch.undo()
    assert state(catalog, first).attempt == 2


def test_of_two_first_claims_at_once_one_wins(
    catalog: Catalog, second: Upload, monkeypatch: pytest.MonkeyPatch
):
    won = claim_run(catalog.runs, second, "late", event_id="one", lease_s=OVER)
    monkeypatch.setattr(catalog.runs, "get", lambda *_: None)  # read before the other's write
    with pytest.raises(Busy):
        claim_run(catalog.runs, second, "late", event_id="two", lease_s=LEASE_S)
    monkeypatch.undo()
    run = catalog.runs.get(second.video_id, "late")
    assert run is not None
    assert (run.attempt, run.event_id) == (won.attempt, "one")


def test_a_run_is_queued_from_the_time_at_which_its_message_was_sent(
    catalog: Catalog, first: Upload
):
    sent_at = datetime(2026, 1, 1, tzinfo=UTC)
    run = catalog.runs.claim(
        *(first, "toy"), seen=None, event_id="e", lease_s=OVER, sent_at=sent_at.timestamp()
    )
    assert run.queued_at == sent_at
    assert claim(catalog, first).queued_at == sent_at


def test_a_heartbeat_between_look_and_claim_keeps_the_run(
    catalog: Catalog, first: Upload, monkeypatch: pytest.MonkeyPatch
):
    held = claim(catalog, first, OVER)
    seen = state(catalog, first)
    catalog.runs.heartbeat(first.video_id, held, progress=50, lease_s=LEASE_S)
    monkeypatch.setattr(catalog.runs, "get", lambda *_: seen)
    with pytest.raises(Busy):
        claim(catalog, first)
    monkeypatch.undo()
    assert state(catalog, first).attempt == held.attempt
    assert state(catalog, first).progress == 50


# -- fencing -------------------------------------------------------------------------------------


def test_who_was_taken_over_can_change_nothing(catalog: Catalog, first: Upload):
    paused = claim(catalog, first, OVER)
    taken = claim(catalog, first)
    before = state(catalog, first)
    bad = BadInput("no", "No.")
    for write in (
        lambda: catalog.runs.heartbeat(first.video_id, paused, progress=99, lease_s=900),
        lambda: catalog.succeed(first.video_id, paused, result(paused, "stale")),
        lambda: catalog.runs.end(first.video_id, paused, "failed", bad),
        lambda: catalog.runs.end(first.video_id, paused, "skipped"),
        lambda: catalog.runs.release(first.video_id, paused, bad, tries=1, patience_s=900),
    ):
        with pytest.raises(LeaseLost):
            write()
        assert state(catalog, first) == before
    catalog.succeed(first.video_id, taken, result(taken, "fresh"))
    read = state(catalog, first).current_result
    assert read is not None
    assert read.fingerprint == "fresh"


def test_a_result_comes_back_as_it_was_given(catalog: Catalog, first: Upload):
    run = claim(catalog, first)
    given = result(run, labels=("cat",))
    catalog.succeed(first.video_id, run, given)
    assert state(catalog, first).current_result == given
    assert catalog.results.get(first.video_id, "toy", "f") == given
    assert catalog.results.get(first.video_id, "toy", "g") is None
    assert catalog.results.get(first.video_id, "twin", "f") is None


@pytest.mark.parametrize("end", ["succeeded", "skipped", "failed", "superseded"])
def test_a_run_that_ended_cannot_be_written_again(catalog: Catalog, first: Upload, end: str):
    run = claim(catalog, first)
    if end == "succeeded":
        catalog.succeed(first.video_id, run, result(run))
    else:
        catalog.runs.end(first.video_id, run, end)
    before = state(catalog, first)
    assert (before.state, before.lease_until, before.tries) == (end, None, 0)
    assert before.finished_at is not None
    with pytest.raises(LeaseLost):
        catalog.runs.heartbeat(first.video_id, run, progress=1, lease_s=LEASE_S)
    assert state(catalog, first) == before


def test_a_failure_leaves_the_earlier_result_readable(catalog: Catalog, first: Upload):
    run = claim(catalog, first)
    catalog.succeed(first.video_id, run, result(run))
    again = claim(catalog, first)
    assert state(catalog, first).current_result is not None
    catalog.runs.end(first.video_id, again, "failed", BadInput("no", "No."))
    ended = state(catalog, first)
    assert (ended.state, ended.error and ended.error.code) == ("failed", "no")
    assert ended.current_result == result(run)


def test_tries_count_until_a_run_ends(catalog: Catalog, first: Upload):
    failed = DependencyFailed("aws_error", "S3 failed temporarily.")
    for tries in (1, 2, 3):
        run = claim(catalog, first)
        assert (run.tries, run.attempt) == (tries, tries)
        catalog.runs.release(first.video_id, run, failed, tries=run.tries, patience_s=3600)
        waiting = state(catalog, first)
        assert (waiting.state, waiting.error and waiting.error.code) == ("pending", "aws_error")
    run = claim(catalog, first)
    assert state(catalog, first).error is None
    catalog.runs.end(first.video_id, run, "failed", failed)
    again = claim(catalog, first)
    assert (again.tries, again.attempt) == (1, 5)


# -- answers that are lost -----------------------------------------------------------------------


@pytest.fixture
def repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Carry out every update twice, as boto3 does if the first answer is lost."""
    update = Table.update

    def twice(self: Table, *key: Any, **given: Any) -> Any:
        update(self, *key, **given)
        return update(self, *key, **given)

    monkeypatch.setattr(Table, "update", twice)


def claim_as(catalog: Catalog, upload: Upload, receipt: str | None) -> StageRun:
    seen = catalog.runs.get(upload.video_id, "toy")
    return catalog.runs.claim(
        upload, "toy", seen=seen, event_id="event", lease_s=LEASE_S, receipt=receipt
    )


@pytest.mark.usefixtures("repeated")
def test_a_claim_whose_answer_was_lost_is_ours(catalog: Catalog, first: Upload):
    assert claim_as(catalog, first, "a delivery").attempt == 1
    with pytest.raises(Busy):
        claim_as(catalog, first, "another")


@pytest.mark.usefixtures("repeated")
def test_a_claim_without_a_receipt_is_never_taken_for_ours(catalog: Catalog, first: Upload):
    with pytest.raises(Busy):
        claim_as(catalog, first, None)


@pytest.mark.parametrize("end", ["succeed", "fail", "release"])
def test_an_end_whose_answer_was_lost_is_recorded_once(
    catalog: Catalog, first: Upload, request: pytest.FixtureRequest, end: str
):
    run = claim(catalog, first)
    request.getfixturevalue("repeated")
    error = DependencyFailed("aws_error", "S3 failed temporarily.")
    if end == "succeed":
        catalog.runs.succeed(first.video_id, run, result(run))
    elif end == "fail":
        catalog.runs.end(first.video_id, run, "failed", error)
    else:
        catalog.runs.release(first.video_id, run, error, tries=1, patience_s=3600)
    expected = {"succeed": "succeeded", "fail": "failed", "release": "pending"}
    assert state(catalog, first).state == expected[end]
    with pytest.raises(LeaseLost):
        catalog.runs.end(first.video_id, run, "skipped")


# -- order ---------------------------------------------------------------------------------------


def test_a_later_upload_takes_the_run_from_the_earlier_one(
    catalog: Catalog, first: Upload, second: Upload
):
    old = claim(catalog, first)
    catalog.succeed(first.video_id, old, result(old))
    old = claim(catalog, first)
    catalog.record_upload(second, patience_s=3600)
    waiting = state(catalog, second)
    assert (waiting.state, waiting.revision, waiting.tries) == ("pending", second.revision, 0)
    assert waiting.current_result is None
    with pytest.raises(LeaseLost):
        catalog.runs.heartbeat(first.video_id, old, progress=1, lease_s=LEASE_S)
    with pytest.raises(LeaseLost):
        catalog.succeed(first.video_id, old, result(old, "late"))
    assert state(catalog, second) == waiting
    assert claim(catalog, second).attempt == old.attempt + 1


def test_a_later_upload_need_not_wait_for_the_earlier_ones_lease(
    catalog: Catalog, first: Upload, second: Upload
):
    old = claim(catalog, first)
    taken = claim(catalog, second)
    assert (taken.attempt, taken.tries) == (old.attempt + 1, 1)
    with pytest.raises(LeaseLost):
        catalog.runs.end(first.video_id, old, "failed")


def test_an_earlier_upload_that_comes_late_is_superseded(
    catalog: Catalog, first: Upload, second: Upload
):
    claim(catalog, first)
    catalog.record_upload(second, patience_s=3600)
    with pytest.raises(Superseded):
        catalog.record_upload(first, patience_s=3600)
    with pytest.raises(Superseded):
        claim(catalog, first)
    assert state(catalog, first).revision == second.revision
    video = catalog.video(first.video_id)
    assert video is not None
    assert video.upload == second


def test_a_whole_run_between_look_and_claim_is_noticed(
    catalog: Catalog, first: Upload, monkeypatch: pytest.MonkeyPatch
):
    catalog.runs.end(first.video_id, claim(catalog, first), "skipped")
    seen = state(catalog, first)
    catalog.runs.end(first.video_id, claim(catalog, first), "skipped")
    monkeypatch.setattr(catalog.runs, "get", lambda *_: seen)
    with pytest.raises(Busy):
        claim(catalog, first)


def test_a_later_upload_in_the_same_millisecond_is_noticed(
    catalog: Catalog, first: Upload, second: Upload, monkeypatch: pytest.MonkeyPatch
):
    claim(catalog, first, OVER)
    seen = state(catalog, first)
    same = {"lease_until": epoch_key(seen.lease_until or 0), "lease_shard": "0"}
    monkeypatch.setattr("pipeline.aws.catalog.runs.lease", lambda *_: same)
    catalog.record_upload(second, patience_s=3600)
    monkeypatch.setattr(catalog.runs, "get", lambda *_: seen)
    with pytest.raises(Busy):
        claim(catalog, first)


def test_a_later_upload_between_look_and_claim_wins(
    catalog: Catalog, first: Upload, second: Upload, monkeypatch: pytest.MonkeyPatch
):
    claim(catalog, first, OVER)
    seen = state(catalog, first)
    catalog.record_upload(second, patience_s=3600)
    monkeypatch.setattr(catalog.runs, "get", lambda *_: seen)
    with pytest.raises(Busy):
        claim(catalog, first)
    monkeypatch.undo()
    assert state(catalog, first).revision == second.revision


def test_queueing_again_does_not_disturb_a_run(catalog: Catalog, first: Upload):
    claim(catalog, first)
    before = state(catalog, first)
    catalog.record_upload(first, patience_s=7200)
    assert state(catalog, first) == before


# -- the janitor ---------------------------------------------------------------------------------


def overdue(catalog: Catalog, *, in_s: float = 0.0, shadow: bool = False) -> set[str]:
    found = catalog.overdue(before=time.time() + in_s)
    return {one[1].stage for one in found if not isinstance(one, Video) and one[2] == shadow}


def test_only_runs_that_nobody_can_be_working_on_are_overdue(catalog: Catalog, first: Upload):
    assert overdue(catalog) == set()
    claim(catalog, first, OVER)
    claim_run(catalog.shadows, first, "toy", event_id="event", lease_s=OVER)
    claim_run(catalog.runs, first, "twin", event_id="event", lease_s=LEASE_S)
    assert overdue(catalog) == overdue(catalog, shadow=True) == {"toy"}
    assert overdue(catalog, in_s=7200) == {"toy", "twin"}
    catalog.runs.end(first.video_id, state(catalog, first), "skipped")
    assert overdue(catalog) == set()


def test_what_the_index_has_not_heard_of_yet_is_not_overdue(
    catalog: Catalog, first: Upload, monkeypatch: pytest.MonkeyPatch
):
    run = claim(catalog, first, OVER)
    late = list(runs.overdue(catalog._table, before=time.time()))
    assert late
    monkeypatch.setattr(catalog._table, "query", lambda **_: iter(late))
    assert overdue(catalog) == {"toy"}
    catalog.runs.heartbeat(first.video_id, run, progress=1, lease_s=LEASE_S)
    assert overdue(catalog) == set()
    catalog.runs.end(first.video_id, run, "skipped")
    assert overdue(catalog) == set()
    forgotten = [key | {"pk": "0" * 20} for key in late]
    monkeypatch.setattr(catalog._table, "query", lambda **_: iter(forgotten))
    assert overdue(catalog) == set()


def test_the_janitor_ends_what_was_lost_and_says_so(catalog: Catalog, first: Upload):
    claim(catalog, first, OVER)
    assert janitor(catalog, grace_s=3600).tidy() == 0
    assert state(catalog, first).state == "running"
    assert janitor(catalog, grace_s=0).tidy() == 1
    ended = state(catalog, first)
    assert ended.state == "failed"
    assert ended.error is not None
    assert (ended.error.failure_class, ended.error.code) == ("lost", "lost")
    assert "toy was running" in ended.error.message
    assert janitor(catalog, grace_s=0).tidy() == 0


def test_the_janitor_ends_what_waited_for_a_message_in_vain(catalog: Catalog):
    upload = upload_of(aws_events.created())
    catalog.record_upload(upload, patience_s=OVER)
    assert janitor(catalog, grace_s=0).tidy() == 2
    video = catalog.video(upload.video_id)
    assert video is not None
    assert video.status == "failed"


def test_the_janitor_spares_a_run_that_was_heard_of_meanwhile(
    catalog: Catalog, first: Upload, second: Upload, monkeypatch: pytest.MonkeyPatch
):
    held = claim(catalog, first, OVER)
    seen = [(first.video_id, state(catalog, first), False)]
    monkeypatch.setattr(catalog, "overdue", lambda **_: iter(seen))
    catalog.runs.heartbeat(first.video_id, held, progress=5, lease_s=OVER / 2)
    assert janitor(catalog, grace_s=0).tidy() == 0
    assert state(catalog, first).state == "running"
    taken = claim(catalog, first)
    with pytest.raises(LeaseLost):
        catalog.runs.fail_lost(first.video_id, held, Lost("lost", "Lost."))
    assert state(catalog, first).attempt == taken.attempt
    catalog.record_upload(second, patience_s=OVER)
    assert janitor(catalog, grace_s=0).tidy() == 0
    assert state(catalog, second).state == "pending"


def test_a_buried_run_is_not_the_workers_any_more(catalog: Catalog, first: Upload):
    held = claim(catalog, first, OVER)
    janitor(catalog, grace_s=0).tidy()
    with pytest.raises(LeaseLost):
        catalog.succeed(first.video_id, held, result(held))
    assert state(catalog, first).state == "failed"
