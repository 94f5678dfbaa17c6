"""The frames of AAC that each range of sound encodes."""

from itertools import pairwise

import pytest

from pipeline.core.ranges import Range
from pipeline.stages.transcode import stretches

FILM_S = 1500.3


def stretch(start_s, end_s, film_s=FILM_S):
    return stretches.of(Range(name="sound-1", start_s=start_s, end_s=end_s), film_s)


def test_stretches_have_every_frame_once():
    times = [0.0, 6.0, 600.0, 1200.0, FILM_S]
    found = [stretch(start, end) for start, end in pairwise(times)]
    assert [one.first for one in found] == [-1, 282, 28125, 56250]
    assert [one.end for one in found] == [282, 28125, 56250, None]


@pytest.mark.parametrize("start_s", [6.0, 600.0, 606.0])
def test_decoding_begins_at_a_whole_second_before_the_encoder_does(start_s):
    one = stretch(start_s, FILM_S)
    encoder_s = (one.first - one.dropped + 1) * stretches.FRAME / stretches.RATE
    assert isinstance(one.begin_s, int)
    assert 1 <= encoder_s - one.begin_s < 2
    assert one.dropped > 8


def test_the_encoder_is_given_frames_after_the_last_one():
    one = stretch(6.0, 600.0)
    frames = one.samples / stretches.FRAME
    assert frames == int(frames)
    assert frames - one.dropped + 1 > one.end - one.first + 1
    last = stretch(600.0, FILM_S)
    assert last.until_s == FILM_S


def test_one_range_is_the_whole_track():
    assert stretch(0.0, FILM_S).whole
    assert not stretch(0.0, 600.0).whole
    assert not stretch(600.0, FILM_S).whole
