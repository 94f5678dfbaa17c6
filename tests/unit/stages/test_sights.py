from dataclasses import replace

import numpy as np
import pytest

from pipeline.media.decoding import Frame
from pipeline.stages.detect.engine import Detection, Looking
from pipeline.stages.detect.sights import by_section, frames_at_once, sights

HOW = Looking(0.5, 0.7, 320, 100, None)


class Numbering:
    """An engine whose detections name the images by their first pixel."""

    labels, image_size, batch = ("star",), 320, 3

    def __init__(self):
        self.batches = []

    def detect(self, images, how):
        assert how is HOW
        seen = [int(image[0, 0, 0]) for image in images]
        self.batches.append(seen)
        return [[Detection(str(number), 0.9, (0, 0, 1, 1))] for number in seen]


class Every:
    """A gate that opens for every third frame."""

    def __init__(self):
        self.learnt = []

    def opens(self, _, image):
        return image[0, 0, 0] % 3 == 0

    def learn(self, found):
        self.learnt.append(found[0].label)


def frames(count):
    for number in range(count):
        yield Frame(number / 2, np.full((9, 16, 3), number, np.uint8))


def labels(found):
    return [(sight.time_s, sight.found[0].label) for sight in found]


def test_without_a_gate_all_frames_go_to_the_model_in_batches():
    engine = Numbering()
    found = list(sights(frames(7), engine, HOW, batch=3, gate=None))
    assert engine.batches == [[0, 1, 2], [3, 4, 5], [6]]
    assert labels(found) == [(n / 2, str(n)) for n in range(7)]
    assert all(sight.image is not None for sight in found)


@pytest.mark.parametrize(
    ("asked", "size", "frames"), [(8, 640, 8), (256, 640, 32), (256, 2048, 3), (32, 64, 32)]
)
def test_a_batch_has_no_more_pixels_than_memory_is_meant_to_have(asked, size, frames):
    assert frames_at_once(asked, replace(HOW, image_size=size)) == frames


@pytest.mark.parametrize("batch", [1, 2, 50])
def test_frames_that_are_not_looked_at_repeat_the_last_detections_at_their_own_time(batch):
    engine, gate = Numbering(), Every()
    found = list(sights(frames(8), engine, HOW, batch=batch, gate=gate))
    assert [number for some in engine.batches for number in some] == [0, 3, 6]
    assert labels(found) == [(n / 2, str(n // 3 * 3)) for n in range(8)]
    assert [sight.image is None for sight in found] == [n % 3 != 0 for n in range(8)]
    assert gate.learnt == ["0", "3", "6"]


def test_frames_do_not_wait_for_a_batch_without_need():
    stream = sights(frames(100), Numbering(), HOW, batch=1, gate=Every())
    assert [next(stream).time_s for _ in range(3)] == [0, 0.5, 1.0]


@pytest.mark.parametrize("batch", [1, 3, 8, 50])
def test_a_section_has_the_same_batches_and_detections_in_any_part_of_a_video(batch):
    """At 2 frames/s, sections of 10 s have 20 frames."""
    options = {"batch": batch, "gate": True, "fps": 2.0}

    def moving(*numbers):
        for number in numbers:
            image = np.full((9, 16, 3), number, np.uint8)
            image[2, number % 16] = 255 * (number % 3 == 0)
            yield Frame(number / 2, image)

    whole, first, second = Numbering(), Numbering(), Numbering()
    found = list(by_section(moving(*range(50)), whole, HOW, **options))
    parts = [
        *by_section(moving(*range(20)), first, HOW, **options),
        *by_section(moving(*range(20, 50)), second, HOW, **options),
    ]
    assert labels(found) == labels(parts)
    assert whole.batches == first.batches + second.batches
    assert [found[n].image is None for n in (0, 20, 40)] == [False] * 3
    assert any(sight.image is None for sight in found)
