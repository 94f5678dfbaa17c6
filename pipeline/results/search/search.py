"""One page of a search: candidates, their moments, the best first.

A request examines a bounded number of videos: the candidates with the latest numbers. It ranks the
moments of these. The pages after it show the rest of them, then examine the next ones. So a request
makes at most twelve calls to DynamoDB, however large the index is, and the pages together have
every moment once.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from math import log2
from typing import NamedTuple

from pipeline.aws.catalog.search_rows import KEYS, SearchRows
from pipeline.aws.catalog.table import Table, iso
from pipeline.aws.catalog.videos import Standing, Videos
from pipeline.core.search.pages import label_term
from pipeline.results.search import facets
from pipeline.results.search.candidates import Group, walk
from pipeline.results.search.cursor import Cursor, Key
from pipeline.results.search.examined import Document, Examined, Indexed, documents
from pipeline.results.search.match import Moment
from pipeline.results.search.query import Phrase, Query
from pipeline.results.search.snippets import Snippet, needed, tell

CALLS = 12
"""Requests to DynamoDB of a search, at most."""
_WALK = 5  # of them, to find candidates
_MOST_WORK = 40_000  # bytes of pages, after which no further candidates are examined


class Hit(NamedTuple):
    """A moment that was found.

    Attributes:
        indexed: its video, as the index shows it.
        video: the same as it is now.
        moment: within it.
        end: of the moment, in milliseconds.
        snippet: None where nothing is said.
        more: number of further moments in the video that are not listed.
    """

    indexed: Indexed
    video: Standing
    moment: Moment
    end: int
    snippet: Snippet | None
    more: int


class Found(NamedTuple):
    """A page of moments."""

    hits: list[Hit]
    facets: facets.Facets
    next_cursor: str | None


class _Ranked(NamedTuple):
    key: Key
    moment: Moment
    document: Document | None
    indexed: Indexed
    more: int


class Search:
    """The search over an installation's videos.

    Args:
        table: the catalog's table.
        videos: the records of videos.
        stages: number of stages.
    """

    def __init__(self, table: Table, videos: Videos, *, stages: int) -> None:
        self._table = table
        self._videos = videos
        self._most_videos = KEYS // (stages + 1)

    def find(self, query: Query, *, cursor: str | None = None, limit: int) -> Found:
        """Return one page of moments.

        Args:
            query: what is searched for.
            cursor: of the page before.
            limit: moments, at most.

        Raises:
            BadInput: ``invalid_cursor``.
            InvalidArgument: see ``Query.parts``; ``prefix_too_broad``.
        """
        rows = SearchRows(self._table)
        counted = rows.counted()
        wanted, excluded = query.parts(counted.languages)
        place = Cursor.decode(cursor, query) if cursor else Cursor(counted.last, None, first=True)
        examined = Examined(query, wanted, excluded)
        heads, below = self._heads(rows, query, wanted, place.below, sum(examined.waves()))
        matched: list[tuple[Indexed, list[tuple[Document | None, Moment]]]] = []
        left, work = [one for one in heads if examined.passes(one)], 0
        for wave in examined.waves():
            some, left = left[:wave], left[wave:]
            pages = rows.pages({key for one in some for key in examined.keys(one)})
            found = [(one, examined.moments(one, pages)) for one in some]
            matched += [(one, moments) for one, moments in found if moments]
            work += sum(map(len, pages.values()))
            if left and work > _MOST_WORK:
                below = left[0].number + 1
                break
        ranked = _ranked(query, matched)
        rest = [one for one in ranked if place.after is None or one.key > place.after]
        shown = list(_few(rest, limit, self._most_videos))
        hits = self._hits(rows, query, shown)
        following = None
        if len(shown) < len(rest):
            following = Cursor(place.below, shown[-1].key, first=place.first)
        elif below > 0:
            following = Cursor(below, None, first=False)
        counts = facets.count(
            [(one.labels, one.language, len(moments)) for one, moments in matched],
            complete=place.first and below == 0,
        )
        return Found(hits, counts, following.encode(query) if following else None)

    def _heads(
        self, rows: SearchRows, query: Query, wanted: list[Phrase], below: int, most: int
    ) -> tuple[list[Indexed], int]:
        """Return the candidates, and the number below which there may be more."""
        if query.video_id is not None:
            number = rows.number(query.video_id)
            known = rows.heads([number]) if number is not None else {}
            return [documents(*pair) for pair in known.items()], 0
        groups = _groups(query, wanted)
        walked = walk(rows, groups, below=below, most=most, calls=_WALK)
        known = rows.heads([number for number, _ in walked.found]) if walked.found else {}
        found = []
        for number, generations in walked.found:
            if number in known:
                indexed = documents(number, known[number])
                if all(indexed.generations & set(some) for some in generations):
                    found.append(indexed)
        return found, walked.below

    def _hits(self, rows: SearchRows, query: Query, shown: Sequence[_Ranked]) -> list[Hit]:
        """Return the moments that still hold, with their words."""
        if not shown:
            return []
        ids = list(dict.fromkeys(one.indexed.video_id for one in shown))
        videos = self._videos.standings(ids)
        valid = [
            one
            for one in shown
            if (video := videos.get(one.indexed.video_id)) and _holds(one, video, query)
        ]
        keys = {
            (one.indexed.number, one.document.generation, name)
            for one in valid
            if one.document
            for name in needed(one.moment)
        }
        pages = rows.pages(sorted(keys)) if keys else {}
        return [_hit(one, videos[one.indexed.video_id], pages) for one in valid]


def _groups(query: Query, wanted: Iterable[Phrase]) -> list[Group]:
    made: dict[Group, None] = {}
    for phrase in wanted:
        for word in phrase.words:
            terms = frozenset({word.text}) if word.prefix else word.terms
            made[Group(terms, word.prefix)] = None
    for label in query.labels:
        made[Group(frozenset({label_term(label)}))] = None
    return list(made)


def _ranked(
    query: Query, matched: Iterable[tuple[Indexed, list[tuple[Document | None, Moment]]]]
) -> list[_Ranked]:
    """Return the moments of each video, at most ``per_video`` of each, in the order of the pages.

    A video is as good as its best moment, in which words are close to each other; more moments and
    a name with the words make it better. Among equals, the later number is first.
    """
    made = []
    within = max(query.within_s * 1000, 1.0)
    for indexed, moments in matched:
        best = sorted(moments, key=lambda one: (one[1].spread, one[1].start))
        closeness = 1 - min(1.0, best[0][1].spread / within)
        named = 0.5 * any(word in indexed.words for word in query.text.lower().split())
        score = round(1000 * (closeness + named) + 100 * log2(1 + len(moments)))
        kept = best[: query.per_video]
        made += [
            _Ranked(
                Key(-score, -indexed.number, moment.start, moment.first),
                *(moment, document, indexed, len(moments) - len(kept)),
            )
            for document, moment in kept
        ]
    return sorted(made, key=lambda one: one.key)


def _few(left: Iterable[_Ranked], limit: int, most_videos: int) -> Iterable[_Ranked]:
    """Yield moments up to a limit, of so many videos as one call reads."""
    seen: set[int] = set()
    for one in islice(left, limit):
        seen.add(one.indexed.number)
        if len(seen) > most_videos:
            return
        yield one


def _holds(one: _Ranked, video: Standing, query: Query) -> bool:
    """Return whether a moment is of the video as it is now."""
    if video.status == "deleted" or query.status not in {None, video.status}:
        return False
    if iso(video.upload.time) != one.indexed.uploaded and (query.after or query.before):
        return False
    used = [*one.indexed.seen, *([one.document] if one.document else [])]
    return all(document.revision == video.upload.revision for document in used)


def _hit(one: _Ranked, video: Standing, pages: dict[tuple[int, int, str], bytes]) -> Hit:
    end, snippet = one.moment.last, None
    if one.document and one.moment.first >= 0:
        key = one.indexed.number, one.document.generation
        mine = {name: pages[(*key, name)] for name in needed(one.moment) if (*key, name) in pages}
        told = tell(one.moment, mine)
        end, snippet = max(end, told.end), told.snippet
    return Hit(one.indexed, video, one.moment, end, snippet, one.more)
