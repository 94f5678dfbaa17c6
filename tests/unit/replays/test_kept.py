"""A replay leaves status, results and the time to the first completion as they were."""

from pipeline.core.errors import BadInput
from pipeline.core.records import Video
from pipeline.results import video_view
from pipeline.results.video_view import StageView
from tests.fakes import toystage
from tests.fakes.installation import House, event_of, fail

OTHER = {"params": {"toy": {"text": "other"}}}


def view(video: Video) -> StageView:
    shown = video_view.detail(video, lambda key, **_: key, {})
    return next(one for one in shown.stages if one.stage == "toy")


def elapsed(video: Video) -> float | None:
    return video_view.total_cost(video).elapsed_s


def test_a_failed_replay_leaves_status_and_results_and_says_which_result_stands(house: House):
    (vid,) = house.library(1)
    before = house.video(vid)
    house.toy.run_ = fail(BadInput("undecodable", "no"))
    house.replay(**OTHER)
    after = house.video(vid)
    assert (before.status, after.status) == ("ready", "ready")
    was, now = view(before), view(after)
    same = {"summary", "params", "labels", "artifacts", "finished_at", "attempt", "cost"}
    assert now.model_dump(include=same) == was.model_dump(include=same)
    assert (now.state, now.error and now.error.code) == ("failed", "undecodable")
    assert (was.stands_since, now.stands_since) == (None, was.finished_at)
    house.toy.run_ = toystage.run
    house.replay(**OTHER, failed=True)
    assert view(house.video(vid)).stands_since is None
    assert house.text(vid) == "other"


def test_a_first_run_that_fails_has_no_result_that_stands(house: House):
    house.toy.run_ = fail(BadInput("undecodable", "no"))
    video = house.video(house.process("a"))
    assert (video.status, view(video).stands_since) == ("partial", None)


def test_the_elapsed_time_is_that_of_the_first_completion(house: House):
    (vid,) = house.library(1)
    first = elapsed(house.video(vid))
    assert first is not None
    house.replay(**OTHER)
    assert elapsed(house.video(vid)) == first
    old = house.catalog.results.all(vid, "toy")[0]
    house.catalog.promote(vid, house.state(vid), old)
    assert elapsed(house.video(vid)) == first
    house.toy.run_ = fail(BadInput("undecodable", "no"))
    house.replay(params={"toy": {"text": "third"}})
    assert elapsed(house.video(vid)) == first


def test_a_video_that_was_retried_is_complete_when_the_retry_is(house: House):
    house.toy.run_ = fail(BadInput("undecodable", "no"))
    vid = house.process("a")
    failed = elapsed(house.video(vid))
    house.toy.run_ = toystage.run
    house.replay(failed=True)
    done = elapsed(house.video(vid))
    assert failed is not None
    assert done is not None
    assert done > failed


def test_a_new_upload_has_a_time_of_its_own(house: House):
    (vid,) = house.library(1)
    house.replay(**OTHER)
    body = house.upload("000.mp4", body=b"new")
    house.run("twin", body)
    assert house.state(vid).first_finished_at is None
    assert elapsed(house.video(event_of(body).video_id)) is None
