"""The states of a replay: plan, run, pause, resume, cancel; one driver at a time."""

import json
from typing import Any

import pytest

from pipeline.core.errors import Busy, DependencyFailed, LeaseLost, MissingDependency
from pipeline.core.events import WakeUp, replay_requested
from pipeline.replays.records import Replay
from pipeline.runs.delivery import Outcome, Retry
from tests.fakes.installation import STAGES, House, event_of, fail

OTHER = {"params": {"toy": {"text": "other"}}}


def rest(house: House, replay: Replay, **pace: Any) -> Replay:
    """Drive until no wake-up is left, without workers."""
    for _ in range(50):
        if not house.drive(**pace):
            return house.get(replay)
    raise AssertionError(house.get(replay))


# -- plan, then run ------------------------------------------------------------------------------


def test_a_dry_run_waits_until_it_is_resumed(house: House):
    house.library(2)
    replay = house.replay(dry_run=True, **OTHER)
    assert (replay.state, replay.desired_state, replay.plan.runs) == ("planned", "plan", 2)
    assert house.requests() == []
    assert "lease_until" not in house.table.items["#replays", replay.replay_id]
    house.replays.ask(replay.replay_id, "run")
    done = house.finish(replay)
    assert (done.state, done.ended, done.open) == ("finished", 2, [])
    assert done.started_at
    assert done.finished_at


def test_a_plan_with_nothing_to_run_is_finished_at_once(house: House):
    house.library(2)
    done = house.replay()
    assert (done.state, done.plan.videos, done.asked) == ("finished", 2, 0)


def test_requests_go_to_the_lanes_with_all_their_fields(house: House):
    (vid,) = house.library(1)
    replay = house.start(**OTHER)
    house.drive(2)
    (request,) = house.requests()
    assert (request.video_id, request.stage, request.shadow) == (vid, "toy", False)
    assert (request.params, request.replay_id) == ({"text": "other"}, replay.replay_id)
    assert request.event_id == f"replay:{replay.replay_id}"


