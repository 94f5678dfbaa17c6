import pytest

from pipeline.media import gops

from . import clips


@pytest.mark.parametrize(
    ("maker", "interval_s", "answer"),
    [
        (clips.plain, 2.0, True),
        (clips.plain, 1.9, False),
        (clips.plain, 1.95, True),  # a gap may be a little longer
        (clips.conforming, 1.6, True),
        (clips.long_gops, 2.0, False),
        (clips.long_gops, 9.0, True),  # one at the start is enough for one sample
        (clips.one_frame, 1.0, True),
        (clips.joined, 2.0, False),  # its clock jumps
        (clips.audio_only, 2.0, False),
    ],
)
def test_keyframes_come_at_least_so_often(source, maker, interval_s, answer):
    given = source(maker)
    assert gops.within(given.path, given.probe, interval_s) is answer
