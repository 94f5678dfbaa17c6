from itertools import pairwise

import pytest

from pipeline.core.media_info import Probe, VideoStream
from pipeline.media import sections
from pipeline.stages import division

MP4 = "mov,mp4,m4a,3gp,3g2,mj2"


def media(duration_s, container=MP4, **options):
    fields = {"index": 0, "codec": "h264", "pix_fmt": "yuv420p", "bit_depth": 8, "fps": 25.0}
    sides = {"coded_width": 64, "coded_height": 64, "width": 64, "height": 64}
    video = VideoStream(time_base="1/25", **fields, **sides, **options)
    return Probe(container=container, duration_s=duration_s, size_bytes=1, video=video)


def spans(duration_s, *, fps=2.0, range_s=120, **options):
    found = division.ranges(media(duration_s, **options), fps=fps, range_s=range_s)
    assert len({one.name for one in found}) == len(found)
    assert all(a.end_s == b.start_s for a, b in pairwise(found))
    return [(one.start_s, one.end_s) for one in found]


def test_a_video_is_divided_into_ranges_of_equal_length():
    assert spans(360.5) == [(0, 120), (120, 240), (240, 360.5)]


def test_a_last_range_shorter_than_half_joins_its_neighbour():
    assert spans(299) == [(0, 120), (120, 299)]
    assert spans(301) == [(0, 120), (120, 240), (240, 301)]


@pytest.mark.parametrize("duration_s", [0.0, 5.0, 179.9])
def test_a_short_video_is_one_range(duration_s):
    assert spans(duration_s) == [(0, duration_s)]


def test_a_video_whose_parts_cannot_be_decoded_alone_is_one_range():
    assert spans(1000, container="mpegts") == [(0, 1000)]
    assert spans(1000, timed=False) == [(0, 1000)]


@pytest.mark.parametrize("fps", [0.05, 0.3, 0.7, 2.0, 29.97])
@pytest.mark.parametrize("range_s", [10, 15, 77, 120])
def test_ranges_consist_of_whole_sections(fps, range_s):
    starts = [start_s for start_s, _ in spans(4000, fps=fps, range_s=range_s)]
    assert len(starts) > 1
    assert all(start_s % sections.length_s(fps) == 0 for start_s in starts)
