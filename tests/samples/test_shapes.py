"""A box fits its shape exactly."""

import math

import numpy as np
import pytest

from samples.grammar import COLOURS, SHAPES
from samples.shapes import PAINTS, Box, Figure, Style, draw, outline

ANGLES = (0.0, 0.4, 2.0)


def drawn_box(figure: Figure, width: int = 200, height: int = 160) -> Box:
    image = np.full((height, width, 3), 255, np.uint8)
    draw(image, figure)
    ys, xs = np.nonzero((image < 128).all(2))  # pixels covered by more than half
    return Box(xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)


@pytest.mark.parametrize("angle", ANGLES)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_box_is_that_of_the_pixels(shape, angle):
    figure = Figure(shape, (0, 0, 0), 97.3, 81.6, 42, angle, stretch=1.2)
    # A sharp corner covers few pixels by half, hence the tolerance of 2.5 pixels.
    assert drawn_box(figure).edges == pytest.approx(figure.box().edges, abs=2.5)


def test_the_box_of_a_circle_is_exact():
    figure = Figure("circle", (0, 0, 0), 90, 80, 40)
    assert figure.box().edges == pytest.approx((50, 40, 130, 120), abs=0.1)
    assert drawn_box(figure).edges == pytest.approx((50, 40, 130, 120), abs=1)


def test_a_ring_has_a_hole_and_a_circle_has_none():
    for shape, middle in (("ring", 255), ("circle", 0)):
        image = np.full((100, 100, 3), 255, np.uint8)
        draw(image, Figure(shape, (0, 0, 0), 50, 50, 30))
        assert image[50, 50, 0] == middle


def test_shadows_and_shading_do_not_change_the_box():
    plain = Figure("star", (0, 0, 0), 100, 80, 40)
    styled = Figure("star", (0, 0, 0), 100, 80, 40, style=Style(shading=1.0, shadow=1.0))
    assert plain.box() == styled.box()


def test_figures_at_the_edge_are_clipped():
    image = np.zeros((50, 50, 3), np.uint8)
    for x, y in ((0, 0), (50, 50), (-500, 20), (20, 900)):
        draw(image, Figure("heart", (255, 0, 0), x, y, 20, style=Style(1, (0, 0, 0), 1)))
    assert image[..., 0].any()
    box = Figure("circle", (0, 0, 0), 0, 25, 10).box().within(50, 50)
    assert box.edges == pytest.approx((0, 15, 10, 35), abs=0.1)
    assert Figure("circle", (0, 0, 0), -50, 25, 10).box().within(50, 50).area == 0


def test_outlines_are_closed_and_about_one_in_size():
    for shape in SHAPES:
        reach = np.hypot(*outline(shape).T)
        assert 0.9 < reach.max() < 1.25, shape
    with pytest.raises(ValueError, match="no shape 'hexagon'"):
        outline("hexagon")


def test_every_colour_has_a_distinct_paint():
    assert set(PAINTS) == set(COLOURS)
    paints = list(PAINTS.values())
    nearest = min(math.dist(a, b) for i, a in enumerate(paints) for b in paints[:i])
    assert nearest > 60
