"""Captions from words with times: the division into cues, their layout and their file formats.

The limits are common to broadcasters: two lines of about 42 characters, 1 to 7 seconds, and a
readable pace. Dynamic programming over the words between two pauses finds the cheapest division.
A cut after a sentence is free, a cut after a clause costs little, and a cut inside a clause costs
most.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from pipeline.media import webvtt
from pipeline.media.webvtt import columns
from pipeline.stages.transcribe.transcript import Word

_SENTENCE_END = re.compile(r"[.!?…。！？]['\"”’»)\]]*$")  # noqa: RUF001 - full-width marks are meant
_CLAUSE_END = re.compile(r"[,;:、，；：–—][\"'”’»)\]]*$")  # noqa: RUF001 - full-width marks are meant

# Costs of cutting, in units of "one break after a comma".
_PER_CUE = 0.5
_AFTER_CLAUSE = 1.0
_AFTER_WORD = 4.0
_SENTENCE_END_INSIDE = 2.0
_PER_SECOND_TOO_SHORT = 40.0
_PER_SECOND_TOO_LONG = 8.0
_EMPTY_ROOM = 1.0


@dataclass(frozen=True)
class Limits:
    """The limits of a cue.

    Attributes:
        width: columns per line; a full-width (CJK) character takes two.
        lines: lines per cue, 1 or 2.
        min_s: shortest time on screen, where the neighbouring cues leave time for it.
        max_s: longest time on screen.
        pace: columns per second of a comfortable reading speed; cues stay longer for it if
            possible.
        pause_s: a silence that no cue spans.
    """

    width: int = 42
    lines: int = 2
    min_s: float = 1.0
    max_s: float = 7.0
    pace: float = 17.0
    pause_s: float = 1.5


@dataclass(frozen=True)
class Cue:
    """One caption: times in seconds (rounded to milliseconds), and its lines of text."""

    start: float
    end: float
    lines: tuple[str, ...]


def cues(words: Iterable[Word], limits: Limits, duration: float) -> list[Cue]:
    """Lay ``words`` out as captions of a video of ``duration`` seconds.

    Every word appears once and in order; cues do not overlap and no line exceeds the width. A cue
    is shorter than ``min_s`` only where other cues or the end of the video leave no time.
    """
    blocks = list(_blocks(list(_showable(words, limits, duration)), limits))
    ends = [*(block[0].start for block in blocks), duration][1:]
    groups = [
        group
        for block, end in zip(blocks, ends, strict=True)
        for group in _group(block, limits, end)
    ]
    return _timed(groups, limits, duration)


def to_vtt(captions: Iterable[Cue]) -> str:
    """Return the captions as WebVTT (https://www.w3.org/TR/webvtt1/)."""
    blocks = ["WEBVTT\n"]
    for cue in captions:
        text = "\n".join(webvtt.escaped(line) for line in cue.lines)
        blocks.append(webvtt.cue(cue.start, cue.end, text))
    return "\n".join(blocks)


def to_srt(captions: Iterable[Cue]) -> str:
    """Return the captions as SubRip.

    It has no escapes, so look-alikes replace the characters that players read as markup.
    """
    lookalikes = str.maketrans({"<": "‹", ">": "›", "{": "(", "}": ")"})  # noqa: RUF001 - on purpose
    blocks = []
    for number, cue in enumerate(captions, start=1):
        text = "\n".join(line.translate(lookalikes) for line in cue.lines)
        start, end = (webvtt.clock(seconds, ",") for seconds in (cue.start, cue.end))
        blocks.append(f"{number}\n{start} --> {end}\n{text}\n")
    return "\n".join(blocks)


def _showable(words: Iterable[Word], limits: Limits, duration: float) -> Iterator[Word]:
    """Yield words that can be shown: printable, in the video, in order, none wider than a line."""
    clock = 0.0
    for word in words:
        lead = " " if word.text[:1].isspace() else ""
        text = webvtt.shown(word.text)
        start = min(max(clock, word.start), duration)
        end = min(max(start, word.end), duration)
        clock = start
        pieces = list(_pieces(text, limits.width))
        for index, piece in enumerate(pieces):
            yield Word(
                text=(lead if index == 0 else "") + piece,
                start=start + (end - start) * index / len(pieces),
                end=start + (end - start) * (index + 1) / len(pieces),
                probability=word.probability,
            )


def _pieces(text: str, width: int) -> Iterator[str]:
    """Cut a word wider than a line, such as a long address, into pieces of at most a line."""
    piece = ""
    for c in text:
        if columns(piece + c) > width:
            yield piece
            piece = ""
        piece += c
    if piece:
        yield piece


def _blocks(words: list[Word], limits: Limits) -> Iterator[list[Word]]:
    """Split words at pauses."""
    block: list[Word] = []
    for word in words:
        if block and word.start - block[-1].end > limits.pause_s:
            yield block
            block = []
        block.append(word)
    if block:
        yield block


def _group(words: list[Word], limits: Limits, until: float) -> list[list[Word]]:
    """Divide one block, which may stay on screen ``until`` then, into the cheapest cues."""
    block = _Block(words, limits)
    count = len(words)
    best = [0.0] + [float("inf")] * count
    cut = [0] * (count + 1)
    for end in range(1, count + 1):
        following = words[end].start if end < count else until
        after = _break_cost(words[end - 1].text) if end < count else 0.0
        for start in range(end - 1, -1, -1):
            if not block.fits(start, end):
                break  # earlier starts make it only wider
            cost = best[start] + block.cost(start, end, following) + after
            if cost < best[end]:
                best[end], cut[end] = cost, start
    groups = []
    end = count
    while end:
        groups.append(words[cut[end] : end])
        end = cut[end]
    return groups[::-1]


class _Block:
    """The words between two pauses, with the width and cost of any part in constant time."""

    def __init__(self, words: list[Word], limits: Limits) -> None:
        self._words, self._limits = words, limits
        self._edges = [0, *accumulate(columns(word.text) for word in words)]
        self._leads = [word.text.startswith(" ") for word in words]
        ends = (bool(_SENTENCE_END.search(word.text)) for word in words)
        self._sentences = [0, *accumulate(ends)]

    def _width(self, start: int, end: int) -> int:
        return self._edges[end] - self._edges[start] - self._leads[start]

    def fits(self, start: int, end: int) -> bool:
        """Return whether words ``start`` to ``end`` fit on the lines of one cue."""
        width = self._limits.width
        if self._width(start, end) <= width:
            return True
        if self._limits.lines == 1:
            return False
        room = self._edges[start] + self._leads[start] + width
        full = bisect_right(self._edges, room) - 1  # as many words as fit on the first line
        return self._width(full, end) <= width

    def cost(self, start: int, end: int, following: float) -> float:
        """Return the cost of one cue of these words when the next one starts at ``following``."""
        limits, begin = self._limits, self._words[start].start
        inside = self._sentences[end - 1] - self._sentences[start]
        cost = _PER_CUE + _SENTENCE_END_INSIDE * inside
        cost += _PER_SECOND_TOO_SHORT * max(0.0, limits.min_s - (following - begin))
        length = self._words[end - 1].end - begin
        cost += _PER_SECOND_TOO_LONG * max(0.0, length - limits.max_s)
        full = self._width(start, end) / (limits.width * limits.lines)
        return cost + _EMPTY_ROOM * (1 - full) ** 2


def _break_cost(last: str) -> float:
    """Return the cost of ending a cue after the word ``last`` when others follow at once."""
    if _SENTENCE_END.search(last):
        return 0.0
    return _AFTER_CLAUSE if _CLAUSE_END.search(last) else _AFTER_WORD


def _text(words: Sequence[Word]) -> str:
    return "".join(word.text for word in words).strip()


def _layout(words: list[Word], limits: Limits) -> tuple[str, ...]:
    """Return a cue's lines: one if it fits, else the two most equal, preferably at punctuation."""
    text = _text(words)
    if columns(text) <= limits.width:
        return (text,)
    options = []
    for index in range(1, len(words)):
        upper, lower = _text(words[:index]), _text(words[index:])
        wide = max(columns(upper), columns(lower))
        if wide <= limits.width:
            at_mark = _SENTENCE_END.search(upper) or _CLAUSE_END.search(upper)
            options.append((wide - (limits.width // 4 if at_mark else 0), (upper, lower)))
    return min(options)[1]


def _timed(groups: list[list[Word]], limits: Limits, duration: float) -> list[Cue]:
    """Give each cue its time on screen: longer than its words where reading needs it."""
    starts: list[float] = []
    free = 0.0
    for group, following in pairwise([*groups, []]):
        limit = following[0].start if following else duration
        start = group[0].start
        if limit - start < limits.min_s:  # no time after it: show it slightly early
            start = max(free, limit - limits.min_s)
        starts.append(start)
        free = min(limit, max(group[-1].end, start + limits.min_s))
    timed = []
    for group, start, limit in zip(groups, starts, [*starts, duration][1:], strict=True):
        wanted = max(limits.min_s, columns(_text(group)) / limits.pace, group[-1].end - start)
        end = min(limit, start + min(limits.max_s, wanted))
        if round(start, 3) < round(end, 3) and columns("".join(_text(group).split())):
            timed.append(Cue(round(start, 3), round(end, 3), _layout(group, limits)))
    return timed
