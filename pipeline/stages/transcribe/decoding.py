"""Decoded tokens: the quality of their text, and its division into segments."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from pipeline.media.webvtt import columns
from pipeline.stages.transcribe.guards import FASTEST, LOOP_RATIO
from pipeline.stages.transcribe.tokens import Tokens

LEAST_LOGPROB = -1.0
"""Mean log-probability below which text is decoded again: openai-whisper's threshold."""

_SLOWEST = 6.0  # columns of text per second of a window below which most speech is left out
_SILENCE = 0.6  # probability of no speech above which improbable text is left out


class Draft(NamedTuple):
    """The tokens of a segment, with times in seconds from the window's start."""

    start: float
    end: float
    tokens: list[int]


@dataclass(frozen=True)
class Decoded:
    """The decoded tokens of a window.

    Attributes:
        tokens: of text, and timestamps.
        text: of the tokens.
        parts: the text of each segment.
        logprob: mean log-probability of a token.
        silence: probability that the window has no speech, 0 to 1.
        seconds: duration of the window.
        ended: the model ended the text; False if it reached the longest length.
    """

    tokens: list[int]
    text: str
    parts: Sequence[str]
    logprob: float
    silence: float
    seconds: float
    ended: bool

    @property
    def is_silent(self) -> bool:
        """Return True if the text is most likely invented."""
        return self.silence > _SILENCE and self.logprob < LEAST_LOGPROB

    @cached_property
    def loops(self) -> bool:
        """Return True if the text repeats itself as an invented one does.

        A sentence that is really spoken again has a segment of its own each time, and the whole
        has the pace of speech.
        """
        if not _repeats(self.text):
            return False
        pace = columns(self.text) / self.seconds
        spoken = self.ended and _SLOWEST <= pace <= FASTEST
        return not spoken or any(_repeats(part) for part in self.parts)

    @property
    def is_good(self) -> bool:
        """Return True if the text needs no second attempt."""
        return self.is_silent or (self.logprob >= LEAST_LOGPROB and not self.loops)

    def better(self, other: "Decoded") -> "Decoded":
        """Return the one of two attempts that does not repeat itself, else the more probable."""
        return max(self, other, key=lambda one: (not one.loops, one.logprob))


def _repeats(text: str) -> bool:
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw)) > LOOP_RATIO


def divide(found: Sequence[int], tokens: Tokens, seconds: float) -> tuple[list[Draft], float]:
    """Divide decoded tokens into segments at their timestamps.

    Args:
        found: decoded tokens of a window.
        tokens: the vocabulary.
        seconds: duration of the window.

    Returns:
        the segments, and the second up to which the model transcribed the window.
    """
    drafts: list[Draft] = []
    text: list[int] = []
    start = 0.0
    for token in found:
        if tokens.is_text(token):
            text.append(token)
        elif (time := tokens.seconds(token)) is not None:
            time = min(time, seconds)
            if text:
                drafts.append(Draft(start, time, text))
                text = []
            start = time
    if text:  # the last segment has no end: it lasts to the end of the window
        drafts.append(Draft(start, seconds, text))
    return drafts, drafts[-1].end if drafts else 0.0
