"""The moments at which a sound is cut into sections: the longest pause near each boundary.

The plan finds each of them once, for the sections before and after it. Two hosts may decode or
score the same sound differently; a cut that each found for itself could lose words, or give them
twice.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from pipeline.stages.transcribe import vad
from pipeline.stages.transcribe.windows import Rules

if TYPE_CHECKING:
    from pipeline.stages.transcribe.engine import Samples

NEAR_S = 10.0
"""Largest distance of a cut from its boundary."""

_FRAMES = round(2 * NEAR_S / vad.FRAME_S) - 1  # the first one begins up to a frame late
_BEFORE = 31  # frames, a second, after which the scores do not depend on the start
_DIP = 3  # frames on either side whose energy counts; about the length of a gap between words


def boundaries(duration_s: float, section_s: float) -> list[float]:
    """Return the ends of all sections but the last, in seconds.

    A last section shorter than half of the others is joined with the one before.
    """
    count = math.floor(duration_s / section_s + 0.5)
    return [number * section_s for number in range(1, count)]


def near(
    boundary_s: float,
    sound: Callable[[float, float], Iterable["Samples"]],
    rules: Rules,
) -> float:
    """Return the moment at which to cut near a boundary, in seconds.

    It lies between two frames of voice activity, counted from the start of the sound: a section has
    the same frames as the whole sound.

    Args:
        boundary_s: of two sections, seconds.
        sound: decodes the sound from one second to another; 16 kHz, in chunks.
        rules: by which a frame has a voice.
    """
    first = math.ceil((boundary_s - NEAR_S) / vad.FRAME_S)
    start, end = (frame * vad.FRAME / vad.RATE for frame in (first - _BEFORE, first + _FRAMES))
    scored = islice(vad.scored(vad.blocks(sound(start, end))), _BEFORE, None)
    levels = [(score, float((frame * frame).mean())) for frame, score in scored]
    # A sound that ends earlier is silent from there on.
    levels += [(0.0, 0.0)] * (_FRAMES - len(levels))
    return (first + quietest(levels, rules)) * vad.FRAME / vad.RATE


def quietest(levels: Sequence[tuple[float, float]], rules: Rules) -> int:
    """Return the frame before which to cut: the middle of the longest pause.

    Where the voice never pauses, it is the middle of the frames with the least energy. Among equal
    ones, the nearest to the middle is taken.

    Args:
        levels: the probability of speech, 0 to 1, and the energy of each frame.
        rules: by which a frame has a voice.
    """
    middle = len(levels) / 2
    pauses = list(_pauses([score for score, _ in levels], rules))
    if pauses:
        start, end = max(pauses, key=lambda one: (one[1] - one[0], -abs(sum(one) / 2 - middle)))
        return (start + end) // 2
    energy = [level for _, level in levels]
    places = range(_DIP, len(energy) - _DIP + 1)
    return min(places, key=lambda at: (sum(energy[at - _DIP : at + _DIP]), abs(at - middle)))


def _pauses(scores: Sequence[float], rules: Rules) -> Iterator[tuple[int, int]]:
    """Yield the first frame of each pause, and the frame after its last."""
    talking = False
    start = 0
    for at, score in enumerate(scores):
        was, talking = talking, score >= (rules.keep if talking else rules.threshold)
        if talking and not was and start < at:
            yield start, at
        if not talking and was:
            start = at
    if not talking and start < len(scores):
        yield start, len(scores)
