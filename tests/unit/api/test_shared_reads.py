"""The reads of streams: many pages cost as much as one, and miss nothing."""

from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.api.shared_reads import SharedReads


class Log:
    """A log of events and some videos, which counts how often it is read."""

    def __init__(self) -> None:
        self.events = self
        self.positions: list[int] = []
        self.reads: list[str] = []

    def last(self) -> int:
        self.reads.append("last")
        return max(self.positions, default=0)

    def after(self, position: int, *, limit: int) -> list[Any]:
        self.reads.append(f"after {position}")
        found = [one for one in self.positions if one > position]
        return [SimpleNamespace(position=one) for one in found][:limit]

    def videos(self, ids: list[str], *, brief: bool) -> list[Any]:
        assert brief
        self.reads += ids
        return [SimpleNamespace(video_id=one) for one in ids if one != "gone"]


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def now() -> list[float]:
    return [100.0]


@pytest.fixture
def reads(log: Log, now: list[float]) -> SharedReads:
    return SharedReads(log, clock=lambda: now[0])  # type: ignore[arg-type]


def places(found: list[Any]) -> list[int]:
    return [one.position for one in found]


def test_many_streams_read_the_end_of_the_log_once_a_second(reads, log, now):
    log.positions = [1, 2]
    assert [places(reads.after(2)) for _ in range(50)] == [[]] * 50
    log.positions += [3, 4]
    now[0] += 1
    assert [places(reads.after(n)) for n in (2, 3, 4)] == [[3, 4], [4], []]
    assert log.reads == ["last", "after 2"]


def test_a_client_from_farther_back_misses_nothing(reads, log, now):
    log.positions = list(range(1, 301))
    seen: list[int] = []
    for _ in range(8):
        if found := places(reads.after(seen[-1] if seen else 0)):
            seen += found
        log.positions.append(log.positions[-1] + 1)
        now[0] += 1
    assert seen == log.positions[: len(seen)]
    assert len(seen) >= 306


def test_a_burst_longer_than_what_is_kept_is_read_from_the_log(reads, log, now, monkeypatch):
    monkeypatch.setattr("pipeline.api.shared_reads._KEPT", 3)
    reads.after(0)
    log.positions = list(range(1, 11))
    now[0] += 1
    assert places(reads.after(0)) == list(range(1, 11))
    assert places(reads.after(8)) == [9, 10]
    assert len(reads._recent) == 3


def test_after_a_silence_the_log_is_not_read_from_where_it_was(reads, log, now):
    reads.after(0)
    log.positions = list(range(1, 1001))
    now[0] += 3600
    assert places(reads.after(1000)) == []
    assert log.reads == ["last", "last"]


def test_a_video_is_read_every_two_seconds_however_many_follow_it(reads, log, now):
    for _ in range(20):
        assert [one.video_id for one in reads.videos(["a", "gone", "b"])] == ["a", "b"]
    assert log.reads == ["a", "gone", "b"]
    now[0] += 1
    reads.videos(["b", "c"])
    assert log.reads == ["a", "gone", "b", "c"]
    now[0] += 1
    reads.videos(["a", "b", "c"])
    assert log.reads[4:] == ["a", "b"]


def test_the_videos_that_are_kept_are_limited(reads, now, monkeypatch):
    monkeypatch.setattr("pipeline.api.shared_reads._KEPT", 3)
    for name in "abcdef":
        reads.videos([name])
        now[0] += 3
    assert len(reads._videos) <= 4


def test_an_answer_of_one_look_is_of_now(log, now):
    reads = SharedReads(log, keep=False, clock=lambda: now[0])  # type: ignore[arg-type]
    reads.after(0)
    log.positions = [1]
    assert places(reads.after(0)) == [1]
    assert len(reads.videos(["a"]) + reads.videos(["a"])) == 2
    assert log.reads == ["after 0", "after 0", "a", "a"]
