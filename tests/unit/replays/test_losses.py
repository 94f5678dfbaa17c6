"""Lost messages, deleted or changed videos, and concurrent requests."""

from typing import Any

import pytest

from pipeline.core.errors import Lost
from pipeline.replays.records import Replay
from pipeline.runs.delivery import Outcome
from tests.fakes.claims import claim_run
from tests.fakes.installation import House, event_of

OTHER = {"params": {"toy": {"text": "other"}}}


@pytest.fixture
def out(house: House) -> Replay:
    """A replay of two videos, whose runs have been requested."""
    house.library(2)
    replay = house.start(**OTHER)
    house.drive(2)
    assert len(house.lane("toy")) == 2
    return replay


def test_a_lost_request_is_sent_again_after_a_while_and_not_before(house: House, out: Replay):
    house.lane("toy").pop()
    house.work()
    house.now = 59
    house.drive(5)
    assert house.lane("toy") == []
    house.now = 61
    house.drive(2)
    assert len(house.lane("toy")) == 1
    done = house.finish(out)
    assert done.progress["toy"].ended == {"succeeded": 2}
    assert done.asked == 2


@pytest.mark.usefixtures("out")
def test_a_run_whose_message_waits_in_its_lane_is_not_requested_again(house: House):
    house.now = 1000
    house.drive(5)
    assert len(house.lane("toy")) == 2


@pytest.mark.usefixtures("out")
def test_a_run_that_a_worker_has_claimed_is_not_requested_again(house: House):
    house.lane("toy").clear()
    house.bus.in_flight[house.config.names.queue("toy", "replay")] = 2
    house.now = 1000
    house.drive(5)
    assert house.lane("toy") == []


def test_a_run_that_is_lost_repeatedly_ends_as_lost(house: House, out: Replay):
    asked = 0
    for turn in range(1, 9):
        asked += len(house.lane("toy"))
        house.lane("toy").clear()
        house.now = turn * 10_000
        house.drive(2)
    assert asked == 2 * 3
    done = house.get(out)
    assert (done.state, done.progress["toy"].ended) == ("finished", {"lost": 2})


def test_a_dead_lettered_message_counts_as_lost(house: House, out: Replay):
    """A worker gave the run back, and its message was dead-lettered: the janitor ends it."""
    body = house.lane("toy").pop()
    vid = house.requests()[0].video_id
    other = next(one for one in (run.video_id for run in house.get(out).open) if one != vid)
    upload = house.video(other).upload
    run = claim_run(
        house.catalog.runs,
        upload,
        "toy",
        event_id=f"replay:{out.replay_id}",
        lease_s=60,
        fingerprint="x",
    )
    house.catalog.runs.release(other, run, Lost("crashed", "no"), tries=1, patience_s=60)
    janitor = house.janitor()
    janitor._dead_letters = lambda: [("toy", body)]
    assert janitor.tidy() == 1
    done = house.finish(out)
    assert done.progress["toy"].ended == {"succeeded": 1, "lost": 1}


def test_a_run_lost_before_its_request_is_not_taken_for_its_result(house: House):
    (vid,) = house.library(1)
    upload = house.video(vid).upload
    run = claim_run(house.catalog.runs, upload, "toy", event_id="x", lease_s=60)
    house.catalog.runs.fail_lost(vid, run, Lost("lost", "no"))
    replay = house.start(**OTHER)
    house.drive(4)
    assert len(house.get(replay).open) == 1
    assert house.finish(replay).progress["toy"].ended == {"succeeded": 1}


def test_a_video_deleted_meanwhile_ends_as_superseded(house: House, out: Replay):
    house.delete("000.mp4")
    assert sorted(house.work()) == [Outcome.IGNORED, Outcome.SUCCEEDED]
    house.drive(3)
    assert house.get(out).state == "running"
    house.now = 100
    done = house.finish(out)
    assert done.progress["toy"].ended == {"succeeded": 1, "superseded": 1}


