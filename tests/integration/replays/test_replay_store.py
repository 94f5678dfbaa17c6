"""Replays and their selections in two implementations of DynamoDB: fencing, requests, indexes."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.aws.catalog import Catalog
from pipeline.core.errors import BadInput, Busy, LeaseLost
from pipeline.core.events import Upload
from pipeline.core.records import Cost, Estimate, StageResult
from pipeline.core.topology import Topology
from pipeline.replays.records import Open, Plan, StagePlan, StageProgress
from pipeline.replays.request import ReplayRequest, Selection
from pipeline.replays.selection import walk
from pipeline.replays.store import Replays
from tests.fakes import aws_events
from tests.fakes.claims import claim_run
from tests.fakes.rig import upload_of

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Bus:
    """A bus that records its entries."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's
        self.sent += [entry["Detail"] for entry in Entries]
        return {"FailedEntryCount": 0, "Entries": [{}] * len(Entries)}


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def replays(catalog: Catalog, bus: Bus) -> Replays:
    return Replays(catalog._table, bus, bus="none", spec=Topology.read().replays)


def test_one_driver_holds_the_lease_and_writes(replays: Replays, bus: Bus):
    replay = replays.start(ReplayRequest(params={"toy": {"text": "x"}}))
    first = replays.claim(replay.replay_id, lease_s=60)
    assert first
    with pytest.raises(Busy):
        replays.claim(replay.replay_id, lease_s=60)
    one = Open(video_id="v", stage="toy", revision="r", fingerprint="f", verdict="run", usd=0.1)
    full = first.model_copy(
        update={
            "state": "running",
            "cursor": "place",
            "open": [one],
            "plan": Plan(videos=1, stages={"toy": StagePlan(verdicts={"run": 1})}),
            "progress": {"toy": StageProgress(asked=1, spent=Estimate(seconds=1.5))},
        }
    )
    kept = replays.checkpoint(full, lease_s=-1)
    assert kept == full
    read = replays.get(replay.replay_id)
    assert read
    assert read.model_copy(update={"updated_at": full.updated_at}) == full
    second = replays.claim(replay.replay_id, lease_s=60)
    assert second
    assert second.open == [one]
    for write in (
        lambda: replays.checkpoint(full, lease_s=60),
        lambda: replays.leave(full, at_rest=True),
    ):
        with pytest.raises(LeaseLost):
            write()
    assert len(bus.sent) == 1


def test_the_driver_releases_the_lease_only_after_the_owners_last_request(replays: Replays):
    request = ReplayRequest(
        budget_usd=1.0,
        uploaded_after=datetime(2026, 1, 1, tzinfo=UTC),
        params={"toy": {"a": 1.0, "b": 0.1, "c": [1, 2.5, None, "ü"], "d": True, "e": 1e-7}},
    )
    replay = replays.start(request)
    claimed = replays.claim(replay.replay_id, lease_s=60)
    assert claimed
    replays.ask(replay.replay_id, "pause")
    assert replays.leave(claimed, at_rest=True) is False
    knows = replays.checkpoint(claimed, lease_s=60)
    replays.ask(replay.replay_id, "pause", budget_usd=2)
    assert replays.leave(knows, at_rest=True) is False
    knows = replays.checkpoint(knows, lease_s=60)
    assert replays.leave(knows, at_rest=True) is True
    assert replays.claim(replay.replay_id, lease_s=60)


def test_a_number_too_small_for_dynamodb_is_stored_as_zero(replays: Replays):
    params = {"toy": {"less": -1e-200, "least": 1e-130}}
    replay = replays.start(ReplayRequest(budget_usd=5e-324, params=params))
    kept = replays.get(replay.replay_id)
    assert kept
    assert kept.request.budget_usd == 0
    assert kept.request.params == {"toy": {"less": 0, "least": 1e-130}}


def test_an_ended_or_cancelled_replay_stays_so(replays: Replays):
    replay = replays.start(ReplayRequest())
    replays.ask(replay.replay_id, "cancel")
    assert replays.cancelled(replay.replay_id)
    for _ in range(2):
        with pytest.raises(BadInput, match="replay_over"):
            replays.ask(replay.replay_id, "run")
        replays.ask(replay.replay_id, "cancel")
    claimed = replays.claim(replay.replay_id, lease_s=60)
    assert claimed
    replays.checkpoint(claimed.model_copy(update={"state": "cancelled"}), lease_s=60)
    with pytest.raises(BadInput, match="replay_over"):
        replays.ask(replay.replay_id, "cancel")
    assert replays.claim(replay.replay_id, lease_s=60) is None


