"""The examination of candidates: their filters, their pages, and their moments."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipeline.aws.catalog.standing import Standing
from pipeline.aws.catalog.table import iso
from pipeline.core.search.labels import label_term
from pipeline.core.search.pages import Interval, shelf
from pipeline.core.search.tokens import name_words
from pipeline.results.search import match
from pipeline.results.search.match import Moment, Wanted
from pipeline.results.search.query import Phrase, Query, Word

_MS = 1000
_CONFIDENCE = 10_000  # in which pages have confidences

PageKey = tuple[str, str, str]
"""Video, document and name of a page."""


class Document(NamedTuple):
    """An indexed result of a video.

    Attributes:
        id: its id.
        size: logarithm of its number of shelves.
    """

    id: str
    size: int


@dataclass(frozen=True)
class Indexed:
    """A video as its current results are indexed.

    Attributes:
        video_id: its id.
        standing: as it was read.
        uploaded: when.
        words: of its name, in order.
        spoken: documents with words.
        seen: documents with labels.
        labels: all labels.
        language: of most of its speech.
        poster: key of an image of it.
        storyboard: True if it has one.
    """

    video_id: str
    standing: Standing
    uploaded: str
    words: tuple[str, ...]
    spoken: tuple[Document, ...]
    seen: tuple[Document, ...]
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

    def most_pages(self) -> int:
        """Return how many pages decide about a candidate, at most."""
        shelves = len({term[:2] for term in self._terms})
        return max(1, shelves + len(self._labels) + bool(self._wanted))

    def passes(self, one: Indexed) -> bool:
        """Return whether a candidate passes the filters that need no page."""
        query = self._query
        return (
            query.language in {None, one.language}
            and (query.after is None or one.uploaded >= iso(query.after))
            and (query.before is None or one.uploaded < iso(query.before))
            and (query.status is None or one.standing.status == query.status)
        )

    def keys(self, one: Indexed) -> Iterator[PageKey]:
        """Yield the keys of the pages that decide about a candidate, each once."""
        labels = {*self._labels, *(term for phrase in self._wanted for term in _seen(phrase, one))}
        names = {
            (document.id, f"w{shelf(term, document.size)}")
            for document in one.spoken
            for term in self._terms
        } | {
            (document.id, f"l{shelf(term, document.size)}")
            for document in one.seen
            for term in labels
        }
        yield from ((one.video_id, *name) for name in sorted(names))

    def moments(
        self, one: Indexed, pages: Mapping[PageKey, bytes]
    ) -> list[tuple[Document | None, Moment]]:
        """Return the moments of a candidate, each with the document that has its words."""
        spoken: list[tuple[Document | None, match.Page]] = [
            (document, _reader(one, document, "w", pages)) for document in one.spoken
        ]
        for phrase in self._excluded:
            if match.has_name(phrase, one.words) or _seen(phrase, one):
                return []
            if any(match.hits(phrase, page) for _, page in spoken):
                return []
        seen = [self._in_view([term], one, pages) for term in self._labels]
        if not all(seen):
            return []
        viewed = [self._in_view(_seen(phrase, one), one, pages) for phrase in self._wanted]
        named = [match.has_name(phrase, one.words) for phrase in self._wanted]
        within = round(self._query.within_s * _MS)
        nobody: list[tuple[Document | None, match.Page]] = [(None, _no_page)]
        made: dict[Moment, Document | None] = {}
        for document, page in spoken or nobody:
            wanted = [
                Wanted(match.hits(phrase, page) if document else [], view, is_named)
                for phrase, view, is_named in zip(self._wanted, viewed, named, strict=True)
            ]
            for moment in match.moments(wanted, seen, within=within):
                made.setdefault(moment, document if moment.first >= 0 else None)
        return [(document, moment) for moment, document in made.items()]

    def _in_view(
        self, terms: Sequence[str], one: Indexed, pages: Mapping[PageKey, bytes]
    ) -> list[Interval]:
        """Return when one of these labels is in view."""
        if not terms:
            return []
        confidence = round(self._query.min_confidence * _CONFIDENCE)
        found = [
            interval
            for document in one.seen
            for interval in match.in_view(
                terms, _reader(one, document, "l", pages), confidence=confidence
            )
        ]
        return sorted(found)


def indexed(video_id: str, standing: Standing) -> Indexed:
    """Return a video as its current results are indexed."""
    known = list(standing.indexed.values())
    languages = [about["language"] for about in known if about.get("language")]
    return Indexed(
        video_id=video_id,
        standing=standing,
        uploaded=iso(standing.uploaded_at),
        words=tuple(name_words(standing.name)),
        spoken=tuple(_document(about) for about in known if "language" in about),
        seen=tuple(_document(about) for about in known if "labels" in about),
        labels=tuple(sorted({label for about in known for label in about.get("labels", ())})),
        language=languages[0] if languages else None,
        poster=next((str(about["poster"]) for about in known if "poster" in about), None),
        storyboard=any("storyboard" in about for about in known),
    )


def _document(about: Mapping[str, Any]) -> Document:
    return Document(str(about["document"]), int(about["size"]))


def _seen(phrase: Phrase, one: Indexed) -> list[str]:
    """Return the terms of a video's labels that have a phrase."""
    return [label_term(label) for label in one.labels if match.has_label(phrase, label)]


def _reader(
    one: Indexed, document: Document, kind: str, pages: Mapping[PageKey, bytes]
) -> match.Page:
    def read(term: str) -> bytes | None:
        return pages.get((one.video_id, document.id, f"{kind}{shelf(term, document.size)}"))

    return read


def _no_page(_term: str) -> None:
    return None


def _terms(word: Word) -> frozenset[str]:
    return frozenset({word.text}) if word.prefix else word.terms
