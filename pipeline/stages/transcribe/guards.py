"""Filters of text that a speech model invented.

Two signs are certain enough: words without a voice, and a phrase repeated in a loop.
"""

import zlib
from collections.abc import Iterator, Sequence

from pipeline.stages.transcribe.transcript import Segment, Word

LOOP_RATIO = 2.4
"""Compression ratio above which text is suspect: Whisper's own threshold."""

_SLACK_S = 0.5  # largest distance of a word's estimated time from voice
_ONSET_S = 0.1  # a voice is detected this long after it begins, and until this long before its end
_PAUSE_S = 0.25  # silence that separates two stretches of voice
_LOOP_LEAST = 4  # repetitions in a row; real speech repeats up to three times
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
        kept.extend(_with(segment, words))
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


def without_loops(segments: Sequence[Segment]) -> list[Segment]:
    """Reduce every phrase repeated in a loop to one occurrence.

    Only text with a suspicious compression ratio is changed: a refrain or a count stays.
    """
    text = " ".join(segment.text for segment in segments).encode()
    if len(text) / len(zlib.compress(text)) <= LOOP_RATIO:
        return list(segments)
    tokens = [(i, word) for i, segment in enumerate(segments) for word in segment.timed_words()]
    keep = _outside_loops([word.text.strip().casefold() for _, word in tokens])
    kept = []
    for i, segment in enumerate(segments):
        words = [word for (j, word), good in zip(tokens, keep, strict=True) if i == j and good]
        kept.extend(_with(segment, words))
    return kept


def _with(segment: Segment, words: list[Word]) -> list[Segment]:
    """Return the segment with only these words; an empty list if there are none."""
    if not words:
        return []
    changes = {
        "text": "".join(word.text for word in words).strip(),
        "start": words[0].start,
        "end": words[-1].end,
        "words": words if segment.words else [],
    }
    return [segment.model_copy(update=changes)]


def _outside_loops(texts: list[str]) -> list[bool]:
    """Return which words to keep: all but the second and later repetitions of a loop."""
    keep = [True] * len(texts)
    at = 0
    while at < len(texts):
        for size in range(1, _LOOP_WORDS + 1):
            rounds = 1
            while texts[at : at + size] == texts[at + rounds * size : at + (rounds + 1) * size]:
                rounds += 1
            if rounds >= _LOOP_LEAST:
                end = at + rounds * size
                keep[at + size : end] = [False] * (end - at - size)
                at = end - 1
                break
        at += 1
    return keep
