"""A query as it was typed, and its parts.

heart attack     both words, near one another
"heart attack"   the words in this order
-attack          not in videos in which it is said or in view, or which are named so
card*            words that begin so
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256

from pipeline.core.errors import InvalidArgument
from pipeline.core.search.stems import stems
from pipeline.core.search.tokens import terms, tokens
from pipeline.core.status import ListedStatus

_MOST_WORDS = 12
_PART = re.compile(r'(-?)(?:"([^"]*)"|(\S+))')
_SHORTEST_PREFIX = 2
WITHIN_S = 10.0
"""Seconds within which everything happens, unless a query says otherwise."""


@dataclass(frozen=True)
class Word:
    """A word of a query.

    Attributes:
        text: normalised.
        stems: of the text, by language of the speech.
        prefix: True if words may continue after the text.
    """

    text: str
    stems: tuple[tuple[str, str], ...] = ()
    prefix: bool = False

    @cached_property
    def terms(self) -> frozenset[str]:
        """Return the terms that find a video that may have the word."""
        return frozenset({self.text, *(stem for _, stem in self.stems)})

    def matches(self, term: str, stem: str, language: str) -> bool:
        """Return whether a spoken word is this one."""
        if self.prefix:
            return term.startswith(self.text)
        return stem == dict(self.stems).get(language, self.text)


@dataclass(frozen=True)
class Phrase:
    """Words that follow one another; a single word is a phrase, too."""

    words: tuple[Word, ...]


@dataclass(frozen=True)
class Query:
    """A search: words, labels and filters.

    Attributes:
        text: words as they were typed.
        labels: all of them are in view.
        within_s: seconds within which everything happens.
        min_confidence: of labels, 0 to 1.
        language: of the speech; None for any.
        status: of the video; None for any.
        after: uploaded at this time or later.
        before: uploaded earlier.
        video_id: only this video.
        per_video: moments of one video, at most.
    """

    text: str = ""
    labels: tuple[str, ...] = ()
    within_s: float = WITHIN_S
    min_confidence: float = 0.0
    language: str | None = None
    status: ListedStatus | None = None
    after: datetime | None = None
    before: datetime | None = None
    video_id: str | None = None
    per_video: int = 5

    @property
    def digest(self) -> str:
        """Return a digest of it, by which a cursor knows its query."""
        return sha256(repr(self).encode()).hexdigest()[:12]

    def parts(self, languages: Iterable[str]) -> tuple[list[Phrase], list[Phrase]]:
        """Return the phrases that are wanted, and those that exclude a video.

        Args:
            languages: of the speech in the index.

        Raises:
            InvalidArgument: ``empty_query``, ``prefix_too_short``, ``long_query``.
        """
        known = sorted(languages)
        wanted: list[Phrase] = []
        excluded: list[Phrase] = []
        for minus, quoted, bare in _PART.findall(self.text):
            starts = not quoted and bare.endswith("*")
            if phrase := _phrase(quoted or bare, known, starts=starts):
                into = excluded if minus else wanted
                if phrase not in into:
                    into.append(phrase)
        if not wanted and not self.labels:
            raise InvalidArgument("empty_query", "Say what to search for: words, a label, or both.")
        if sum(len(phrase.words) for phrase in wanted + excluded) > _MOST_WORDS:
            raise InvalidArgument("long_query", f"A query has at most {_MOST_WORDS} words.")
        return wanted, excluded


def _phrase(text: str, languages: list[str], *, starts: bool) -> Phrase | None:
    found = list(tokens(text))
    if not found:
        return None
    words = [
        Word(term, () if one.spaceless else tuple(stems(term, languages).items()))
        for one, term in zip(found, terms(found), strict=True)
    ]
    last = found[-1]
    if last.spaceless:
        # Characters are indexed in pairs: the last one of a word is known from its pair.
        if len(found) > 1 and found[-2].spaceless and found[-2].end == last.start:
            words.pop()
        else:
            words[-1] = Word(last.text, prefix=True)
    elif starts:
        if len(last.text) < _SHORTEST_PREFIX:
            raise InvalidArgument(
                "prefix_too_short",
                f"{text} has too few characters: give at least {_SHORTEST_PREFIX} before the *.",
            )
        words[-1] = Word(last.text, prefix=True)
    return Phrase(tuple(words))
