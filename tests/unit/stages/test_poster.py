import numpy as np
import pytest
from PIL import Image

from pipeline.stages.thumbnail import poster
from pipeline.stages.thumbnail.tiles import Shot, Tile

NOISE = np.random.default_rng(1)


def scene():
    """Return blocks of many shades with hard edges."""
    shades = NOISE.integers(0, 256, (9, 16, 3), np.uint8)
    return np.kron(shades, np.ones((10, 10, 1), np.uint8))


def blurred(image, radius=12):
    kernel = np.ones(radius) / radius
    soft = image.astype(np.float32)
    for axis in (0, 1):
        soft = np.apply_along_axis(np.convolve, axis, soft, kernel, "same")
    return soft.clip(0, 255).astype(np.uint8)


def faded(image, share=0.25):
    return (image * share).astype(np.uint8)


@pytest.mark.parametrize("shade", [0, 10, 128, 255])
def test_a_frame_of_one_shade_scores_nothing(shade):
    assert poster.score(np.full((90, 160, 3), shade, np.uint8)) == 0


def test_sharp_beats_blurred_and_full_light_beats_a_fade():
    image = scene()
    assert poster.score(image) > 1.2 * poster.score(blurred(image))
    assert poster.score(image) > 1.2 * poster.score(faded(image))


def test_scores_lie_between_0_and_1():
    noise = NOISE.integers(0, 256, (90, 160, 3), np.uint8)
    assert 0 < poster.score(noise) <= 1
    assert poster.score(np.zeros((2, 2, 3), np.uint8)) == 0


def tiles(*frames):
    shots = [Shot(time, poster.score(image), True) for time, image in frames]
    return [Tile(shot, 0, number) for number, shot in enumerate(shots)]


def test_the_shortlist_is_spread_out_and_best_first():
    image = scene()
    found = tiles(*((t, image if 10 <= t < 14 or t == 40 else faded(image)) for t in range(60)))
    times = [s.shot.time_s for s in poster.shortlist(found, 60, 3)]
    assert times[:2] == [10, 40]
    assert min(abs(a - b) for a in times for b in times if a != b) >= 5


def test_the_ends_are_taken_only_if_there_is_nothing_else():
    image, black = scene(), np.zeros((90, 160, 3), np.uint8)
    found = tiles((0, image), (50, faded(image)), (99.9, image))
    assert poster.shortlist(found, 100, 1)[0].shot.time_s == 50
    found = tiles((0, image), (50, black), (99.9, black))
    assert poster.shortlist(found, 100, 1)[0].shot.time_s == 0


def test_the_same_picture_at_two_sizes_is_alike_and_another_is_not():
    image, other = scene(), scene()
    small = np.asarray(Image.fromarray(image).resize((80, 45)))
    assert poster.alike(image, small)
    assert poster.alike(small, image)
    assert not poster.alike(other, small)
