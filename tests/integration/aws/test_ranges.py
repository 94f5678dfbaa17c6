"""The records of ranges, in two implementations of DynamoDB that share no code."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.aws.catalog import Catalog
from pipeline.aws.catalog.table import Table
from pipeline.core.errors import Busy, DependencyFailed, LeaseLost
from pipeline.core.events import Upload, parse
from pipeline.core.range_request import RangeRequest
from pipeline.core.range_run import RangeRun
from pipeline.core.records import Spread, StageRun, Video
from tests.fakes import aws_events
from tests.fakes.claims import claim_run

UPLOAD = parse(aws_events.created())
assert isinstance(UPLOAD, Upload)
SPREAD = Spread(total=3, fingerprint="f", queue="q")
ERROR = DependencyFailed("aws_error", "S3 was unavailable.")


@pytest.fixture
def run(catalog: Catalog) -> StageRun:
    """A run that is spread."""
    catalog.record_upload(UPLOAD, patience_s=60)
    run = claim_run(catalog.runs, UPLOAD, "toy", event_id="e", lease_s=60)
    catalog.ranges.spread(request(run), run, SPREAD, patience_s=60)
    return run


def request(run: StageRun, name: str | None = "a-0001", *, shadow: bool = False) -> RangeRequest:
    return RangeRequest(
        event_id="e",
        time=datetime.now(UTC),
        video_id=UPLOAD.video_id,
        stage="toy",
        revision=run.revision,
        attempt=run.attempt,
        fingerprint="f",
        range=name,
        shadow=shadow,
    )


def state(catalog: Catalog) -> StageRun:
    run = catalog.runs.get(UPLOAD.video_id, "toy")
    assert run is not None
    return run


def claim(catalog: Catalog, run: StageRun, name: str = "a-0001", lease_s: float = 60) -> RangeRun:
    _, seen = catalog.ranges.read(request(run, name))
    return catalog.ranges.claim(request(run, name), seen, lease_s=lease_s, receipt="r")


@pytest.mark.usefixtures("run")
def test_a_spread_run_holds_no_lease_of_its_own_and_lasts(catalog: Catalog):
    spread = state(catalog)
    assert (spread.state, spread.spread, spread.ended) == ("running", SPREAD, frozenset())
    with pytest.raises(Busy) as busy:
        claim_run(catalog.runs, UPLOAD, "toy", event_id="other", lease_s=60)
    assert busy.value.spread


def test_a_range_whose_claim_and_end_are_repeated_is_done_once(
    catalog: Catalog, run: StageRun, monkeypatch: pytest.MonkeyPatch
):
    update = Table.update

    def twice(self: Table, *key: Any, **given: Any) -> Any:
        update(self, *key, **given)  # its answer is lost
        return update(self, *key, **given)

    monkeypatch.setattr(Table, "update", twice)
    claimed = claim(catalog, run)
    catalog.ranges.done(request(run), claimed)
    assert catalog.ranges.read(request(run))[1].state == "done"
    with pytest.raises(LeaseLost):
        catalog.ranges.release(request(run), claimed, ERROR, tries=1)


def test_another_event_never_takes_a_spread_run_over(catalog: Catalog, run: StageRun):
    catalog.ranges.spread(request(run), run, SPREAD, patience_s=-100)
    with pytest.raises(Busy):
        claim_run(catalog.runs, UPLOAD, "toy", event_id="other", lease_s=60)


def test_a_spread_run_that_is_planned_again_has_no_ranges(catalog: Catalog, run: StageRun):
    claim(catalog, run)
    catalog.ranges.end(request(run), "a-0001-1", patience_s=60)
    seen = state(catalog)
    again = catalog.runs.claim(UPLOAD, "toy", seen=seen, event_id="e", lease_s=60, over=True)
    now = state(catalog)
    assert (now.attempt, now.spread, now.ended) == (again.attempt, None, frozenset())
    with pytest.raises(LeaseLost):
        catalog.ranges.end(request(run), "a-0002-1", patience_s=60)


def test_a_run_that_is_spread_meanwhile_is_not_taken_over(catalog: Catalog):
    catalog.record_upload(UPLOAD, patience_s=60)
    seen = claim_run(catalog.runs, UPLOAD, "toy", event_id="e", lease_s=-1)
    catalog.ranges.spread(request(seen), seen, SPREAD, patience_s=-1)
    ends_with = {"lease_until": state(catalog).lease_until}  # to the millisecond
    late = seen.model_copy(update=ends_with)
    with pytest.raises(Busy):
        catalog.runs.claim(UPLOAD, "toy", seen=late, event_id="e", lease_s=60, over=True)


def test_a_range_that_ends_meanwhile_keeps_its_run_from_being_planned_again(
    catalog: Catalog, run: StageRun
):
    seen = state(catalog)
    catalog.ranges.end(request(run), "a-0001-1", patience_s=70)
    with pytest.raises(Busy):
        catalog.runs.claim(UPLOAD, "toy", seen=seen, event_id="e", lease_s=60, over=True)


def test_ranges_at_work_are_those_whose_lease_a_worker_holds(catalog: Catalog, run: StageRun):
    done = claim(catalog, run, "a-0001")
    catalog.ranges.done(request(run, "a-0001"), done)
    claim(catalog, run, "a-0002")
    claim(catalog, run, "a-0003", lease_s=-1)
    assert catalog.ranges.at_work(UPLOAD.video_id, run) == 1
    assert catalog.ranges.at_work(UPLOAD.video_id, run, shadow=True) == 0
    later = run.model_copy(update={"attempt": run.attempt + 1})
    assert catalog.ranges.at_work(UPLOAD.video_id, later) == 0


def test_a_run_that_was_taken_over_is_not_spread(catalog: Catalog):
    catalog.record_upload(UPLOAD, patience_s=60)
    late = claim_run(catalog.runs, UPLOAD, "toy", event_id="e", lease_s=-1)
    claim_run(catalog.runs, UPLOAD, "toy", event_id="e", lease_s=60)
    with pytest.raises(LeaseLost):
        catalog.ranges.spread(request(late), late, SPREAD, patience_s=60)
    assert state(catalog).spread is None


def test_a_range_is_claimed_by_one_worker(catalog: Catalog, run: StageRun):
    claimed = claim(catalog, run)
    assert (claimed.state, claimed.attempt, claimed.tries) == ("running", 1, 1)
    assert claimed.tag == "a-0001-1"
    found, range_ = catalog.ranges.read(request(run))
    assert (found, range_.model_copy(update={"lease_until": None})) == (
        state(catalog),
        claimed.model_copy(update={"lease_until": None}),
    )
    with pytest.raises(Busy) as busy:
        claim(catalog, run)
    assert 50 < busy.value.seconds <= 60


def test_of_two_first_claims_one_succeeds(catalog: Catalog, run: StageRun):
    _, seen = catalog.ranges.read(request(run))
    catalog.ranges.claim(request(run), seen, lease_s=60, receipt=None)
    with pytest.raises(Busy):
        catalog.ranges.claim(request(run), seen, lease_s=60, receipt=None)


def test_of_two_claims_of_a_lost_range_one_succeeds(catalog: Catalog, run: StageRun):
    claim(catalog, run, lease_s=-1)
    _, seen = catalog.ranges.read(request(run))
    again = catalog.ranges.claim(request(run), seen, lease_s=60, receipt=None)
    assert (again.attempt, again.tries, again.tag) == (2, 2, "a-0001-2")
    with pytest.raises(Busy):
        catalog.ranges.claim(request(run), seen, lease_s=60, receipt=None)


def test_a_range_whose_worker_extends_its_lease_meanwhile_is_not_taken(
    catalog: Catalog, run: StageRun
):
    paused = claim(catalog, run, lease_s=-1)
    _, seen = catalog.ranges.read(request(run))
    catalog.ranges.heartbeat(request(run), paused, lease_s=60)
    with pytest.raises(Busy):
        catalog.ranges.claim(request(run), seen, lease_s=60, receipt=None)
    catalog.ranges.heartbeat(request(run), paused, lease_s=60)  # it still holds it


def test_no_write_changes_a_range_that_another_worker_has_claimed(catalog: Catalog, run: StageRun):
    paused = claim(catalog, run, lease_s=-1)
    claim(catalog, run)
    before = catalog.ranges.read(request(run))
    for write in (
        lambda: catalog.ranges.heartbeat(request(run), paused, lease_s=60),
        lambda: catalog.ranges.done(request(run), paused),
        lambda: catalog.ranges.release(request(run), paused, ERROR, tries=0),
    ):
        with pytest.raises(LeaseLost):
            write()
    assert catalog.ranges.read(request(run)) == before


def test_a_heartbeat_extends_the_lease(catalog: Catalog, run: StageRun):
    claimed = claim(catalog, run)
    catalog.ranges.heartbeat(request(run), claimed, lease_s=600)
    _, range_ = catalog.ranges.read(request(run))
    assert (range_.lease_until or 0) - (claimed.lease_until or 0) > 500


def test_a_range_that_was_given_back_can_be_claimed_at_once(catalog: Catalog, run: StageRun):
    catalog.ranges.release(request(run), claim(catalog, run), ERROR, tries=0)
    _, range_ = catalog.ranges.read(request(run))
    assert range_.error is not None
    assert (range_.state, range_.error.code) == ("pending", "aws_error")
    again = claim(catalog, run)
    assert (again.attempt, again.tries, again.error) == (2, 1, None)


def test_ended_ranges_are_a_set_and_one_writer_sees_it_complete(catalog: Catalog, run: StageRun):
    tags = [f"a-{number:04}-1" for number in range(20)]

    def end(tag: str) -> frozenset[str]:
        return catalog.ranges.end(request(run), tag, patience_s=60)

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(end, tags))
    assert sorted(map(len, seen)) == list(range(1, 21))
    assert end(tags[3]) == frozenset(tags)
    assert state(catalog).ended == frozenset(tags)


def test_no_range_ends_once_the_run_is_over(catalog: Catalog, run: StageRun):
    catalog.runs.end(UPLOAD.video_id, run, "superseded")
    with pytest.raises(LeaseLost):
        catalog.ranges.end(request(run), "a-0001-1", patience_s=60)
    over = state(catalog)
    assert (over.state, over.spread, over.ended) == ("superseded", None, frozenset())


def test_a_new_attempt_has_no_ranges(catalog: Catalog, run: StageRun):
    claim(catalog, run)
    catalog.ranges.end(request(run), "a-0001-1", patience_s=60)
    catalog.runs.end(UPLOAD.video_id, run, "superseded")
    again = claim_run(catalog.runs, UPLOAD, "toy", event_id="f", lease_s=60)
    now = state(catalog)
    assert (now.spread, now.ended, now.rounds) == (None, frozenset(), 0)
    assert catalog.ranges.all(request(again)) == []
    with pytest.raises(LeaseLost):
        catalog.ranges.end(request(run), "a-0002-1", patience_s=60)


@pytest.mark.usefixtures("run")
def test_a_later_upload_ends_the_spread(catalog: Catalog):
    later = UPLOAD.model_copy(update={"sequencer": "F" * 40, "event_id": "later"})
    catalog.record_upload(later, patience_s=60)
    assert (state(catalog).state, state(catalog).spread) == ("pending", None)


def test_ranges_are_removed_with_those_of_earlier_attempts(catalog: Catalog, run: StageRun):
    later = run.model_copy(update={"attempt": run.attempt + 1})
    for one in (run, later):
        for number in range(30):  # more than one request removes
            claim(catalog, one, f"a-{number:04}")
    shadow = request(run, shadow=True)
    catalog.ranges.claim(shadow, catalog.ranges.read(shadow)[1], lease_s=60, receipt=None)
    catalog.ranges.forget(request(run))
    assert len(catalog.ranges.all(request(later))) == 30
    assert len(catalog.ranges.all(shadow)) == 1
    assert catalog.ranges.all(request(run)) == []
    catalog.ranges.forget(request(later))
    assert catalog.ranges.all(request(later)) == []
    assert state(catalog).state == "running"


def test_the_janitor_finds_a_spread_run_once_no_range_ended_for_long(
    catalog: Catalog, run: StageRun
):
    def found() -> list[str]:
        found = catalog.overdue(before=datetime.now(UTC).timestamp())
        return [one[0] for one in found if not isinstance(one, Video)]

    assert found() == []
    catalog.ranges.end(request(run), "a-0001-1", patience_s=-10)
    assert found() == [UPLOAD.video_id]
    seen = state(catalog)
    catalog.ranges.wait(request(run), seen, rounds=1, patience_s=60)
    assert found() == []
    assert state(catalog).rounds == 1
    with pytest.raises(LeaseLost):
        catalog.ranges.wait(request(run), seen, rounds=2, patience_s=60)


def test_an_end_of_a_range_that_was_written_twice_is_an_end(catalog: Catalog, run: StageRun):
    asked = request(run)
    _, seen = catalog.ranges.read(asked)
    range_ = catalog.ranges.claim(asked, seen, lease_s=60, receipt=None)
    catalog.ranges.done(asked, range_)
    catalog.ranges.done(asked, range_)  # boto3 repeats a request whose answer was lost
    with pytest.raises(LeaseLost):
        catalog.ranges.release(asked, range_, ERROR, tries=1)
