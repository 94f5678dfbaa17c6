"""Ranges of speech: of which sections they consist, and what they say together."""

from itertools import pairwise

import pytest

from pipeline.core.ranges import Range
from pipeline.stages.transcribe.parts import Decided, Failure, Spoken

EDGES = [0.0, 301.5, 597.0, 903.0, 1200.0, 1505.0]
FAILURE = Failure(code="decoder_crashed", message="It crashed.")


@pytest.mark.parametrize(
    ("sections", "starts"),
    [(1, EDGES[:-1]), (2, [0.0, 597.0, 1200.0]), (3, [0.0, 903.0]), (4, [0.0]), (288, [0.0])],
)
def test_ranges_have_whole_sections_and_all_of_them(sections, starts):
    planned = Decided(track=1).plan(EDGES, sections)
    assert [one.start_s for one in planned.ranges] == starts
    assert planned.ranges[-1].end_s == EDGES[-1]
    decided = Decided.model_validate(planned.data)
    found = [section for one in planned.ranges for section in decided.sections(one)]
    assert [(one.start_s, one.end_s) for one in found] == list(pairwise(EDGES))


def test_a_video_without_sound_has_one_section():
    (only,) = Decided().plan([0.0, 7.0]).ranges
    assert only == Range(name="speech-0000", start_s=0.0, end_s=7.0)


def test_a_range_has_failed_if_all_of_its_sections_have():
    bad, good = Spoken(damaged=True, failure=FAILURE), Spoken()
    assert Spoken.joined([bad, bad]) == bad
    assert Spoken.joined([good, bad]) == Spoken(damaged=True)
    assert Spoken.joined([good, good]) == good
