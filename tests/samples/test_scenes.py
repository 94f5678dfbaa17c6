# ruff: noqa: S311 - the same numbers each time are the point
"""A shot is reproducible, and its narration is true."""

import itertools
import random

import numpy as np
import pytest

from samples import grammar
from samples.motion import glide
from samples.scenes import SPEECH_RATE, Shot, ShotSpec, Size, shot

SIZE = Size(320, 180)
SPEC = ShotSpec(SIZE, 10, actors=(4, 5), voice="en-us")


def made(seed: int, spec: ShotSpec = SPEC) -> Shot:
    return shot(spec, random.Random(seed))


@pytest.fixture(scope="module")
def shots() -> list[Shot]:
    return [made(seed) for seed in range(4)]


def test_the_same_seed_gives_the_same_shot(shots):
    again = made(0)
    texts = [line.utterance.text for line in again.lines]
    assert texts == [line.utterance.text for line in shots[0].lines]
    # espeak-ng's voices vary by design: two takes of a sentence differ by some milliseconds.
    assert [line.start for line in again.lines] == pytest.approx(
        [line.start for line in shots[0].lines], abs=0.05
    )
    assert again.seen(0) == shots[0].seen(0)
    assert (again.frame(0) == shots[0].frame(0)).all()
    assert shots[1].seen(0) != shots[0].seen(0)


def test_a_shot_without_speech_is_the_same_to_the_last_frame():
    silent = ShotSpec(SIZE, 5, actors=(4, 5))
    one, again = made(3, silent), made(3, silent)
    assert [one.seen(n) for n in range(one.count)] == [again.seen(n) for n in range(one.count)]
    assert (one.frame(one.count - 1) == again.frame(one.count - 1)).all()


def test_narration_is_held_out_and_fits(shots):
    for one in shots:
        assert one.lines
        assert all(grammar.is_held_out(line.utterance.text) for line in one.lines)
        assert one.lines[-1].end < one.seconds
        for line, following in itertools.pairwise(one.lines):
            assert line.end < following.start
        assert len(one.sound()) == round(one.seconds * SPEECH_RATE)


def test_the_narration_is_audible_at_its_word_times(shots):
    sound = np.abs(shots[0].sound())
    spoken = np.zeros(len(sound), bool)
    for word in (word for line in shots[0].lines for word in line.words):
        spoken[int(word.start * SPEECH_RATE) : int(word.end * SPEECH_RATE) + 2] = True
    assert sound[~spoken].max() == 0
    assert sound[spoken].mean() > 0.01


def test_the_narration_names_only_visible_shapes(shots):
    for one in shots:
        for line in one.lines:
            words = line.utterance.text.split()
            there = {
                (seen.colour, seen.shape)
                for frame in (round(line.start * one.fps), round(line.end * one.fps))
                for seen in one.seen(min(frame, one.count - 1))
            }
            kind = next(pair for pair in itertools.pairwise(words) if pair[1] in grammar.SHAPES)
            assert kind in there, line.utterance.text


def test_directions_are_true(shots):
    signs = {"left": (0, -1), "right": (0, 1), "up": (1, -1), "down": (1, 1)}
    told = 0
    for one in shots:
        for line in one.lines:
            words = line.utterance.text.removesuffix(" again").split()
            words = [word for word in words if word not in {"slowly", "quickly"}]
            if words[-1] not in signs or "on" in words:
                continue
            colour = next(word for word in words if word in grammar.COLOURS)
            actor = next(actor for actor in one.actors if actor.colour == colour)
            frame = round(line.start * one.fps)
            axis, sign = signs[words[-1]]
            assert sign * actor.path.heading(frame, frame + 2 * one.fps)[axis] > 0
            told += 1
    assert told, "no shot names a direction: the test tests nothing"


def test_new_shapes_are_not_visible_before_they_appear(shots):
    comers = [(one, actor) for one in shots for actor in one.actors if actor.appears > 0]
    assert comers
    for one, actor in comers:
        before = int(actor.appears * one.fps)
        assert actor.figure(before, one.fps) is None
        assert actor.figure(min(one.count - 1, before + one.fps), one.fps) is not None


def test_boxes_lie_on_their_shapes():
    one = made(9, ShotSpec(SIZE, 2, actors=(3, 3)))
    empty = Shot(one.size, one.fps, one.count, one.backdrop, (), ())
    for number in (0, 15, 29):
        changed = (one.frame(number) != empty.frame(number)).any(2)
        for seen in one.seen(number):
            left, top, right, bottom = (round(edge) for edge in seen.box.edges)
            assert changed[top:bottom, left:right].mean() > 0.3


def test_discs_stay_inside_and_apart():
    paths = glide([20, 30, 25], (300, 200), 200, 15, random.Random(1))
    for path in paths:
        low, high = path.places.min(0), path.places.max(0)
        assert (low > path.radius - 6).all()
        assert (high < np.array([300, 200]) - path.radius + 6).all()
    for first, second in itertools.combinations(paths, 2):
        gap = np.hypot(*(first.places - second.places).T) - first.radius - second.radius
        assert gap.min() > -8
