"""The index of one video, packed into pages.

A page is compressed JSON. Its name says what it holds: ``w{shelf}`` the places of words,
``l{shelf}`` the intervals of labels, ``t{number}`` a stretch of the text. Words with the same two
first characters are on one shelf, so that one page has all words of a prefix. Numbers rise and are
written as differences; times are milliseconds.
"""

import json
import zlib
from binascii import crc32
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from pipeline.core.search.labels import label_term, label_terms

STRETCH = 256
"""Tokens of a stretch of the text."""
_SHELF = 64  # words on a shelf, about
_MOST_SHELVES = 6  # as a power of two


class Spoken(NamedTuple):
    """A token of speech.

    Attributes:
        text: as it was written, for snippets.
        before: the characters between the last token and this one.
        term: normalised.
        stem: of the term.
        language: of the speech; empty if unknown.
        start: when its word begins, in milliseconds.
        end: when its word ends.
    """

    text: str
    before: str
    term: str
    stem: str
    language: str
    start: int
    end: int


class Interval(NamedTuple):
    """A label in view: milliseconds, and its highest confidence in ten-thousandths."""

    start: int
    end: int
    confidence: int


class Place(NamedTuple):
    """The place of a word: the millisecond at which it begins, and its number."""

    start: int
    number: int


Matches = Callable[[str, str, str], bool]


class Stretch(NamedTuple):
    """A stretch of the text: the tokens from number ``first`` on, and what stands before each."""

    first: int
    before: list[str]
    texts: list[str]
    starts: list[int]
    ends: list[int]


class Packed(NamedTuple):
    """The pages of one document, and the terms by which it is found.

    Attributes:
        pages: by name.
        terms: of all pages; those of whole labels begin with ``@``.
        size: logarithm of the number of shelves.
    """

    pages: dict[str, bytes]
    terms: frozenset[str]
    size: int


def shelf(term: str, size: int) -> int:
    """Return the shelf of a term, of two to the power of ``size``."""
    start = term if term.startswith("@") else term[:2]
    return crc32(start.encode()) & ((1 << size) - 1)


def pack_words(spoken: Sequence[Spoken]) -> Packed:
    """Pack the words of a video, and its text for snippets."""
    words: dict[tuple[str, str, str], list[Place]] = defaultdict(list)
    for number, one in enumerate(spoken):
        words[one.term, one.stem, one.language].append(Place(one.start, number))
    size = _size(len(words))
    shelves: dict[int, list[Any]] = defaultdict(list)
    for (term, stem, language), found in words.items():
        numbers = _differences([one.number for one in found])
        row = [term, stem, language, numbers, _differences([one.start for one in found])]
        for on in {shelf(term, size), shelf(stem, size)}:
            shelves[on].append(row)
    pages = {f"w{number}": _packed(rows) for number, rows in shelves.items()}
    for first in range(0, len(spoken), STRETCH):
        some = spoken[first : first + STRETCH]
        columns = [
            [one.before for one in some],
            [one.text for one in some],
            _differences([one.start for one in some]),
            [one.end - one.start for one in some],
        ]
        pages[f"t{first // STRETCH}"] = _packed(columns)
    known = {text for term, stem, _ in words for text in (term, stem)}
    return Packed(pages, frozenset(known), size)


def pack_labels(seen: dict[str, list[Interval]]) -> Packed:
    """Pack the intervals of labels, each sorted by start."""
    size = _size(len(seen))
    shelves: dict[int, dict[str, Any]] = defaultdict(dict)
    for label, intervals in seen.items():
        term = label_term(label)
        starts = _differences([one.start for one in intervals])
        lengths = [one.end - one.start for one in intervals]
        confidences = [one.confidence for one in intervals]
        shelves[shelf(term, size)][term] = [starts, lengths, confidences]
    pages = {f"l{number}": _packed(rows) for number, rows in shelves.items()}
    return Packed(pages, frozenset().union(*map(label_terms, seen)), size)


def places(page: bytes, matches: Matches) -> list[Place]:
    """Return the places of the words of a page ``w…`` that match, in order.

    Args:
        page: the page.
        matches: a test of a word by its term, stem and language.
    """
    found: set[Place] = set()
    for term, stem, language, numbers, starts in _unpacked(page):
        if matches(term, stem, language):
            found.update(map(Place, accumulate(starts), accumulate(numbers)))
    return sorted(found)


def intervals(page: bytes, term: str) -> list[Interval]:
    """Return the intervals of a label's term in a page ``l…``."""
    starts, lengths, confidences = _unpacked(page).get(term, ([], [], []))
    return [
        Interval(start, start + length, confidence)
        for start, length, confidence in zip(accumulate(starts), lengths, confidences, strict=True)
    ]


def stretch(page: bytes, number: int) -> Stretch:
    """Return the stretch of the text in a page ``t{number}``."""
    before, texts, starts, lengths = _unpacked(page)
    begins = list(accumulate(starts))
    ends = [start + length for start, length in zip(begins, lengths, strict=True)]
    return Stretch(number * STRETCH, before, texts, begins, ends)


def terms(name: str, page: bytes) -> Iterable[str]:
    """Return the terms of a page, for the removal of a document."""
    match name[0]:
        case "w":
            return {text for row in _unpacked(page) for text in row[:2]}
        case "l":
            return {text for term in _unpacked(page) for text in label_terms(term[1:])}
    return ()


def _size(count: int) -> int:
    return min(_MOST_SHELVES, max(0, count // _SHELF).bit_length())


def _differences(numbers: Sequence[int]) -> list[int]:
    return [after - before for before, after in zip((0, *numbers), numbers, strict=False)]


def _packed(rows: Any) -> bytes:
    return zlib.compress(json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode())


def _unpacked(page: bytes) -> Any:
    return json.loads(zlib.decompress(page))
