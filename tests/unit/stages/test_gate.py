import numpy as np
import pytest

from pipeline.stages.detect.engine import Detection
from pipeline.stages.detect.gate import LONGEST_S, Gate

HEIGHT, WIDTH = 360, 640
TILE = WIDTH // 20
RNG = np.random.default_rng(7)


def scene(*patches, noise=0):
    """Return a grey frame with patches (left, top, side, levels brighter)."""
    image = np.full((HEIGHT, WIDTH, 3), 100, np.int16)
    for left, top, side, levels in patches:
        image[top : top + side, left : left + side] += levels
    if noise:
        image += RNG.normal(0, noise, image.shape).round().astype(np.int16)
    return image.clip(0, 255).astype(np.uint8)


def star(left=100.0, confidence=0.9):
    return [Detection("star", confidence, (left, 50, left + 60, 110))]


def walk(gate, frames, found=lambda _: [], *, step=0.5):
    """Return the numbers of the frames for which the gate opens; the model answers at once."""
    opened = []
    for number, image in enumerate(frames):
        if gate.opens(number * step, image):
            opened.append(number)
            gate.learn(found(number))
    return opened


def test_the_first_frame_opens_it():
    assert Gate().opens(0.0, scene())


def test_a_still_picture_is_looked_at_again_only_after_a_while():
    opened = walk(Gate(), [scene(noise=4) for _ in range(24)])
    assert opened == [0, 10, 20]
    assert LONGEST_S == 5.0


@pytest.mark.parametrize("shift", [(0, 0), (TILE // 2, TILE // 2), (5, 11)])
@pytest.mark.parametrize("sign", [1, -1])
def test_an_object_as_large_as_a_tile_opens_it_wherever_it_appears(shift, sign):
    left, top = 5 * TILE + shift[0], 4 * TILE + shift[1]
    assert walk(Gate(), [scene(), scene((left, top, TILE, sign * 18))]) == [0, 1]


def test_an_object_half_as_large_opens_it_if_it_stands_out():
    assert walk(Gate(), [scene(), scene((170, 170, TILE // 2, 70))]) == [0, 1]


def test_an_object_at_the_edge_opens_it():
    corner = scene((WIDTH - 16, HEIGHT - 16, 16, 70))
    assert walk(Gate(), [scene(), corner]) == [0, 1]


def test_an_object_that_moves_by_its_own_size_opens_it():
    frames = [scene((100 + n * TILE, 90, TILE, 20)) for n in range(4)]
    assert walk(Gate(), frames) == [0, 1, 2, 3]


def test_slow_movements_add_up_until_they_are_seen():
    frames = [scene((100 + n, 90, TILE, 40)) for n in range(8)]
    opened = walk(Gate(), frames, step=0.1)
    assert len(opened) >= 2


def test_a_change_of_colour_alone_opens_it():
    green, red = scene(), scene()
    green[90:130, 100:140] = (60, 140, 60)
    red[90:130, 100:140] = (217, 60, 60)  # as bright
    assert walk(Gate(), [green, red]) == [0, 1]


def mouth(number):
    """Return a frame in which a mouth is open in every other frame."""
    return scene((300, 150, 30, -50 if number % 2 else 0))


def test_a_movement_that_changes_nothing_found_is_soon_left_alone():
    opened = walk(Gate(), [mouth(n) for n in range(40)], lambda _: star())
    assert len(opened) <= 40 / 4
    assert opened[:2] == [0, 1]


def test_a_movement_that_changes_what_is_found_is_always_looked_at():
    opened = walk(Gate(), [mouth(n) for n in range(20)], lambda n: star(100 + 30 * (n % 2)))
    assert opened == list(range(20))


def test_doubtful_detections_that_come_and_go_are_no_change():
    opened = walk(
        Gate(), [mouth(n) for n in range(40)], lambda n: star() + star(400, 0.3) * (n % 2)
    )
    assert len(opened) <= 40 / 4


def test_a_confidence_that_wavers_is_no_change():
    opened = walk(
        Gate(), [mouth(n) for n in range(40)], lambda n: star(confidence=0.48 + 0.04 * (n % 2))
    )
    assert len(opened) <= 40 / 4


def test_tolerance_ends_when_something_else_is_found():
    gate = Gate()
    walk(gate, [mouth(n) for n in range(8)], lambda _: star())
    assert not gate.opens(3.6, mouth(1))
    assert gate.opens(3.7, scene((500, 200, 60, 60)))
    gate.learn([])  # the star has gone
    assert gate.opens(3.8, mouth(1))


def test_an_object_beside_a_restless_place_opens_it():
    gate = Gate()
    walk(gate, [mouth(n) for n in range(8)], lambda _: star())
    assert gate.opens(3.6, scene((300, 150, 30, -50), (420, 150, TILE, 20)))


def test_a_strong_change_of_a_whole_restless_place_opens_it():
    gate = Gate()
    walk(gate, [mouth(n) for n in range(8)], lambda _: star())
    assert gate.opens(3.6, scene((260, 110, 110, 100)))


def test_when_the_camera_moves_every_frame_is_looked_at():
    texture = RNG.integers(0, 255, (HEIGHT, WIDTH * 2, 3), np.uint8)
    frames = [texture[:, n * 8 : n * 8 + WIDTH] for n in range(12)]
    assert walk(Gate(), frames) == list(range(12))


def test_light_that_changes_everywhere_does_not_open_it():
    frames = [(scene((200, 100, 60, 50)) + n * 6).astype(np.uint8) for n in range(6)]
    assert walk(Gate(), frames) == [0]


def test_an_object_that_appears_while_the_light_changes_opens_it():
    darker = (scene((300, 150, TILE, 18)) - 12).astype(np.uint8)
    assert walk(Gate(), [scene(), darker]) == [0, 1]


def test_an_object_larger_than_half_the_picture_opens_it():
    assert walk(Gate(), [scene(), scene((60, 0, 500, 40))]) == [0, 1]


def test_a_frame_of_another_size_opens_it():
    gate = Gate()
    walk(gate, [scene()])
    assert gate.opens(0.5, np.full((640, 360, 3), 100, np.uint8))


def test_answers_may_come_later_in_order():
    gate = Gate()
    assert gate.opens(0, mouth(0))
    assert gate.opens(0.5, mouth(1))
    gate.learn(star())
    gate.learn(star())
    assert not gate.opens(1.0, mouth(0))
