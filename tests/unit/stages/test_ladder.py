from fractions import Fraction

import pytest

from pipeline.stages.transcode import ladder

SIDES = (1080, 720, 480, 360, 240)


def sizes(video, sides=SIDES, **options):
    return [(r.width, r.height) for r in ladder.rungs(video, sides, **options)]


def test_rungs_go_by_the_short_side_with_even_sizes(video):
    expected = [(1920, 1080), (1280, 720), (854, 480), (640, 360), (426, 240)]
    assert sizes(video()) == expected


def test_portrait_gets_the_same_rungs_upright(video):
    assert sizes(video(1080, 1920))[:2] == [(1080, 1920), (720, 1280)]


def test_no_rung_is_larger_than_the_source(video):
    assert sizes(video(1280, 720))[0] == (1280, 720)
    assert sizes(video(800, 700))[0] == (548, 480)


def test_a_source_below_all_rungs_keeps_its_own_size_made_even(video):
    assert sizes(video(321, 181)) == [(320, 180)]


@pytest.mark.parametrize("length", range(2, 60))
def test_rounding_to_even_never_enlarges(video, length):
    ((width, height),) = sizes(video(length, length + 1))
    assert width <= length
    assert height <= length + 1
    assert width % 2 == height % 2 == 0


def test_a_copied_source_is_the_top_rung_and_near_twins_are_left_out(video):
    found = ladder.rungs(video(1138, 640), SIDES, own_size=True)
    assert [r.name for r in found] == ["640p", "480p", "360p", "240p"]
    assert sizes(video(888, 500), own_size=True)[1] == (640, 360)


def test_very_wide_rungs_are_dropped(video):
    assert all(width <= 4096 for width, _ in sizes(video(8000, 1000)))


def test_a_source_too_wide_for_every_rung_is_fitted(video):
    ((width, height),) = sizes(video(8000, 100), sides=(100,))
    assert width == 4096
    assert height == 52


def test_rungs_have_names_of_their_own(video):
    names = [r.name for r in ladder.rungs(video(), (241, 240, 240))]
    assert len(names) == len(set(names))


def test_ceilings_fall_with_size_and_rise_with_frame_rate():
    assert ladder.ceiling(1920, 1080, 30) == 6_000_000
    assert 3_000_000 < ladder.ceiling(1280, 720, 30) < 3_600_000
    assert ladder.ceiling(1920, 1080, 60) > 8_000_000


@pytest.mark.parametrize(
    ("fps", "capped"),
    [
        (30, None),
        (60000 / 1001, None),
        (60, None),
        (120, 60),
        (100, 50),
        (90, 45),
        (1000, Fraction(1000, 17)),
    ],
)
def test_high_frame_rates_are_divided_evenly(fps, capped):
    assert ladder.capped_rate(fps, 60) == capped
