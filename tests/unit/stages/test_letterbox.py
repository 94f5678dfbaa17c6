import numpy as np
import pytest

from pipeline.stages.detect import letterbox


def picture(height, width, colour=(10, 20, 30)):
    return np.full((height, width, 3), colour, np.uint8)


def test_a_rectangle_is_as_small_as_the_stride_allows():
    place = letterbox.rectangle(180, 320, side=320, stride=32)
    assert (place.height, place.width) == (192, 320)
    assert (place.top, place.left, place.scale) == (6, 0, 1.0)
    tall = letterbox.rectangle(320, 180, side=320, stride=32)
    assert (tall.height, tall.width, tall.top, tall.left) == (320, 192, 0, 6)


def test_an_image_may_be_in_the_corner_of_its_rectangle():
    place = letterbox.rectangle(180, 320, side=320, stride=32, centred=False)
    assert (place.height, place.top, place.left) == (192, 0, 0)


def test_a_side_that_is_no_multiple_of_the_stride_is_rounded_up():
    assert letterbox.rectangle(100, 200, side=330, stride=32).width == 352


def test_a_fixed_input_is_centred_or_in_the_corner():
    centred = letterbox.fixed(180, 320, (640, 640), centred=True)
    assert (centred.inner, centred.top, centred.left) == ((360, 640), 140, 0)
    corner = letterbox.fixed(180, 320, (640, 640), centred=False)
    assert (corner.inner, corner.top, corner.left) == ((360, 640), 0, 0)


def test_an_odd_pixel_of_padding_is_below():
    place = letterbox.fixed(179, 320, (192, 320), centred=True)
    assert (place.top, place.height - place.top - place.inner[0]) == (6, 7)


def test_pixels_are_in_place_and_the_rest_is_grey():
    place = letterbox.rectangle(4, 8, side=8, stride=8)
    filled = place.fill([picture(4, 8)], bgr=False)
    assert filled.shape == (1, 3, 8, 8)
    assert filled.dtype == np.float32
    assert (filled[0, :, 2:6] == np.array([10, 20, 30]).reshape(3, 1, 1)).all()
    assert (filled[0, :, :2] == 114).all()
    assert (filled[0, :, 6:] == 114).all()


def test_channels_are_reversed_on_request():
    place = letterbox.rectangle(8, 8, side=8, stride=8)
    assert place.fill([picture(8, 8)], bgr=True)[0, :, 0, 0].tolist() == [30, 20, 10]


def test_small_images_are_enlarged():
    place = letterbox.rectangle(4, 8, side=16, stride=8)
    assert (place.inner, place.scale) == ((8, 16), 2.0)
    assert (place.fill([picture(4, 8)], bgr=False)[0, 0] == 10).all()


@pytest.mark.parametrize("size", [(90, 160), (160, 90), (333, 77)])
def test_boxes_come_back_in_pixels_of_the_image(size):
    height, width = size
    place = letterbox.rectangle(height, width, side=320, stride=32)
    inner = np.array([[0, 0, width, height]], np.float32) * place.scale
    inner += np.array([place.left, place.top] * 2, np.float32)
    assert place.back(inner, height, width)[0] == pytest.approx([0, 0, width, height], abs=0.01)


def test_boxes_are_clipped_to_the_image():
    place = letterbox.rectangle(90, 160, side=160, stride=32)
    outside = np.array([[-50, -50, 500, 500]], np.float32)
    assert place.back(outside, 90, 160)[0].tolist() == [0, 0, 160, 90]
