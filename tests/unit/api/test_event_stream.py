"""A stream is never silent for long, and ends with its client or its time."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.api import event_stream
from pipeline.api.event_stream import EventStream


class Reads:
    """A log without events, which counts the looks at it."""

    def __init__(self) -> None:
        self.looks = 0

    def after(self, _position: int) -> list[Any]:
        self.looks += 1
        assert self.looks < 100, "it does not end"
        return []


def followed(reads: Reads, *, seconds: float, gone_after: int) -> list[str]:
    """Return all parts of a stream whose client has gone after so many looks."""
    stream = EventStream(reads, position=0, videos=[], seconds=seconds)  # type: ignore[arg-type]

    async def is_over() -> bool:
        return reads.looks > gone_after

    async def parts() -> list[str]:
        return [one async for one in stream.follow(is_over)]

    return asyncio.run(parts())


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    """Return a log; each look at it takes a second, and no time passes otherwise."""
    made = Reads()
    monkeypatch.setattr(event_stream, "LOOK_S", 0)
    clock = SimpleNamespace(monotonic=lambda: float(made.looks))
    monkeypatch.setattr(event_stream, "time", clock)
    return made


def test_a_client_that_hears_nothing_gets_a_comment_every_fifteen_seconds(reads: Reads):
    assert followed(reads, seconds=40, gone_after=99) == ["", ":\n\n", ":\n\n"]


def test_a_stream_ends_with_its_client(reads: Reads):
    followed(reads, seconds=90, gone_after=5)
    assert reads.looks == 6


def test_a_stream_ends_with_its_time(reads: Reads):
    followed(reads, seconds=8, gone_after=99)
    assert reads.looks == 8
