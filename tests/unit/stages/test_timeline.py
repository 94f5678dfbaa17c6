"""Decode times of frames, from their presentation times alone."""

import itertools

import pytest

from pipeline.stages.transcode import timeline
from pipeline.stages.transcode.boxes import Run, Sample
from pipeline.stages.transcode.cmaf import Fragment, Track

DELAY = 2


@pytest.mark.parametrize(
    ("times", "decodes"),
    [
        ([0, 1, 2, 3], [0, 1, 2, 3]),
        ([0, 2, 1, 4, 3], [0, 1, 2, 3, 4]),
        ([0, 4, 2, 1, 3], [0, 1, 2, 3, 4]),
        # Three frames are decoded before the next one: its time comes before that of its place.
        ([0, 50, 40, 30, 1], [0, 0, 1, 2, 3]),
    ],
)
def test_decode_times_rise_and_are_at_most_a_delay_after_the_frame(times, decodes):
    found = timeline._decode_times(times, DELAY)
    assert found[1:] == decodes[1:]
    assert all(a < b for a, b in itertools.pairwise(found))
    assert all(d <= t + DELAY for d, t in zip(found, times, strict=True))


@pytest.mark.parametrize(
    ("samples", "unseen"),
    [
        ([(1, 0), (1, 0), (8, 0)], 0),
        ([(1, 0), (1, 1), (8, -1)], 7),  # the second one is shown last, from 2 to 10
    ],
)
def test_the_frame_shown_last_is_seen_until_the_next_frame_is_decoded(samples, unseen):
    run = Run(0, tuple(Sample(duration, 1, 0, shift) for duration, shift in samples))
    assert timeline._unseen(run, 10) == unseen


def track(*starts):
    fragments = tuple(Fragment(0, 1, start, start + 2) for start in starts)
    return Track(name="a", codecs="a", header="", fragments=fragments)


def test_tracks_are_aligned_if_all_their_fragments_begin_together():
    assert timeline.aligned([track(0.0, 2.0), track(0.001, 2.0)])
    assert not timeline.aligned([track(0.0, 2.0), track(0.0, 2.04)])
    assert not timeline.aligned([track(0.0, 2.0), track(0.0)])
