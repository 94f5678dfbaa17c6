"""Ranges and renditions that do not fit together are never published."""

import pytest

from pipeline.core.errors import BadInput, Bug
from pipeline.core.in_place import Local
from pipeline.core.progress import Deadline
from pipeline.core.ranges import Plan, Range
from pipeline.core.stage import Source
from pipeline.stages.transcode import merging
from pipeline.stages.transcode.cmaf import Fragment, Track
from pipeline.stages.transcode.encoded import Encoded
from pipeline.stages.transcode.stage import Params

PLAN = Plan(
    ranges=tuple(Range(name=f"picture-{n}", start_s=6 * n, end_s=6 * n + 6) for n in (0, 1))
)


def track(start_s: float, *, seconds: int = 6) -> Track:
    """Return a file of six seconds, in fragments of so many seconds."""
    steps = range(0, 6, seconds)
    times = [(start_s + step, start_s + step + seconds) for step in steps]
    fragments = tuple(Fragment(700, 10, *time) for time in times)
    return Track(
        name=f"hls/a/{start_s}.mp4", codecs="avc1.64001f", header="00", fragments=fragments
    )


@pytest.fixture
def merged(probed, tmp_path):
    """Return a function that merges what two ranges made."""

    def run(*made: Encoded) -> None:
        source = Source(path=tmp_path / "a.mp4", name="a.mp4", probe=probed())
        parts = [
            Local(range_, one.part(), tmp_path)
            for range_, one in zip(PLAN.ranges, made, strict=True)
        ]
        params = Params(rungs=(360, 240), segment_s=3.0)
        merging.run(source, params, PLAN, parts, tmp_path, Deadline(60))

    return run


@pytest.mark.parametrize("wrong", [{"own_size": True}, {"pictures": (track(6),)}])
def test_ranges_with_other_renditions_are_not_joined(merged, wrong):
    first, second = (Encoded(pictures=(track(start), track(start))) for start in (0, 6))
    with pytest.raises(Bug, match="The ranges have different renditions"):
        merged(first, second.model_copy(update=wrong))


def test_renditions_with_other_segments_are_not_offered_together(merged):
    """A player that changes from one to the other would repeat pictures, or leave some out."""
    made = [Encoded(pictures=(track(start), track(start, seconds=3))) for start in (0, 6)]
    with pytest.raises(Bug, match="The renditions have different numbers of segments"):
        merged(*made)


def test_a_film_of_black_alone_is_not_published(merged):
    made = [Encoded(pictures=(track(start), track(start)), blank=True) for start in (0, 6)]
    with pytest.raises(BadInput, match="undecodable"):
        merged(*made)