def test_an_overdue_replay_is_woken_once_and_one_at_rest_never(
    replays: Replays, catalog: Catalog, bus: Bus
):
    overdue, resting = (replays.start(ReplayRequest(dry_run=True)) for _ in range(2))
    assert replays.claim(overdue.replay_id, lease_s=0)
    claimed = replays.claim(resting.replay_id, lease_s=60)
    assert claimed
    assert replays.leave(claimed, at_rest=True)
    assert replays.wake_overdue() == 0
    for one in (overdue, resting):
        item = catalog._table.get("#replays", one.replay_id)
        assert item
        if "lease_until" in item:
            item["lease_until"] = "0000000001.000"
            catalog._table.put("#replays", one.replay_id, item)
    bus.sent.clear()
    assert [replays.wake_overdue(), replays.wake_overdue()] == [1, 0]
    assert [json.loads(sent) for sent in bus.sent] == [
        {"replay_id": overdue.replay_id, "attempt": 1}
    ]


def test_replays_are_listed_newest_first(replays: Replays):
    made = sorted((replays.start(ReplayRequest()).replay_id for _ in range(3)), reverse=True)
    assert [one.replay_id for one in replays.newest()] == made
    assert [one.replay_id for one in replays.newest(before=made[0])] == made[1:]


# -- selections ----------------------------------------------------------------------------------


def fill(catalog: Catalog) -> list[str]:
    """Four videos: fine, failed in one stage, failed in both, deleted; newest first."""
    ids = []
    for number, name in enumerate("abcd"):
        when = (NOON - timedelta(days=20 * number)).isoformat().replace("+00:00", "Z")
        upload = upload_of(aws_events.created(f"videos/{name}", time=when, event_id=name))
        catalog.record_upload(upload, patience_s=60)
        for stage, fails in (("toy", name in "bc"), ("twin", name == "c")):
            run = claim_run(catalog.runs, upload, stage, event_id="e", lease_s=60)
            if fails:
                catalog.runs.end(upload.video_id, run, "failed", BadInput("no", "no"))
            else:
                catalog.succeed(upload.video_id, run, result(upload, stage))
        ids.append(upload.video_id)
    gone = aws_events.deleted("videos/d")
    from pipeline.core.events import parse  # noqa: PLC0415

    catalog.record_deletion(parse(gone))
    return ids


def result(upload: Upload, stage: str) -> StageResult:
    return StageResult(
        stage=stage,
        version="1",
        fingerprint="f",
        content_id=upload.content_id,
        revision=upload.revision,
        attempt=1,
        prefix="p/1/",
        params={},
        identity={},
        artifacts=[],
        summary={},
        warnings=[],
        labels=["Dog"],
        cost=Cost(seconds=1, cpu_seconds=1, media_seconds=1, bytes_in=1, bytes_out=1),
        queued_at=None,
        started_at=NOON,
        finished_at=NOON,
    )


def test_each_index_gives_the_same_walk_whole_or_resumed(catalog: Catalog):
    ids = fill(catalog)
    for wanted, numbers in (
        ({}, [0, 1, 2]),
        ({"videos": ids[::-1]}, [2, 1, 0]),
        ({"label": "dog"}, [0, 1]),
        ({"failure_class": "bad_input"}, [2, 1]),
        ({"failure_class": "lost"}, []),
        ({"status": "partial"}, [1]),
        ({"prefix": "videos/c"}, [2]),
        ({"uploaded_before": NOON}, [1, 2]),
        ({"uploaded_after": NOON - timedelta(days=20)}, [0, 1]),
    ):
        selection = Selection.model_validate(wanted)
        whole = [(place, video and video.video_id) for place, video in walk(catalog, selection)]
        assert [vid for _, vid in whole if vid] == [ids[number] for number in numbers], wanted
        for number, (place, _) in enumerate(whole):
            rest = walk(catalog, selection, after=place)
            assert [(p, v and v.video_id) for p, v in rest] == whole[number + 1 :], wanted
