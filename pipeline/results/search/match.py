"""The moments of one video: when everything that is wanted happens close together.

Times are milliseconds. A word is said when it begins.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import NamedTuple

from pipeline.core.search import pages
from pipeline.core.search.labels import LANGUAGE, label_words
from pipeline.core.search.pages import Interval, Place
from pipeline.results.search.query import Phrase, Word

_MOST_FREE = 4  # phrases that are tried as said and as in view

Page = Callable[[str], bytes | None]
"""A function that returns the page of a video that has a term, if there is one."""


class Hit(NamedTuple):
    """A phrase that was said: when, and the numbers of its first and last word."""

    start: int
    first: int
    last: int


class Moment(NamedTuple):
    """A moment.

    Attributes:
        start: of the first word; without words, of the label in view; 0 for a name.
        last: when the last word begins, or when the label was seen last.
        first: number of the first word; -1 without words.
        hits: the words' numbers, for highlighting.
    """

    start: int
    last: int
    first: int
    hits: tuple[tuple[int, int], ...]

    @property
    def spread(self) -> int:
        """Return the milliseconds between its first and its last word."""
        return self.last - self.start if self.first >= 0 else 0


class Wanted(NamedTuple):
    """A phrase in a video.

    Attributes:
        said: where it is said.
        viewed: when a label with its words is in view, apart and in order.
        named: True if the video's name has it.
    """

    said: list[Hit]
    viewed: list[Interval]
    named: bool


def hits(phrase: Phrase, page: Page) -> list[Hit]:
    """Return where a phrase is said, in order.

    Args:
        phrase: the phrase.
        page: returns the page of words of a term.
    """
    first, *others = (_places(word, page) for word in phrase.words)
    if not others:
        return [Hit(start, number, number) for start, number in first]
    after = [{place.number for place in places} for places in others]
    return [
        Hit(place.start, place.number, place.number + len(others))
        for place in first
        if all(place.number + step in known for step, known in enumerate(after, start=1))
    ]


def in_view(terms: Iterable[str], page: Page, *, confidence: int) -> list[Interval]:
    """Return the intervals in which a label is in view, joined where they overlap.

    Args:
        terms: of the label, or of several of which one is to be in view.
        page: returns the page of labels of a term.
        confidence: of the intervals, at least.
    """
    known = [one for term in terms if (found := page(term)) for one in pages.intervals(found, term)]
    made: list[Interval] = []
    for one in sorted(known):
        if one.confidence < confidence:
            continue
        if made and one.start <= made[-1].end:
            last = made[-1]
            made[-1] = Interval(
                last.start, max(last.end, one.end), max(last.confidence, one.confidence)
            )
        else:
            made.append(one)
    return made


def has_label(phrase: Phrase, label: str) -> bool:
    """Return whether a label has a phrase among its words."""
    return _follows(phrase, [(*word, LANGUAGE) for word in label_words(label)])


def has_name(phrase: Phrase, words: Sequence[str]) -> bool:
    """Return whether a name has a phrase; its words have no stems."""
    return _follows(phrase, [(word, word, "") for word in words])


def _follows(phrase: Phrase, words: Sequence[tuple[str, str, str]]) -> bool:
    length = len(phrase.words)
    return any(
        all(
            word.matches(*one)
            for word, one in zip(phrase.words, words[start : start + length], strict=True)
        )
        for start in range(len(words) - length + 1)
    )


def moments(
    wanted: Sequence[Wanted], seen: Sequence[list[Interval]], *, within: int
) -> list[Moment]:
    """Return the moments of a video in order.

    Each phrase is said there, or a label with it is in view; if that is never so, those that the
    name does not have. A moment is the shortest: none lies within another one.

    Args:
        wanted: the phrases.
        seen: when each label is in view.
        within: milliseconds within which all of it happens.
    """
    if found := _together(wanted, seen, within):
        return found
    rest = [one for one in wanted if not one.named]
    if len(rest) == len(wanted) and wanted:
        return []
    if rest:
        return _together(rest, seen, within)
    return _views(seen, within) if seen else [Moment(0, 0, -1, ())]


def _together(
    wanted: Sequence[Wanted], seen: Sequence[list[Interval]], within: int
) -> list[Moment]:
    """Return the moments in which each phrase is said or in view, one for each start."""
    if not wanted:
        return []
    free = [n for n, one in enumerate(wanted) if one.said and one.viewed][:_MOST_FREE]
    silent = {n for n, one in enumerate(wanted) if one.viewed and not one.said}
    made: dict[int, Moment] = {}
    for choice in product((True, False), repeat=len(free)):
        viewed = silent | {n for n, is_said in zip(free, choice, strict=True) if not is_said}
        said = [one.said for n, one in enumerate(wanted) if n not in viewed]
        views = [*seen, *(wanted[n].viewed for n in sorted(viewed))]
        for moment in _windows(said, views, within) if said else _views(views, within):
            made.setdefault(moment.start, moment)
    return sorted(made.values())


def _views(seen: Sequence[list[Interval]], within: int) -> list[Moment]:
    """Return the intervals of the first label that have all others near them."""
    lead, *others = seen
    return [
        Moment(one.start, one.end, -1, ())
        for one in lead
        if all(_near(one.start, one.end, other, within) for other in others)
    ]


def _windows(
    said: Sequence[list[Hit]], seen: Sequence[list[Interval]], within: int
) -> list[Moment]:
    """Return the shortest spans that have a hit of each phrase, with the labels in view."""
    if not said or not all(said):
        return []
    if len(said) == 1:
        made = [
            Moment(one.start, one.start, one.first, ((one.first, one.last),)) for one in said[0]
        ]
        return _in_view(made, seen, within)
    events = sorted((hit, which) for which, places in enumerate(said) for hit in places)
    latest: list[Hit | None] = [None] * len(said)
    found: list[Moment] = []
    for index, (hit, which) in enumerate(events):
        latest[which] = hit
        following = events[index + 1][0] if index + 1 < len(events) else None
        if following and following[:2] == hit[:2]:
            continue  # the same word belongs to two phrases
        known = [one for one in latest if one]
        if len(known) < len(said):
            continue
        first = min(known)
        if hit.start - first.start > within or (found and found[-1].first >= first.first):
            continue
        spans = tuple(sorted({(one.first, one.last) for one in known}))
        found.append(Moment(first.start, hit.start, first.first, spans))
    return _in_view(found, seen, within)


def _in_view(found: list[Moment], seen: Sequence[list[Interval]], within: int) -> list[Moment]:
    """Return the moments with all labels in view near them."""
    return [
        one for one in found if all(_near(one.start, one.last, label, within) for label in seen)
    ]


def _near(start: int, end: int, intervals: list[Interval], within: int) -> bool:
    """Return whether one of these intervals, which are apart and in order, is near a span."""
    begun = bisect_right(intervals, end + within, key=lambda one: one.start)
    return begun > 0 and intervals[begun - 1].end >= start - within


def _places(word: Word, page: Page) -> list[Place]:
    found: set[Place] = set()
    known: set[bytes] = set()
    for term in [word.text] if word.prefix else sorted(word.terms):
        one = page(term)
        if one is not None and one not in known:
            known.add(one)
            found.update(pages.places(one, word.matches))
    return sorted(found)
