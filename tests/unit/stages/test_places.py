"""The places of packets, as ffmpeg's resampler has them in one pass."""

import pytest

from pipeline.stages.transcode import places
from pipeline.stages.transcode.places import Batch, Step

RATE = 1000


def steps(*batches):
    return places.steps([Batch(*one) for one in batches], RATE)


def test_small_gaps_add_up_until_they_are_filled_at_once():
    found = steps((0, 500), (560, 400), (990, 300), (1330, 100))
    assert found == [Step(0, 0), Step(560, -60), Step(990, -90), Step(1330, 0)]


def test_a_large_gap_is_filled_and_an_overlap_is_cut():
    assert steps((0, 500), (700, 100)) == [Step(0, 0)]
    assert steps((0, 500), (300, 400), (750, 10)) == [Step(0, 0), Step(750, -50)]


@pytest.mark.parametrize(("start", "offset"), [(0, 0), (1, -1), (4, 0), (3000, 0), (-21, 0)])
def test_only_a_late_start_of_at_most_a_millisecond_is_not_filled(start, offset):
    assert steps((start, 100)) == [Step(start, offset)]


def test_packets_are_shifted_from_the_step_before_the_range_on():
    given = [Step(0, 0), Step(560, -60), Step(990, -90), Step(1330, 0)]
    assert places.expression(given, 600, 1000, 1000, RATE) == "PTS-60*gte(PTS,560)-30*gte(PTS,990)"
    assert places.expression(given, 1400, 1500, 2000, RATE) == ""
    assert places.expression(given, 100, 150, 200, RATE) == ""
    assert places.expression([], 100, 150, 200, RATE) == ""
