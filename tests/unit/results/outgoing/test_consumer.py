"""The events that uploads and ends of stages lead to."""

from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.results.outgoing.consumer import EventConsumer
from tests.fakes import aws_events


@pytest.mark.parametrize(
    ("key", "told"), [("videos/a.mp4", 1), ("videos/a.srt", 0), ("videos/.hidden", 0)]
)
def test_only_the_upload_of_a_video_is_told(key: str, told: int):
    sent: list[Any] = []
    catalog: Any = SimpleNamespace(announcer=SimpleNamespace(send=sent.append))
    deliverer: Any = None
    EventConsumer(catalog, deliverer).handle(aws_events.created(key))
    assert len(sent) == told
