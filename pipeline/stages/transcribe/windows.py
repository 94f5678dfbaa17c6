"""Cut a stream of audio into windows of speech no longer than a model takes at once.

A window starts a moment before speech and ends a moment after it, so long silences are never
shown to the model; within a window nothing is taken out, so a time in it is its start plus an
offset. Speech that goes on for longer is cut at the quietest place of the last third.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

Frame = TypeVar("Frame")


@dataclass(frozen=True)
class Rules:
    """How windows are cut; all lengths in frames of one voice-activity decision each.

    Attributes:
        threshold: probability from which on a frame begins speech.
        keep: probability below which a frame of speech ends it (hysteresis).
        longest: most frames in a window.
        pause: frames of silence that close a window.
        margin: frames kept before and after speech.
        least: frames of speech below which a window is a click, not a word.
        smooth: frames over which quiet is averaged when speech has to be cut.
    """

    threshold: float
    keep: float
    longest: int
    pause: int
    margin: int
    least: int
    smooth: int


@dataclass(frozen=True)
class Window(Generic[Frame]):
    """A run of frames, ``first`` being the index of its first one; ``speech`` flags each."""

    first: int
    frames: list[Frame]
    speech: list[bool]


def cut(scored: Iterable[tuple[Frame, float]], rules: Rules) -> Iterator[Window[Frame]]:
    """Yield windows from frames with their speech probabilities, holding at most one window.

    Windows come in order and never overlap.
    """
    frames: list[Frame] = []
    scores: list[float] = []
    speech: list[bool] = []
    first = 0

    def take(end: int, leave: int) -> Iterator[Window[Frame]]:
        """Hand out frames up to ``end`` and forget those before ``leave``."""
        nonlocal first
        if sum(speech[:end]) >= rules.least:
            yield Window(first, frames[:end], speech[:end])
        for column in (frames, scores, speech):
            del column[:leave]
        first += leave

    for frame, score in scored:
        talking = score >= (rules.keep if speech and speech[-1] else rules.threshold)
        frames.append(frame)
        scores.append(score)
        speech.append(talking)
        silence = _trailing_silence(speech)
        if silence == len(speech):  # nothing said yet: keep only the lead-in
            yield from take(0, max(0, silence - rules.margin))
        elif silence >= rules.pause:
            end = len(speech) - silence + rules.margin
            yield from take(end, max(end, len(speech) - rules.margin))
        elif len(speech) == rules.longest:
            end = _quietest(scores, rules)
            yield from take(end, end)
    if any(speech):
        end = min(len(speech), len(speech) - _trailing_silence(speech) + rules.margin)
        yield from take(end, end)


def _trailing_silence(speech: list[bool]) -> int:
    for index, talking in enumerate(reversed(speech)):
        if talking:
            return index
    return len(speech)


def _quietest(scores: list[float], rules: Rules) -> int:
    """Where to cut: the middle of the quietest stretch in the last third, the latest if equal."""
    starts = range(2 * len(scores) // 3, len(scores) - rules.smooth + 1)
    quiet = min(starts, key=lambda i: (sum(scores[i : i + rules.smooth]), -i))
    return quiet + rules.smooth // 2