def test_a_request_that_arrives_after_a_new_upload_does_not_change_it(house: House, out: Replay):
    video_id = house.requests()[0].video_id
    name = house.video(video_id).upload.name
    house.process(name, body=b"another film")
    assert Outcome.SUPERSEDED in house.work()
    assert house.text(video_id) == "hello"
    assert house.finish(out).progress["toy"].ended == {"succeeded": 1, "superseded": 1}


def test_two_replays_of_the_same_runs_compute_once(house: House):
    house.library(2)
    one, two = house.start(**OTHER), house.start(**OTHER)
    house.drive(4)
    assert len(house.lane("toy")) == 4
    for replay in (one, two):
        house.finish(replay)
    assert len(house.toy.seen) == 2 + 2
    ended = [house.get(replay).progress["toy"].ended for replay in (one, two)]
    assert sorted(ended, key=str) == [{"reused": 2}, {"succeeded": 2}]


@pytest.mark.usefixtures("out")
def test_a_duplicate_request_runs_nothing_twice(house: House):
    bodies = list(house.lane("toy"))
    house.work()
    assert [house.run("toy", body) for body in bodies] == [Outcome.CURRENT] * 2
    assert len(house.toy.seen) == 4


def test_a_duplicate_request_does_not_retry_a_failed_run(house: House, out: Replay):
    bodies = list(house.lane("toy"))

    def defect(*_: Any) -> Any:
        raise ValueError("no")

    house.toy.run_ = defect
    assert house.work() == [Outcome.FAILED] * 2
    assert [house.run("toy", body) for body in bodies] == [Outcome.CURRENT] * 2
    assert len(house.toy.seen) == 4
    assert house.finish(out).progress["toy"].ended == {"failed": 2}


def test_a_later_replay_retries_what_failed_in_an_earlier_one(house: House, out: Replay):
    def defect(*_: Any) -> Any:
        raise ValueError("no")

    good, house.toy.run_ = house.toy.run_, defect
    house.finish(out)
    house.toy.run_ = good
    assert house.replay(**OTHER).progress["toy"].ended == {"succeeded": 2}


def test_a_failure_class_with_two_failing_stages_runs_each_once(house: House):
    good = house.toy.run_

    def defect(*_: Any) -> Any:
        raise ValueError("no")

    house.toy.run_ = house.twin.run_ = defect
    for number in range(3):
        house.process(f"{number}")
    for stage in house.modules.values():
        stage.run_ = good
        stage.seen.clear()
    done = house.replay(failure_class="bug")
    assert (done.plan.videos, done.plan.runs, done.asked) == (3, 6, 6)
    assert [len(stage.seen) for stage in house.modules.values()] == [3, 3]
    assert house.replay(failure_class="bug").plan.videos == 0


@pytest.mark.parametrize("window", [1, 2, 3, 200])
def test_a_run_that_fails_again_with_its_selected_class_is_tried_once(house: House, window: int):
    def defect(*_: Any) -> Any:
        raise ValueError("no")

    house.toy.run_ = house.twin.run_ = defect
    for number in range(3):
        house.process(f"{number}")
    for stage in house.modules.values():
        stage.seen.clear()
    replay = house.start(failure_class="bug")
    done = house.finish(replay, window=window)
    assert (done.asked, done.ended) == (6, 6)
    assert [len(stage.seen) for stage in house.modules.values()] == [3, 3]


def test_a_run_that_failed_again_by_a_slow_clock_is_not_selected_again(house: House):
    """The walk goes from late failures to early ones; a run that fails again is behind it."""

    def defect(*_: Any) -> Any:
        raise ValueError("no")

    house.toy.run_ = defect
    house.process("a")
    vid = house.process("b")
    replay = house.start(failure_class="bug")
    for _ in range(30):
        house.drive(1, window=1)
        if house.work():
            item = house.table.items[vid, "stage#toy"]
            item["finished_at"] = "2001-01-01T00:00:00.000Z"
            item["failed_order"] = f"{item['finished_at']}#{vid}"
    done = house.get(replay)
    assert (done.state, done.asked, len(house.toy.seen)) == ("finished", 2, 4)