def test_a_plan_that_takes_many_steps_is_the_plan_of_one(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    house.library(5)
    whole = house.replay(dry_run=True, **OTHER)
    monkeypatch.setattr("pipeline.replays.walker.STEP_S", -1)
    replay = house.start(dry_run=True, **OTHER)
    house.drive()
    assert house.get(replay).plan.videos == 1
    assert house.get(replay).plan.complete is False
    assert house.finish(replay).plan == whole.plan


def test_a_replay_of_many_steps_requests_each_run_once(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    house.library(5)
    monkeypatch.setattr("pipeline.replays.walker.STEP_S", -1)
    done = house.replay(**OTHER)
    assert done.state == "finished"
    assert len(house.toy.seen) == 5 + 5
    assert done.progress["toy"].ended == {"succeeded": 5}


def test_no_more_than_a_window_of_runs_is_open(house: House):
    house.library(5)
    replay = house.start(params={stage: {"text": "x"} for stage in STAGES})
    most = 0
    for _ in range(40):
        house.drive(window=4)
        most = max(most, len(house.requests()))
        assert len(house.get(replay).open) <= 4
        house.work(1)
    assert most == 4
    assert house.get(replay).state == "finished"


def test_a_window_smaller_than_the_stages_of_a_video_still_advances(house: House):
    house.library(2)
    replay = house.start(params={stage: {"text": "x"} for stage in STAGES})
    assert house.finish(replay, window=1).ended == 4


def test_a_turn_that_ends_at_rest_sends_no_wake_up(house: House):
    house.library(2)
    house.start(dry_run=True, **OTHER)
    house.drive(turn_s=60)
    assert house.wakes == []


def test_the_janitor_wakes_a_replay_with_open_runs_again(house: House):
    house.library(1)
    replay = house.start(**OTHER)
    house.drive(2)
    assert len(house.wakes) == 1
    item = house.table.items["#replays", replay.replay_id]
    assert item["lease_until"]
    assert item["driver_until"] == 0


def test_each_checkpoint_extends_the_messages_visibility_timeout(house: House):
    house.library(1)
    replay = house.start(dry_run=True, **OTHER)
    beats: list[int] = []
    house.driver().drive(
        WakeUp(replay_id=replay.replay_id), seconds=60, beat=lambda: beats.append(1)
    )
    assert beats


def test_an_ended_replay_stays_ended_after_a_wake_up(house: House):
    house.library(1)
    done = house.replay(**OTHER)
    house.replays.wake_overdue()
    before = house.table.items["#replays", done.replay_id].copy()
    house.driver().drive(WakeUp(replay_id=done.replay_id), seconds=60)
    assert house.table.items["#replays", done.replay_id] == before
    assert house.driver().drive(WakeUp(replay_id="nonsense"), seconds=60) is None
    assert house.wakes == []


# -- failures ------------------------------------------------------------------------------------


def test_a_failed_run_is_counted_and_the_replay_continues(house: House):
    ids = house.library(3)
    run = house.toy.run_

    def sometimes(source: Any, *rest: Any) -> Any:
        if source.name == "001.mp4":
            raise MissingDependency("no_model", "no")
        return run(source, *rest)

    house.toy.run_ = sometimes
    done = house.replay(**OTHER)
    assert done.state == "finished"
    assert done.progress["toy"].ended == {"succeeded": 2, "failed": 1}
    assert house.text(ids[1]) == "hello", "the old result stays"


def test_computed_runs_are_charged_for_any_ending(house: House):
    house.library(2)
    house.estimator.real = 3
    house.replay(videos=[house.process("stored")], **OTHER)
    house.replay()
    house.toy.run_ = fail(MissingDependency("no_model", "no"))
    assert house.replay(params={"toy": {"text": "fails"}}).spent.usd == 3 * 3
    house.toy.run_ = house.twin.run_
    assert house.replay(**OTHER).spent.usd == 2 * 3, "and nothing for the one that was reused"


def test_a_throttled_bus_fails_no_replay(house: House):
    house.library(3)
    replay = house.start(**OTHER)
    house.drive()
    house.bus.refused = 2
    with pytest.raises(DependencyFailed):
        house.drive()
    assert len(house.get(replay).open) == 3
    house.lose_seat(replay)
    house.replays.wake_overdue()
    done = house.finish(replay)
    assert done.progress["toy"].ended == {"succeeded": 3}
    assert len(house.toy.seen) == 6


def test_a_defect_ends_the_replay_with_a_reason_not_in_a_loop(house: House):
    house.library(1)
    replay = house.start(**OTHER)
    house.toy.Params = None
    house.drive()
    now = house.get(replay)
    assert now.state == "failed"
    assert now.reason
    assert house.wakes == []


# -- what its owner says -------------------------------------------------------------------------


def test_a_paused_replay_requests_nothing_and_its_open_runs_end(house: House):
    house.library(4)
    replay = house.start(**OTHER)
    house.drive(2, window=2)
    house.replays.ask(replay.replay_id, "pause")
    house.drive(2, window=2)
    assert house.get(replay).state == "paused"
    assert len(house.requests()) == 2
    house.work()
    now = rest(house, replay, window=2)
    assert (now.state, now.ended, now.asked, now.open) == ("paused", 2, 2, [])
    assert "lease_until" not in house.table.items["#replays", replay.replay_id]
    house.replays.ask(replay.replay_id, "run")
    done = house.finish(replay, window=2)
    assert (done.state, done.ended) == ("finished", 4)
    assert done.ended_before == 2, "the pace is counted again"
    assert len(house.toy.seen) == 8


def test_a_pause_while_runs_are_chosen_requests_nothing(house: House, monkeypatch):
    house.library(2)
    replay = house.start(**OTHER)
    house.drive()
    checkpoint = house.replays.checkpoint

    def paused_before(now: Replay, **lease: Any) -> Replay:
        if now.open and house.get(replay).desired_state == "run":
            house.replays.ask(replay.replay_id, "pause")
        return checkpoint(now, **lease)

    monkeypatch.setattr(house.replays, "checkpoint", paused_before)
    house.drive(3)
    assert (house.get(replay).state, house.requests()) == ("paused", [])
    house.replays.ask(replay.replay_id, "run")
    assert house.finish(replay).ended == 2


def test_a_replay_resumed_while_its_driver_comes_to_rest_goes_on(house: House, monkeypatch):
    house.library(2)
    replay = house.start(**OTHER)
    house.replays.ask(replay.replay_id, "pause")
    checkpoint = house.replays.checkpoint

    def resumed_before(now: Replay, **lease: Any) -> Replay:
        if now.state == "planned":
            monkeypatch.setattr(house.replays, "checkpoint", checkpoint)
            house.replays.ask(replay.replay_id, "run")
            house.wakes.clear()  # the process that resumed it died before it woke a driver
        return checkpoint(now, **lease)

    monkeypatch.setattr(house.replays, "checkpoint", resumed_before)
    assert house.finish(replay).ended == 2


def test_a_replay_paused_while_planning_keeps_its_plan(house: House):
    house.library(2)
    replay = house.start(**OTHER)
    house.replays.ask(replay.replay_id, "pause")
    now = rest(house, replay)
    assert (now.state, now.plan.complete, now.asked) == ("planned", True, 0)
    house.replays.ask(replay.replay_id, "run")
    assert house.finish(replay).ended == 2


def test_a_paused_replay_requests_a_lost_run_again_when_resumed(house: House):
    house.library(2)
    replay = house.start(**OTHER)
    house.drive(2)
    house.lane("toy").clear()
    house.replays.ask(replay.replay_id, "pause")
    house.now = 100
    for _ in range(20):
        if not house.drive():
            break
    else:
        raise AssertionError("it is driven for ever though nothing can come of it")
    house.replays.ask(replay.replay_id, "run")
    assert house.finish(replay).progress["toy"].ended == {"succeeded": 2}


@pytest.mark.parametrize("turns", [0, 1, 2])
def test_a_replay_cancelled_at_any_time_ends(house: House, turns: int):
    house.library(2)
    replay = house.start(**OTHER)
    house.drive(turns)
    house.replays.ask(replay.replay_id, "cancel")
    now = rest(house, replay)
    assert (now.state, now.open) == ("cancelled", [])
    assert now.finished_at
    assert house.work() == [Outcome.IGNORED] * (2 if turns == 2 else 0)
    assert len(house.toy.seen) == 2


@pytest.mark.parametrize("first", [None, MissingDependency("no_model", "There is no model.")])
def test_a_run_that_waits_for_a_retry_ends_when_its_replay_is_cancelled(
    house: House, first: Exception | None
):
    if first:
        house.toy.run_ = fail(first)
    (vid,) = house.library(1)
    before = house.state(vid)
    house.toy.run_ = fail(DependencyFailed("aws_error", "S3 was unavailable."))
    replay = house.start(**OTHER)
    house.drive(2)
    (body,) = house.lane("toy")
    with pytest.raises(Retry):
        house.run("toy", body)
    assert house.state(vid).state == "pending"
    house.replays.ask(replay.replay_id, "cancel")
    assert house.run("toy", body) is Outcome.IGNORED
    now = house.state(vid)
    assert (now.state, now.current_result) == (before.state, before.current_result)
    assert now.lease_until is None
    assert now.state == "succeeded" or (now.error and now.error.code == "cancelled")


def test_an_interrupted_cancel_still_drops_the_requests(house: House):
    house.library(2)
    replay = house.start(**OTHER)
    house.drive(2)
    house.replays.ask(replay.replay_id, "cancel")
    del house.table.items["#cancelled", replay.replay_id]
    assert rest(house, replay).state == "cancelled"
    assert house.work() == [Outcome.IGNORED] * 2


def test_a_failed_replay_drops_its_requests(house: House):
    house.library(2)
    replay = house.start(**OTHER)
    house.drive(2, window=2)
    house.toy.Params = None
    house.table.items["#replays", replay.replay_id] |= {"state": "planning", "cursor": None}
    house.drive()
    assert house.get(replay).state == "failed"
    assert house.replays.cancelled(replay.replay_id)


def test_a_running_replay_is_not_a_dry_run(house: House):
    house.library(1)
    replay = house.replay(dry_run=True, **OTHER)
    assert replay.request.dry_run
    house.replays.ask(replay.replay_id, "run")
    assert not house.finish(replay).request.dry_run


def test_a_driver_writes_checkpoints_within_its_lease_despite_slow_steps(house: House, monkeypatch):
    house.library(1)
    house.start(**OTHER)
    slept: list[float] = []
    driver = house.driver(turn_s=100_000, lease_s=60)
    driver._sleep = slept.append
    clock = iter(range(0, 10**9, 100))
    monkeypatch.setattr("pipeline.replays.driver.time.monotonic", lambda: float(next(clock)))
    driver.drive(replay_requested(house.wakes.pop(0)), seconds=100_000)
    assert slept
    assert max(slept) <= 15


def test_a_cancel_is_final(house: House):
    house.library(2)
    replay = house.start(**OTHER)
    house.drive(2)
    house.replays.ask(replay.replay_id, "cancel")
    for wish in ("run", "pause"):
        with pytest.raises(Exception, match=r"replay_over"):
            house.replays.ask(replay.replay_id, wish)
    house.replays.ask(replay.replay_id, "cancel")
    assert rest(house, replay).state == "cancelled"


def test_a_cancel_does_not_drop_requests_of_other_replays(house: House):
    (vid,) = house.library(1)
    one = house.start(**OTHER)
    house.start(params={"twin": {"text": "x"}})
    house.drive(4)
    house.replays.ask(one.replay_id, "cancel")
    assert sorted(house.work()) == [Outcome.IGNORED, Outcome.SUCCEEDED]
    assert (house.text(vid), house.text(vid, "twin")) == ("hello", "x")


def test_a_request_made_while_the_driver_releases_the_lease_takes_effect(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pipeline.replays.walker.STEP_S", 0)
    house.library(2)
    replay = house.start(dry_run=True, **OTHER)
    leave = house.replays.leave
    said = []

    def interrupted(now: Replay, *, at_rest: bool) -> bool:
        if at_rest and not said:
            said.append(house.replays.ask(now.replay_id, "run"))
            house.wakes.clear()  # the owner's wake-up came while the driver still held the lease
        return leave(now, at_rest=at_rest)

    house.replays.leave = interrupted
    while not said:
        house.drive()
    assert house.wakes
    assert house.finish(replay).state == "finished"


def test_a_turn_ends_with_the_time_of_its_process(house: House):
    house.library(2)
    replay = house.start(**OTHER)
    driver = house.driver(turn_s=0.05)
    driver.drive(replay_requested(house.wakes.pop(0)), seconds=0)
    assert (house.get(replay).asked, len(house.wakes)) == (0, 1)


# -- one driver at a time ------------------------------------------------------------------------


def test_a_second_driver_finds_the_lease_taken(house: House):
    house.library(1)
    replay = house.start(**OTHER)
    assert house.replays.claim(replay.replay_id, lease_s=60)
    for wake_up, receives in (
        (WakeUp(replay_id=replay.replay_id), 1),
        (WakeUp(replay_id=replay.replay_id, attempt=0), 2),
        (WakeUp(replay_id=replay.replay_id, attempt=1), 1),
    ):
        with pytest.raises(Busy) as busy:
            house.driver().drive(wake_up, seconds=60, receives=receives)
        assert 50 < busy.value.seconds <= 60


def test_a_killed_driver_is_replaced_by_the_next_receiver_of_its_message(house: House):
    house.library(1)
    replay = house.start(**OTHER)
    for receives in (1, 2, 3):
        assert house.replays.claim(replay.replay_id, lease_s=-1, after=receives - 1)
    wake_up = replay_requested(house.wakes.pop())
    house.driver().drive(wake_up, seconds=60, receives=3)
    assert house.get(replay).state == "planning", "this one was heard before"
    house.driver().drive(wake_up, seconds=60, receives=4)
    assert house.get(replay).state == "running"


def test_a_replaced_driver_writes_nothing_and_ends_without_an_error(house: House):
    house.library(2)
    replay = house.start(**OTHER)
    old = house.replays.claim(replay.replay_id, lease_s=-1)
    assert old
    new = house.replays.claim(replay.replay_id, lease_s=60)
    assert new
    assert new.attempt == old.attempt + 1
    before = json.dumps(house.table.items["#replays", replay.replay_id])
    with pytest.raises(LeaseLost):
        house.replays.checkpoint(old.model_copy(update={"state": "failed"}), lease_s=60)
    with pytest.raises(LeaseLost):
        house.replays.leave(old, at_rest=True)
    assert json.dumps(house.table.items["#replays", replay.replay_id]) == before


def test_a_driver_replaced_during_a_step_requests_nothing(house: House):
    house.library(2)
    replay = house.start(**OTHER)
    house.drive()
    checkpoint = house.replays.checkpoint

    def late(now: Replay, *, lease_s: float) -> Replay:
        house.lose_seat(replay)
        house.replays.claim(replay.replay_id, lease_s=60)
        return checkpoint(now, lease_s=lease_s)

    house.replays.checkpoint = late
    house.drive()
    assert house.requests() == []
    assert house.wakes == [], "it has no say any more, not even a wake-up"
    assert not house.replays.cancelled(replay.replay_id), "nor does it end what another drives"


def test_a_new_driver_continues_from_the_last_checkpoint(house: House):
    """The old driver's last checkpoint may come between the new one's read and its claim."""
    house.library(1)
    replay = house.start(**OTHER)
    old = house.replays.claim(replay.replay_id, lease_s=-1)
    assert old
    get = house.table.get
    said = []

    def then_the_old_one_writes(pk: str, sk: str) -> Any:
        item = get(pk, sk)
        if not said:
            said.append(1)
            house.replays.checkpoint(old.model_copy(update={"cursor": "further"}), lease_s=-1)
        return item

    house.table.get = then_the_old_one_writes
    new = house.replays.claim(replay.replay_id, lease_s=60)
    assert new
    assert new.cursor == "further"


def test_duplicate_messages_do_not_double_the_wake_ups(house: House):
    house.library(2)
    replay = house.start(**OTHER)
    for _ in range(5):
        house.wakes.append(house.wakes[0])
    house.drive(20)
    assert house.get(replay).state == "running"
    assert len(house.wakes) == 1
    assert house.finish(replay).progress["toy"].ended == {"succeeded": 2}


def test_several_wake_ups_start_one_turn(house: House):
    """Wake-ups by owner and janitor while a replay waits for its turn do not add up."""
    house.library(2)
    replay = house.start(**OTHER)
    house.drive()
    for _ in range(3):
        house.table.items["#replays", replay.replay_id]["lease_until"] = "0000000001.000"
        house.replays.wake_overdue()
        house.replays.ask(replay.replay_id, "run")
    house.drive(20)
    assert len(house.wakes) == 1


# -- the event that wakes the driver -------------------------------------------------------------


def test_the_janitor_replaces_a_wake_up_lost_at_the_start_once(house: House):
    house.library(1)
    house.bus.refused = 1
    with pytest.raises(DependencyFailed, match="event_refused"):
        house.start(**OTHER)
    (replay,) = house.replays.newest()
    assert house.wakes == []
    assert house.replays.wake_overdue() == 0, "it has a minute to arrive"
    house.lose_seat(replay)
    house.janitor().tidy()
    house.janitor().tidy()
    assert len(house.wakes) == 1
    assert house.finish(replay).ended == 1


def test_a_replay_at_rest_is_not_woken(house: House):
    house.library(1)
    house.replay(dry_run=True, **OTHER)
    house.replay(**OTHER)
    assert house.janitor().tidy() == 0
    assert house.wakes == []


def test_the_janitor_replaces_a_wake_up_lost_at_resume(house: House):
    house.library(1)
    replay = house.replay(dry_run=True, **OTHER)
    house.bus.refused = 1
    with pytest.raises(DependencyFailed):
        house.replays.ask(replay.replay_id, "run")
    house.lose_seat(replay)
    house.janitor().tidy()
    assert house.finish(replay).ended == 1


def test_an_outage_of_the_bus_does_not_stop_the_janitors_other_work(house: House):
    replay = house.start(**OTHER)
    house.lose_seat(replay)
    body = house.upload("lost")
    house.catalog.record_upload(event_of(body), patience_s=-10)
    house.bus.refused = 1
    with pytest.raises(DependencyFailed):
        house.janitor().tidy()
    assert [run.state for run in house.video(event_of(body).video_id).stages.values()] == [
        "failed",
        "failed",
    ]
