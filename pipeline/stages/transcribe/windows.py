"""Windows of speech, cut from a stream of audio, no longer than a model's input.

A window has a short margin before and after speech, so the model gets no long silences. Nothing
inside a window is removed, so a time in it is its start plus an offset. Longer speech is cut at
the quietest place of the last third.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

Frame = TypeVar("Frame")


@dataclass(frozen=True)
class Rules:
    """The rules for cutting windows; all lengths are in frames of voice activity detection.

    Attributes:
        threshold: least probability of a frame that begins speech.
        keep: probability below which a frame of speech ends it (hysteresis).
        longest: most frames in a window.
        pause: frames of silence that close a window.
        margin: frames kept before and after speech.
        least: least frames of speech in a window; shorter sounds are clicks, not words.
        smooth: frames over which scores are averaged when speech must be cut.
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
    """Consecutive frames, the index of the first one, and for each whether it has speech."""

    first: int
    frames: list[Frame]
    speech: list[bool]

    def part(self, start: int, end: int) -> "Window[Frame]":
        """Return the frames from ``start`` to before ``end``, counted from the window's first."""
        return Window(self.first + start, self.frames[start:end], self.speech[start:end])


def cut(scored: Iterable[tuple[Frame, float]], rules: Rules) -> Iterator[Window[Frame]]:
    """Yield windows from frames with their speech probabilities; holds at most one window.

    Windows are in order and never overlap.
    """
    frames: list[Frame] = []
    scores: list[float] = []
    speech: list[bool] = []
    first = 0

    def take(end: int, leave: int) -> Iterator[Window[Frame]]:
        """Yield frames up to ``end`` as a window and remove those before ``leave``."""
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
        if silence == len(speech):  # no speech yet: keep only the margin
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
    """Return where to cut: the middle of the last third's quietest part, the latest if equal."""
    starts = range(2 * len(scores) // 3, len(scores) - rules.smooth + 1)
    quiet = min(starts, key=lambda i: (sum(scores[i : i + rules.smooth]), -i))
    return quiet + rules.smooth // 2
