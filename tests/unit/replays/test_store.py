"""Replays as they are recorded."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from pipeline.core.errors import BadInput, Busy
from pipeline.core.events import replay_requested
from pipeline.core.settings import Settings
from pipeline.replays.records import Replay
from pipeline.replays.request import MOST_SAMPLED, ReplayRequest
from tests.fakes.installation import House


def test_replays_are_listed_newest_first_a_page_at_a_time(house: House):
    made = [house.start(dry_run=True).replay_id for _ in range(3)]
    assert all(re.fullmatch(r"\d{8}T\d{9}-[0-9a-f]{6}", one) for one in made)
    found = [one.replay_id for one in house.replays.newest()]
    assert found == sorted(made, reverse=True)
    assert [one.replay_id for one in house.replays.newest(before=found[0])] == found[1:]


def test_a_missing_replay_is_reported_as_unknown(house: House):
    assert house.replays.get("nonsense") is None
    with pytest.raises(BadInput, match="unknown_replay"):
        house.replays.ask("nonsense", "run")
    assert ("#replays", "nonsense") not in house.table.items


@pytest.mark.parametrize("wish", ["run", "pause", "cancel"])
def test_an_ended_replay_accepts_no_request(house: House, wish: str):
    house.library(1)
    done = house.replay()
    assert done.state == "finished"
    with pytest.raises(BadInput, match="replay_over"):
        house.replays.ask(done.replay_id, wish)
    assert not house.replays.cancelled(done.replay_id)


def test_the_mark_of_a_cancelled_replay_expires(house: House):
    replay = house.start(dry_run=True)
    assert not house.replays.cancelled(replay.replay_id)
    house.replays.ask(replay.replay_id, "cancel")
    assert house.replays.cancelled(replay.replay_id)
    (expires,) = (
        item["expires_at"] for (pk, _), item in house.table.items.items() if pk == "#cancelled"
    )
    assert expires > 86400


def test_writes_of_owner_and_driver_do_not_overwrite_each_other(house: House):
    replay = house.start(dry_run=True)
    claimed = house.replays.claim(replay.replay_id, lease_s=60)
    assert claimed
    house.replays.ask(replay.replay_id, "run", budget_usd=5)
    now = house.replays.checkpoint(claimed.model_copy(update={"cursor": "x"}), lease_s=60)
    assert (now.desired_state, now.request.budget_usd, now.cursor) == ("run", 5, "x")
    kept = house.get(replay)
    assert (kept.desired_state, kept.request.budget_usd, kept.cursor) == ("run", 5, "x")


def after_the_next_read(house: House, act: Callable[[], object]) -> None:
    """Call ``act`` once: after the next item was read, and before it is used."""
    get = house.table.get

    def read(pk: str, sk: str) -> Any:
        item = get(pk, sk)
        house.table.get = get
        act()
        return item

    house.table.get = read


def test_two_concurrent_requests_both_take_effect(house: House):
    replay = house.start(dry_run=True)
    another = partial(house.replays.ask, replay.replay_id, "pause", budget_usd=7)
    after_the_next_read(house, another)
    now = house.replays.ask(replay.replay_id, "run")
    assert (now.desired_state, now.request.budget_usd, now.requests) == ("run", 7, 2)


def test_of_two_drivers_that_claim_at_once_one_has_to_wait(house: House):
    replay = house.start(dry_run=True)

    def another_claims() -> None:
        assert house.replays.claim(replay.replay_id, lease_s=60)

    after_the_next_read(house, another_claims)
    with pytest.raises(Busy):
        house.replays.claim(replay.replay_id, lease_s=60)
    assert house.get(replay).attempt == 1


def test_a_wake_up_is_not_stale_although_a_driver_came_and_went(house: House):
    replay = house.start(dry_run=True)

    def a_driver_comes_and_goes() -> None:
        claimed = house.replays.claim(replay.replay_id, lease_s=60)
        assert claimed
        assert house.replays.leave(claimed, at_rest=True)

    after_the_next_read(house, a_driver_comes_and_goes)
    house.replays.ask(replay.replay_id, "run")
    assert replay_requested(house.wakes[-1]).attempt == house.get(replay).attempt == 1


@pytest.mark.parametrize("end", ["finished", "cancelled", "failed"])
def test_a_replay_that_ends_during_a_request_stays_ended(house: House, end: str):
    replay = house.start(dry_run=True)
    get = house.table.get

    def while_it_ends(pk: str, sk: str) -> Any:
        item = get(pk, sk)
        house.table.items[pk, sk]["state"] = end
        return item

    house.table.get = while_it_ends
    with pytest.raises(BadInput, match=rf"{end}.*replay_over"):
        house.replays.ask(replay.replay_id, "pause")


def test_the_largest_replay_fits_an_item_of_dynamodb(house: House):
    """400 KB: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""
    from pipeline.replays.records import Open, Plan, Replay, StagePlan  # noqa: PLC0415

    (field,) = [
        one for one in Settings.model_fields["replay_window"].metadata if hasattr(one, "le")
    ]
    stages = ("transcode", "thumbnail", "transcribe", "detect")
    ids = [f"{number:020x}" for number in range(1000)]
    run = Open(
        video_id=ids[0],
        stage="transcribe",
        revision="0" * 12,
        fingerprint="0" * 64,
        verdict="reuse",
        asked_at=1_700_000_000.123456,
        usd=0.123456789012345,
    )
    reasons = {f"{number}{'x' * 298}": 1_000_000 for number in range(21)}
    replay = house.start(dry_run=True).model_copy(
        update={
            "request": ReplayRequest(
                videos=ids, params={"detect": {"x": "y" * 8000}}, dry_run=True
            ),
            "sampled": ids[:MOST_SAMPLED],
            "open": [run] * (field.le + len(stages)),
            "plan": Plan(stages={stage: StagePlan(because=reasons) for stage in stages}),
        }
    )
    assert isinstance(replay, Replay)
    assert len(replay.model_dump_json()) < 400 * 1024


def test_records_of_earlier_versions_are_read_and_written_by_their_names(house: House):
    replay = house.start()
    stored = house.table.items["#replays", replay.replay_id]
    assert (stored["wish"], stored["wishes"]) == ("run", 0)
    assert not {"desired_state", "requests"} & stored.keys()
    house.replays.ask(replay.replay_id, "pause")
    stored = house.table.items["#replays", replay.replay_id]
    assert (stored["wish"], stored["wishes"]) == ("pause", 1)
    assert Replay.model_validate(stored).desired_state == "pause"


def test_a_replay_whose_driver_died_after_its_last_checkpoint_is_not_woken_for_ever(house: House):
    house.library(1)
    done = house.replay()
    house.table.items["#replays", done.replay_id].update(
        {"lease_until": "0000000001.000", "lease_shard": "0"}
    )
    assert house.replays.wake_overdue() == 0
    assert "lease_until" not in house.table.items["#replays", done.replay_id]
