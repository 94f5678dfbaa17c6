"""Filters of text that a speech model invented.

Two signs are certain enough: words without a voice, and a phrase repeated in a loop faster than
anyone speaks. A phrase that is heard several times stays: its text alone proves nothing.
"""

import zlib
from collections.abc import Iterator, Sequence
from itertools import accumulate

from pipeline.media.webvtt import columns
from pipeline.stages.transcribe.transcript import Segment, Word

LOOP_RATIO = 2.4
"""Compression ratio above which text is suspect: Whisper's own threshold."""

FASTEST = 25.0
"""Columns of text per second of voice above which nobody speaks; usual are 10 to 18."""

_SLACK_S = 0.5  # largest distance of a word's estimated time from voice
_ONSET_S = 0.1  # a voice is detected this long after it begins, and until this long before its end
_PAUSE_S = 0.25  # silence that separates two stretches of voice
_LOOP_LEAST = 4  # repetitions in a row that are examined
_LOOP_WORDS = 12  # longest phrase to search for


def voiced(segments: Sequence[Segment], speech: Sequence[bool], frame_s: float) -> list[Segment]:
    """Remove words, or segments without word times, that have no voice.

    Models often stretch words over the silence beside them; such words are shortened to the voice.

    Args:
        segments: segments with times from the first frame on.
        speech: whether each frame of ``frame_s`` seconds has a voice.
        frame_s: duration of a frame in seconds.
    """
    voices = list(_voices(speech, frame_s))
    kept = []
    for segment in segments:
        if not segment.words:
            if _own(segment.start, segment.end, voices):
                kept.append(segment)
            continue
        words = []
        for word in segment.words:
            if voice := _own(word.start, word.end, voices):
                start = min(word.end, max(word.start, voice[0] - _ONSET_S))
                end = max(start, min(word.end, voice[1] + _ONSET_S))
                words.append(word.model_copy(update={"start": start, "end": end}))
        kept.extend(with_words(segment, words))
    return kept


def _voices(speech: Sequence[bool], frame_s: float) -> Iterator[tuple[float, float]]:
    """Yield start and end of each stretch of voice; a short gap does not end it."""
    start = end = None
    for at, talking in enumerate(speech):
        if not talking:
            continue
        if start is not None and end is not None and (at - end) * frame_s > _PAUSE_S:
            yield start * frame_s, end * frame_s
            start = None
        start, end = at if start is None else start, at + 1
    if start is not None and end is not None:
        yield start * frame_s, end * frame_s


def _own(
    start: float, end: float, voices: Sequence[tuple[float, float]]
) -> tuple[float, float] | None:
    """Return the stretch of voice that most of an interval is in; None if none is near."""
    near = [one for one in voices if one[0] < end + _SLACK_S and one[1] > start - _SLACK_S]
    return max(near, key=lambda one: min(end, one[1]) - max(start, one[0]), default=None)


def without_loops(
    segments: Sequence[Segment], speech: Sequence[bool], frame_s: float
) -> list[Segment]:
    """Remove the rounds of a repeated phrase for which there is no voice.

    Only text with a suspicious compression ratio is examined. The first round stays, and each
    other one that has a voice at its own time, as long as the voice suffices for the text.

    Args:
        segments: segments with times from the first frame on.
        speech: whether each frame of ``frame_s`` seconds has a voice.
        frame_s: duration of a frame in seconds.
    """
    text = " ".join(segment.text for segment in segments).encode()
    if len(text) / len(zlib.compress(text)) <= LOOP_RATIO:
        return list(segments)
    tokens = [(i, word) for i, segment in enumerate(segments) for word in segment.timed_words()]
    words = [word for _, word in tokens]
    keep = [True] * len(words)
    for at, size, rounds in _loops([word.text.strip().casefold() for word in words]):
        loop = [words[at + n * size : at + (n + 1) * size] for n in range(rounds)]
        for n, heard in enumerate(_heard(loop, _Voice(speech, frame_s))):
            keep[at + n * size : at + (n + 1) * size] = [heard] * size
    kept = []
    for i, segment in enumerate(segments):
        left = [word for (j, word), good in zip(tokens, keep, strict=True) if i == j and good]
        kept.extend(with_words(segment, left))
    return kept


class _Voice:
    """The seconds of voice in any interval."""

    def __init__(self, speech: Sequence[bool], frame_s: float) -> None:
        self._sums = [0, *accumulate(map(int, speech))]
        self._frame_s = frame_s

    def between(self, start: float, end: float) -> float:
        """Return the seconds of voice from ``start`` to ``end``."""
        last = len(self._sums) - 1
        first, after = (
            min(last, max(0, round(seconds / self._frame_s))) for seconds in (start, end)
        )
        return (self._sums[after] - self._sums[first]) * self._frame_s


def _heard(loop: Sequence[Sequence[Word]], voice: _Voice) -> Iterator[bool]:
    """Yield for each round of a loop whether there is enough voice for it."""
    needed = 0.0
    begin = loop[0][0].start
    for number, words in enumerate(loop):
        own = sum(columns(word.text) for word in words) / FASTEST
        start, end = words[0].start, words[-1].end
        heard = number == 0 or (
            voice.between(start, end) >= own / 2
            and voice.between(begin - _ONSET_S, end + _ONSET_S) >= needed + own
        )
        needed += own if heard else 0.0
        yield heard


def with_words(segment: Segment, words: Sequence[Word]) -> list[Segment]:
    """Return the segment with only these words; an empty list if there are none."""
    if not words:
        return []
    changes = {
        "text": "".join(word.text for word in words).strip(),
        "start": words[0].start,
        "end": words[-1].end,
        "words": list(words) if segment.words else [],
    }
    return [segment.model_copy(update=changes)]


def _loops(texts: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Yield the first word, the words in a round, and the number of rounds of each loop."""
    at = 0
    while at < len(texts):
        for size in range(1, _LOOP_WORDS + 1):
            rounds = 1
            while texts[at : at + size] == texts[at + rounds * size : at + (rounds + 1) * size]:
                rounds += 1
            if rounds >= _LOOP_LEAST:
                yield at, size, rounds
                at += rounds * size - 1
                break
        at += 1
