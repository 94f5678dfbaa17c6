"""The examination of candidates: their filters, their pages, and their moments."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipeline.aws.catalog.search_rows import KEYS
from pipeline.aws.catalog.table import iso
from pipeline.core.search.pages import label_term, shelf
from pipeline.results.search import match
from pipeline.results.search.match import Hit, Moment
from pipeline.results.search.query import Phrase, Query, Word

_MS = 1000
_CONFIDENCE = 10_000  # in which pages have confidences
_WAVES = (8, 22, 30)  # the first is small: common words have long pages
_PREFIX = "of_"
MOST = sum(_WAVES)
"""Videos that a request examines, at most."""

PageKey = tuple[int, int, str]


class Document(NamedTuple):
    """An indexed result of a video.

    Attributes:
        generation: its number.
        size: logarithm of its number of shelves.
        revision: of the source that it was made from.
    """

    generation: int
    size: int
    revision: str


@dataclass(frozen=True)
class Indexed:
    """A video as the index shows it.

    Attributes:
        number: its number.
        video_id: its id.
        uploaded: when.
        words: of its name, in order.
        spoken: documents with words.
        seen: documents with labels.
        generations: of all of these and of the name.
        labels: all labels.
        language: of most of its speech.
        poster: key of an image of it.
        storyboard: True if it has one.
    """

    number: int
    video_id: str
    uploaded: str
    words: tuple[str, ...]
    spoken: tuple[Document, ...]
    seen: tuple[Document, ...]
    generations: frozenset[int]
    labels: tuple[str, ...]
    language: str | None
    poster: str | None
    storyboard: bool


class Examined:
    """The examination of the candidates of a query.

    Args:
        query: the query.
        wanted: its phrases.
        excluded: phrases that exclude a video.
    """

    def __init__(self, query: Query, wanted: Sequence[Phrase], excluded: Sequence[Phrase]) -> None:
        self._query = query
        self._wanted = wanted
        self._excluded = excluded
        self._labels = [label_term(label) for label in dict.fromkeys(query.labels)]
        words = [word for phrase in (*wanted, *excluded) for word in phrase.words]
        self._terms = sorted({term for word in words for term in _terms(word)})

    def waves(self) -> list[int]:
        """Return how many candidates are examined at once, one call for each wave."""
        each = max(1, len({term[:2] for term in self._terms}) + len(self._labels))
        return [max(1, min(wave, KEYS // each)) for wave in _WAVES]

    def passes(self, one: Indexed) -> bool:
        """Return whether a candidate passes the filters that its head decides."""
        query = self._query
        return (
            query.language in {None, one.language}
            and (query.after is None or one.uploaded >= iso(query.after))
            and (query.before is None or one.uploaded < iso(query.before))
        )

    def keys(self, one: Indexed) -> Iterator[PageKey]:
        """Yield the keys of the pages that decide about a candidate, each once."""
        names = {
            (document.generation, f"w{shelf(term, document.size)}")
            for document in one.spoken
            for term in self._terms
        } | {
            (document.generation, f"l{shelf(term, document.size)}")
            for document in one.seen
            for term in self._labels
        }
        yield from ((one.number, *name) for name in sorted(names))

    def moments(
        self, one: Indexed, pages: Mapping[PageKey, bytes]
    ) -> list[tuple[Document | None, Moment]]:
        """Return the moments of a candidate, each with the document that has its words."""
        spoken: list[tuple[Document | None, match.Page]] = [
            (document, _reader(one, document, "w", pages)) for document in one.spoken
        ]
        for phrase in self._excluded:
            if _named(phrase, one.words) or any(match.hits(phrase, page) for _, page in spoken):
                return []
        seen = []
        for term in self._labels:
            views = [_reader(one, document, "l", pages) for document in one.seen]
            found = [
                interval
                for page in views
                for interval in match.in_view(term, page, confidence=self._confidence)
            ]
            if not found:
                return []
            seen.append(found)
        named = [_named(phrase, one.words) for phrase in self._wanted]
        within = round(self._query.within_s * _MS)
        nothing: list[list[Hit]] = [[] for _ in self._wanted]
        nobody: list[tuple[Document | None, match.Page]] = [(None, _no_page)]
        made: dict[Moment, Document | None] = {}
        for document, page in spoken or nobody:
            said = [match.hits(phrase, page) for phrase in self._wanted] if document else nothing
            for moment in match.moments(said, named, seen, within=within):
                made.setdefault(moment, document if moment.first >= 0 else None)
        return [(document, moment) for moment, document in made.items()]

    @property
    def _confidence(self) -> int:
        return round(self._query.min_confidence * _CONFIDENCE)


def documents(number: int, head: Mapping[str, Any]) -> Indexed:
    """Return a video as its head shows it."""
    shown = [
        json.loads(text)
        for name, text in head.items()
        if name.startswith(_PREFIX) and isinstance(text, str)
    ]
    words = [word for about in shown for word in about.get("words", ())]
    languages = [about["language"] for about in shown if about.get("language")]
    return Indexed(
        number=number,
        video_id=str(head["video_id"]),
        uploaded=str(head["uploaded"]),
        words=tuple(words),
        spoken=tuple(_document(about) for about in shown if "language" in about),
        seen=tuple(_document(about) for about in shown if "labels" in about),
        generations=frozenset(int(about["generation"]) for about in shown),
        labels=tuple(sorted({label for about in shown for label in about.get("labels", ())})),
        language=languages[0] if languages else None,
        poster=next((str(about["poster"]) for about in shown if "poster" in about), None),
        storyboard=any("storyboard" in about for about in shown),
    )


def _document(about: Mapping[str, Any]) -> Document:
    return Document(int(about["generation"]), int(about["size"]), str(about["revision"]))


def _reader(
    one: Indexed, document: Document, kind: str, pages: Mapping[PageKey, bytes]
) -> match.Page:
    def read(term: str) -> bytes | None:
        name = f"{kind}{shelf(term, document.size)}"
        return pages.get((one.number, document.generation, name))

    return read


def _no_page(_term: str) -> None:
    return None


def _terms(word: Word) -> frozenset[str]:
    return frozenset({word.text}) if word.prefix else word.terms


def _named(phrase: Phrase, words: Sequence[str]) -> bool:
    """Return whether a name has a phrase; its words have no stems."""
    length = len(phrase.words)
    return any(
        all(
            word.matches(term, term, "")
            for word, term in zip(phrase.words, words[start : start + length], strict=True)
        )
        for start in range(len(words) - length + 1)
    )
