"""Requests of ranges as messages: written by one worker and read by another."""

import json
from datetime import UTC, datetime

import pytest

from pipeline.core import events
from pipeline.core.errors import BadInput
from pipeline.core.range_request import RangeRequest

REQUEST = RangeRequest(
    event_id="replay:july",
    time=datetime(2026, 11, 29, tzinfo=UTC),
    video_id="0" * 20,
    stage="toy",
    revision="0" * 12,
    attempt=3,
    fingerprint="0" * 32,
    range="a-0001",
    shadow=True,
)


@pytest.mark.parametrize("request_", [REQUEST, REQUEST.of(None)])
def test_a_request_reads_as_it_was_written(request_: RangeRequest):
    assert events.parse(request_.body) == request_


def test_a_range_comes_by_the_lane_of_its_run():
    assert events.lane(REQUEST) == "replay"
    assert events.lane(REQUEST.model_copy(update={"event_id": "e"})) == "live"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("video_id", "../" * 7),
        ("video_id", "0" * 19 + "/"),
        ("revision", "0"),
        ("fingerprint", "f/../../x"),
        ("attempt", "many"),
    ],
)
def test_a_request_that_names_no_prefix_of_ours_is_rejected(field: str, value: str):
    """The files of a run that is over are deleted below the prefix that its requests name."""
    body = json.loads(REQUEST.body)
    body["detail"][field] = value
    with pytest.raises(BadInput):
        events.parse(json.dumps(body))
