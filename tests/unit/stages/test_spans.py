"""The spans that a film is divided into."""

import pytest

from pipeline.core.media_info import Probe
from pipeline.stages.transcode import spans
from pipeline.stages.transcode.spans import Span


@pytest.fixture
def film(video):
    """Return a function: ``film(150.0)`` is the probe of so long a film."""

    def build(duration_s, container="mov,mp4,m4a,3gp,3g2,mj2", **changes):
        return Probe(
            container=container, duration_s=duration_s, size_bytes=1, video=video(**changes)
        )

    return build


def divided(probe, *, range_s=60, segment_s=6.0, gop_s=2.0):
    return spans.divided(probe, range_s=range_s, segment_s=segment_s, gop_s=gop_s)


@pytest.mark.parametrize(
    ("duration_s", "starts"),
    [
        (59.0, [0]),
        (89.9, [0]),
        (90.0, [0, 60]),
        (149.0, [0, 60]),
        (151.0, [0, 60, 120]),
    ],
)
def test_a_rest_shorter_than_half_belongs_to_the_last_span(film, duration_s, starts):
    assert divided(film(duration_s)) == starts


def test_spans_are_whole_segments_that_begin_with_a_keyframe(film):
    assert divided(film(200.0), range_s=50) == [0, 54, 108, 162]
    assert divided(film(40.0), range_s=10, segment_s=5.0) == [0, 10, 20, 30]
    assert divided(film(40.0), range_s=15, segment_s=5.0) == [0, 16, 30]


@pytest.mark.parametrize(
    "changes", [{"container": "mpegts"}, {"container": "avi"}, {"timed": False}, {"start_s": 5.0}]
)
def test_a_film_in_which_no_seek_is_safe_is_one_span(film, changes):
    assert divided(film(600.0, **changes)) == [0]


def test_spans_of_a_copy_begin_at_its_keyframes():
    keys = [0.0, 4.1, 8.2, 12.0, 16.1]
    assert spans.on_keyframes([0.0, 4.0, 12.0], keys) == [0.0, 4.1, 12.0]
    assert spans.on_keyframes([0.0, 8.3, 8.4], [0.0, 9.0]) == [0.0, 9.0]
    assert spans.on_keyframes([0.0, 8.0], [0.0]) == [0.0]


def test_multiples_have_the_start_and_the_end_once():
    assert Span(0.0, 6.0, 20.0).multiples(2.0) == [0.0, 2.0, 4.0, 6.0]
    assert Span(4.1, 8.2, 20.0).multiples(2.0) == [4.1, 6.0, 8.0, 8.2]
