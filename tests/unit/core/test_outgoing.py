"""The events that this project sends."""

import json
from datetime import UTC, datetime

import pytest

from pipeline.core import outgoing
from pipeline.core.errors import BadInput
from pipeline.core.topology import Topology
from tests.fakes import aws_events
from tests.fakes.query import done, failed, run, upload, video

SOURCE = upload()


def test_the_same_end_of_a_run_gives_the_same_id_and_a_later_run_another():
    once, again = (outgoing.stage_ended(SOURCE.video_id, done(SOURCE, "toy")) for _ in range(2))
    later = done(SOURCE, "toy").model_copy(update={"attempt": 2})
    assert once.id == again.id
    assert outgoing.stage_ended(SOURCE.video_id, later).id != once.id


def test_a_failure_says_why_and_a_success_names_the_result():
    fault = outgoing.stage_ended(SOURCE.video_id, failed(SOURCE, "toy")).detail
    assert (fault.error.code, fault.fingerprint) == ("empty_file", None)
    assert outgoing.stage_ended(SOURCE.video_id, done(SOURCE, "toy")).detail.fingerprint


@pytest.mark.parametrize("state", ["pending", "running", "superseded"])
def test_nobody_is_told_of_a_run_that_goes_on_or_whose_source_was_replaced(state):
    assert outgoing.stage_ended(SOURCE.video_id, run(SOURCE, "toy", state)) is None


def test_a_video_is_ready_once_all_its_stages_have_ended():
    ended, busy = done(SOURCE, "one"), run(SOURCE, "two", "running")
    assert outgoing.video_settled(video(SOURCE, ended, busy)) is None
    ready = outgoing.video_settled(video(SOURCE, ended, failed(SOURCE, "two")))
    assert (ready.type, ready.detail.status) == ("video.ready", "partial")
    assert [one.error for one in ready.detail.stages] == [None, "empty_file"]
    none = outgoing.video_settled(video(SOURCE, failed(SOURCE, "one")))
    assert (none.type, none.detail.status) == ("video.failed", "failed")


def test_nobody_is_told_that_a_deleted_video_is_ready():
    gone = video(SOURCE, done(SOURCE, "one"), deleted_at=datetime.now(UTC))
    assert outgoing.video_settled(gone) is None


def test_what_the_uploader_gave_along_comes_back():
    given = {"videodrop-passthrough": '{"order": 7}'}
    ready = outgoing.video_settled(video(SOURCE, done(SOURCE, "one"), metadata=given))
    assert ready.payload["data"]["passthrough"] == {"order": 7}


def test_an_event_is_read_as_the_bus_delivers_it():
    for event in (
        outgoing.stage_ended(SOURCE.video_id, failed(SOURCE, "toy")),
        outgoing.video_settled(video(SOURCE, done(SOURCE, "one"))),
        outgoing.video_uploaded(SOURCE),
        outgoing.video_deleted(SOURCE),
    ):
        assert outgoing.parse(aws_events.delivered(event.entry("bus"))) == event


@pytest.mark.parametrize(
    "body",
    ["", "{}", "[]", '{"detail-type": "Video Ready", "time": "2026-01-01T00:00:00Z"}']
    + [json.dumps({"detail-type": name, "detail": {}}) for name in ("Else", "Delivery Requested")],
)
def test_a_message_that_is_no_event_of_ours_is_an_error(body):
    with pytest.raises(BadInput, match="message") as caught:
        outgoing.check(body)
    assert caught.value.code == "bad_event"


def test_the_queue_of_events_gets_every_event():
    spec = Topology.read().events
    assert spec.detail_types == list(outgoing.DETAIL_TYPES.values())
    entry = outgoing.video_uploaded(SOURCE).entry("bus")
    assert entry["Source"] == spec.source
