"""Filters of text that a speech model invented.

Two signs are certain enough: words without a voice, and a phrase repeated in a loop.
"""

import zlib
from collections.abc import Sequence

from pipeline.stages.transcribe.transcript import Segment, Word

LOOP_RATIO = 2.4
"""Compression ratio above which text is suspect: Whisper's own threshold."""

_SLACK_S = 0.5  # largest distance of a word's estimated time from voice
_ONSET_S = 0.1  # a voice is detected this long after it begins
_LOOP_LEAST = 4  # repetitions in a row; real speech repeats up to three times
_LOOP_WORDS = 12  # longest phrase to search for


def voiced(segments: Sequence[Segment], speech: Sequence[bool], frame_s: float) -> list[Segment]:
    """Remove words, or segments without word times, that have no voice.

    Models often stretch words over the silence before them; such words are shortened to the voice.

    Args:
        segments: segments with times from the first frame on.
        speech: whether each frame of ``frame_s`` seconds has a voice.
        frame_s: duration of a frame in seconds.
    """
    kept = []
    for segment in segments:
        if not segment.words:
            if _onset(segment.start, segment.end, speech, frame_s) is not None:
                kept.append(segment)
            continue
        words = []
        for word in segment.words:
            onset = _onset(word.start, word.end, speech, frame_s)
            if onset is not None:
                start = min(word.end, max(word.start, onset - _ONSET_S))
                words.append(word.model_copy(update={"start": start}))
        kept.extend(_with(segment, words))
    return kept


def _onset(start: float, end: float, speech: Sequence[bool], frame_s: float) -> float | None:
    """Return the start of the first voice in or near an interval, None if there is none."""
    first = max(0, int((start - _SLACK_S) / frame_s))
    last = int((end + _SLACK_S) / frame_s) + 1
    frames = (i for i, talking in enumerate(speech[first:last], start=first) if talking)
    found = next(frames, None)
    return None if found is None else found * frame_s


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