def test_a_pending_run_is_not_selected_again_at_its_failure(house: House):
    good = house.toy.run_

    def defect(*_: Any) -> Any:
        raise ValueError("no")

    house.toy.run_ = house.twin.run_ = defect
    for number in range(3):
        house.process(f"{number}")
    house.toy.run_ = house.twin.run_ = good
    replay = house.start(failure_class="bug")
    house.drive(2, window=4)
    waiting = list(house.lane("toy"))
    house.lane("toy").clear()
    house.work()
    house.drive(1, window=4)
    assert len(house.get(replay).open) == 4, "two that wait, and two of the last video"
    house.lane("toy")[:0] = waiting
    done = house.finish(replay, window=4)
    assert (done.state, done.asked, done.ended) == ("finished", 6, 6)


def test_an_excluded_stage_stays_excluded_despite_a_request(house: House):
    vid = house.process("a", options={"stages": "twin"})
    replay = house.start(dry_run=True)
    from tests.fakes import aws_events  # noqa: PLC0415

    body = aws_events.reprocess(vid, "toy", {"text": "x"}, event_id=replay.replay_id)
    assert house.run("toy", body) is Outcome.SKIPPED
    assert house.state(vid).current_result is None


def test_equal_content_uploaded_again_reuses_the_result_with_present_times(house: House):
    (vid,) = house.library(1)
    first = house.state(vid).current_result
    body = house.upload("000.mp4")
    assert house.run("toy", body) is Outcome.REUSED
    run = house.state(vid)
    second = run.current_result
    assert first
    assert second
    assert second.copied_from == first.prefix
    assert second.revision == event_of(body).revision != first.revision
    assert second.started_at > first.finished_at
    assert (run.queued_at, run.started_at, run.finished_at) == (
        second.queued_at,
        second.started_at,
        second.finished_at,
    )
    assert house.replay(**OTHER).progress["toy"].ended == {"succeeded": 1}


def test_a_deleted_video_does_not_delay_a_replay_with_a_full_lane(house: House, out: Replay):
    house.delete("000.mp4")
    house.work()
    house.lane("toy").append("of another replay")
    house.now = 100
    house.drive(3)
    done = house.get(out)
    assert done.progress["toy"].ended == {"succeeded": 1, "superseded": 1}


def test_a_run_in_progress_is_not_requested_again_if_its_queue_is_empty(house: House, out: Replay):
    for request in house.requests():
        upload = house.video(request.video_id).upload
        event_id = f"replay:{out.replay_id}"
        claim_run(house.catalog.runs, upload, "toy", event_id=event_id, lease_s=3600)
    house.lane("toy").clear()
    house.now = 100
    house.drive(5)
    assert house.lane("toy") == []


def test_a_video_uploaded_again_does_not_delay_a_replay_with_a_full_lane(house: House, out: Replay):
    [old] = [one for one in house.requests() if house.video(one.video_id).upload.name == "000.mp4"]
    again = event_of(house.upload("000.mp4", body=b"another film"))
    house.catalog.record_upload(again, patience_s=60)
    assert again.video_id == old.video_id
    house.now = 100
    house.drive(3)
    assert house.get(out).progress["toy"].ended == {"superseded": 1}


def test_a_request_of_a_cancelled_replay_leaves_the_run_that_stands(house: House, out: Replay):
    videos = [one.video_id for one in house.get(out).open]
    before = [house.state(one) for one in videos]
    house.replays.ask(out.replay_id, "cancel")
    assert house.work() == [Outcome.IGNORED] * 2
    assert [house.state(one) for one in videos] == before
