"""Waiting for several videos at once."""

import itertools

import pytest

from pipeline.aws import following
from pipeline.aws.following import follow


class Catalog:
    """A catalog that returns the next list of videos at each poll, and then the last one."""

    def __init__(self, *looks):
        self.looks = list(looks)
        self.asked = []

    def videos(self, video_ids):
        self.asked.append(video_ids)
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]


@pytest.fixture
def clock(monkeypatch):
    """A clock that only sleeping advances."""
    slept = []
    monkeypatch.setattr(following.time, "sleep", slept.append)
    monkeypatch.setattr(following.time, "monotonic", lambda: sum(slept))
    return slept


def test_all_videos_are_followed_at_once_by_one_read_a_look(make_video, clock):
    one, two = make_video("1.mp4", toy="running"), make_video("2.mp4", toy="running", progress=50)
    ended = [make_video("1.mp4", toy="succeeded"), make_video("2.mp4", toy="succeeded")]
    catalog = Catalog([one], [one, two], [one, ended[1]], ended)
    before = {one.video_id: None, two.video_id: None}
    looks = list(follow(catalog, before, timeout_s=60))
    assert looks == [[one], [one, two], [one, ended[1]], ended]
    assert catalog.asked == [list(before)] * 4
    assert len(clock) == 3


def test_an_earlier_upload_of_the_same_name_is_not_taken_for_this_one(make_video, clock):
    old = make_video(toy="succeeded", sequencer="1")
    new = make_video(toy="succeeded", sequencer="2")
    looks = list(follow(Catalog([old], [new]), {old.video_id: "1"}, timeout_s=60))
    assert looks == [[], [new]]
    assert len(clock) == 1


def test_waiting_ends_with_the_time_and_shows_what_there_was(make_video, clock):
    video = make_video(toy="running")
    looks = list(follow(Catalog([video]), {video.video_id: None}, timeout_s=1.2))
    assert looks[-1] == [video]
    assert sum(clock) == pytest.approx(1.2)


def test_a_video_is_looked_at_even_without_any_time(make_video, clock):
    video = make_video(toy="succeeded")
    assert list(follow(Catalog([video]), {video.video_id: None}, timeout_s=0)) == [[video]]
    assert clock == []


def test_nothing_to_wait_for_is_done_at_once(clock):
    assert list(itertools.islice(follow(Catalog([]), {}, timeout_s=60), 2)) == [[]]
    assert clock == []
