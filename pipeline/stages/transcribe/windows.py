"""Windows of speech, cut from a stream of audio, no longer than a model's input.

A window has a short margin before and after speech. The middle of a longer silence is left out, so
that a window holds as much speech as possible. Each frame keeps its place in the audio. Speech that
exceeds a window is cut at the quietest place of the last sixth.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

Frame = TypeVar("Frame")


@dataclass(frozen=True)
class Rules:
    """The rules for cutting windows; all lengths are in frames of voice activity detection.

    Attributes:
        threshold: least probability of a frame that begins speech.
        keep: probability below which a frame of speech ends it (hysteresis).
        longest: most frames in a window.
        margin: frames of silence kept before and after speech.
        least: least frames of speech between two silences; shorter sounds are clicks, not words.
        smooth: frames over which scores are averaged when speech must be cut.
    """

    threshold: float
    keep: float
    longest: int
    margin: int
    least: int
    smooth: int


@dataclass(frozen=True)
class Window(Generic[Frame]):
    """Frames in order, the place of each in the audio, and for each whether it has speech."""

    places: list[int]
    frames: list[Frame]
    speech: list[bool]

    def part(self, start: int, end: int) -> "Window[Frame]":
        """Return the frames from ``start`` to before ``end``, counted from the window's first."""
        return Window(self.places[start:end], self.frames[start:end], self.speech[start:end])


class _Held(NamedTuple, Generic[Frame]):
    place: int
    frame: Frame
    score: float
    talking: bool


def cut(scored: Iterable[tuple[Frame, float]], rules: Rules) -> Iterator[Window[Frame]]:
    """Yield windows from frames with their speech probabilities; holds at most one window.

    Windows are in order and never overlap.
    """
    held: list[_Held[Frame]] = []
    talking = False
    silence = 0  # frames at the end without speech
    begun = spoken = 0  # first frame and number of frames of speech since a long silence
    for place, (frame, score) in enumerate(scored):
        talking = score >= (rules.keep if talking else rules.threshold)
        held.append(_Held(place, frame, score, talking))
        if talking:
            begun = begun if spoken else len(held) - 1
            spoken, silence = spoken + 1, 0
        else:
            silence += 1
            if silence > 2 * rules.margin:
                del held[-rules.margin - 1]
                silence -= 1
            elif silence == 2 * rules.margin:
                if 0 < spoken < rules.least:
                    del held[begun:]
                    silence = _trailing_silence(held)
                spoken = 0
        if len(held) == rules.longest:
            end = _quietest([one.score for one in held], rules)
            yield from _window(held[:end], rules)
            del held[:end]
            begun, silence = max(0, begun - end), min(silence, len(held))
    if 0 < spoken < rules.least:
        del held[begun:]
    yield from _window(held, rules)


def _trailing_silence(held: Sequence[_Held[Frame]]) -> int:
    for count, one in enumerate(reversed(held)):
        if one.talking:
            return count
    return len(held)


def _window(held: Sequence[_Held[Frame]], rules: Rules) -> Iterator[Window[Frame]]:
    """Yield a window of the frames, with a margin before and after speech; none without speech."""
    talking = [at for at, one in enumerate(held) if one.talking]
    if talking:
        chosen = held[max(0, talking[0] - rules.margin) : talking[-1] + 1 + rules.margin]
        yield Window(
            [one.place for one in chosen],
            [one.frame for one in chosen],
            [one.talking for one in chosen],
        )


def _quietest(scores: list[float], rules: Rules) -> int:
    """Return where to cut: the middle of the last sixth's quietest part, the latest if equal."""
    starts = range(5 * len(scores) // 6, len(scores) - rules.smooth + 1)
    quiet = min(starts, key=lambda i: (sum(scores[i : i + rules.smooth]), -i))
    return quiet + rules.smooth // 2
