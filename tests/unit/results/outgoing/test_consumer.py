"""The events that uploads and ends of stages lead to."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from pipeline.core import outgoing
from pipeline.results.outgoing.consumer import EventConsumer
from tests.fakes import aws_events
from tests.fakes.query import done, upload, video


@pytest.mark.parametrize(
    ("key", "told"), [("videos/a.mp4", 1), ("videos/a.srt", 0), ("videos/.hidden", 0)]
)
def test_only_the_upload_of_a_video_is_told(key: str, told: int):
    sent: list[Any] = []
    catalog: Any = SimpleNamespace(announcer=SimpleNamespace(send=sent.append))
    deliverer: Any = None
    EventConsumer(catalog, deliverer).handle(aws_events.created(key))
    assert len(sent) == told


def test_an_event_about_a_video_leads_to_no_other():
    """It would be sent again and again."""
    source = upload()
    event = outgoing.video_settled(video(source, done(source, "toy")))
    assert event
    catalog: Any = Mock(video=lambda _: video(source, done(source, "toy")))
    EventConsumer(catalog, Mock()).handle(aws_events.delivered(event.entry("bus")))
    assert catalog.announcer.send.mock_calls == []
