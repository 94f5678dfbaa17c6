"""Snippets: the words around a moment, with the places of those that were searched for."""

from collections.abc import Mapping
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from pipeline.core.search.pages import STRETCH, stretch
from pipeline.results.search.match import Moment

_BEFORE, _AFTER, _LONGEST = 6, 12, 48  # words


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class Mark(_View):
    """A part of a snippet to highlight."""

    start: int = Field(description="Index of its first character (code points)")
    end: int = Field(description="Index after its last character")


class Snippet(_View):
    """Words around a moment, as plain text."""

    text: str = Field(description="Plain text: escape it before you make markup of it")
    marks: list[Mark] = Field(description="What was searched for, in order")


class Told(NamedTuple):
    """A snippet, and when the last word of its moment ends, in milliseconds."""

    snippet: Snippet
    end: int


def needed(moment: Moment) -> list[str]:
    """Return the names of the pages that have a moment's words; none where nothing is said."""
    if moment.first < 0:
        return []
    first, _ = _span(moment)
    last = max(last for _, last in moment.hits)
    # A number beyond the last stretch has no page, and needs none.
    numbers = {*range(first // STRETCH, (first + _LONGEST) // STRETCH + 1), last // STRETCH}
    return [f"t{number}" for number in sorted(numbers)]


def tell(moment: Moment, pages: Mapping[str, bytes]) -> Told:
    """Return the snippet of a moment.

    Args:
        moment: in which something is said.
        pages: those that it needs, by name.
    """
    words: dict[int, tuple[str, str, int]] = {}
    for name, page in pages.items():
        one = stretch(page, int(name[1:]))
        rows = zip(one.before, one.texts, one.ends, strict=True)
        words |= dict(enumerate(rows, start=one.first))
    first, last = _span(moment)
    marked = {number for start, end in moment.hits for number in range(start, end + 1)}
    text = "… " if first in words and first > 0 else ""
    marks: list[Mark] = []
    for number in range(first, last + 1):
        if number not in words:
            break
        before, spoken, _ = words[number]
        gap = before if number > first else before.lstrip()[-1:].strip()
        if number > 0 and number > first and not before and not _spaceless(spoken):
            gap = " "  # a new segment
        start = len(text) + len(gap)
        text += gap + spoken
        if number in marked:
            joined = marks and number - 1 in marked
            marks.append(Mark(start=marks.pop().start if joined else start, end=len(text)))
    if last + 1 in words:
        text += " …"
    final = max(end for _, end in moment.hits)
    return Told(Snippet(text=text, marks=marks), words[final][2] if final in words else 0)


def _span(moment: Moment) -> tuple[int, int]:
    """Return the numbers of the first and the last word of a moment's snippet."""
    last = max(last for _, last in moment.hits)
    first = max(0, moment.first - _BEFORE)
    return first, min(last + _AFTER, first + _LONGEST - 1)


def _spaceless(text: str) -> bool:
    return text > "\u0e00"
