"""The documents of the index: what is indexed of a transcript and of tracks."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate

from pipeline.core import languages
from pipeline.core.search.pages import Interval, Packed, Spoken, pack_labels
from pipeline.core.search.stems import stem
from pipeline.core.search.tokens import terms, tokens
from pipeline.stages.detect.detections import Track
from pipeline.stages.transcribe.transcript import Segment, Transcript

CONFIDENCE = 10_000
"""The highest confidence of an interval."""
_MOST_INTERVALS = 20_000  # of a label, so that its page is smaller than an item may be
_MS = 1000


def spoken(transcript: Transcript) -> list[Spoken]:
    """Return the tokens of a transcript in order, with the times at which they are said."""
    known = languages.code(transcript.language) or ""
    return [one for segment in transcript.segments for one in _segment(segment, known)]


def of_tracks(tracks: Iterable[Track]) -> Packed:
    """Pack the intervals in which labels are in view."""
    seen: dict[str, list[Interval]] = defaultdict(list)
    for track in tracks:
        seen[track.label.lower()].append(
            Interval(_ms(track.start), _ms(track.end), round(track.best.confidence * CONFIDENCE))
        )
    return pack_labels({label: _pruned(intervals) for label, intervals in seen.items()})


def _segment(segment: Segment, known: str) -> list[Spoken]:
    words = segment.timed_words()
    language = languages.code(segment.language) or known
    offsets = list(accumulate((len(word.text) for word in words), initial=0))[:-1]
    times = [(_ms(word.start), _ms(word.end)) for word in words]
    return _tokens("".join(word.text for word in words), language, offsets, times)


def _tokens(
    text: str, language: str, offsets: Sequence[int], times: Sequence[tuple[int, int]]
) -> list[Spoken]:
    """Return the tokens of a text whose words begin at these offsets and have these times."""
    found = list(tokens(text))
    made = []
    last = 0
    for one, term in zip(found, terms(found), strict=True):
        start, end = times[bisect_right(offsets, one.start) - 1]
        made.append(
            Spoken(
                text=text[one.start : one.end],
                before=text[last : one.start],
                term=term,
                stem=term if one.spaceless else stem(term, language),
                language=language,
                start=start,
                end=end,
            )
        )
        last = one.end
    return made


def _pruned(intervals: list[Interval]) -> list[Interval]:
    """Leave out intervals within others of at least their confidence: no answer depends on them.

    Above a limit, the closest are joined.
    """
    kept: list[Interval] = []
    open_: list[Interval] = []
    for one in sorted(intervals, key=lambda one: (one.start, -one.end, -one.confidence)):
        open_ = [other for other in open_ if other.end >= one.start]
        if not any(o.end >= one.end and o.confidence >= one.confidence for o in open_):
            kept.append(one)
            open_.append(one)
    gap = _MS
    while len(kept) > _MOST_INTERVALS:
        kept, gap = _joined(kept, gap), gap * 2
    return kept


def _joined(intervals: list[Interval], gap: int) -> list[Interval]:
    made: list[Interval] = []
    for one in intervals:
        if made and one.start - made[-1].end <= gap:
            last = made[-1]
            made[-1] = Interval(
                last.start, max(last.end, one.end), max(last.confidence, one.confidence)
            )
        else:
            made.append(one)
    return made


def _ms(seconds: float) -> int:
    return round(seconds * _MS)
