"""One page of a search: candidates, their moments, the best first.

A request examines a bounded number of videos: the candidates with the latest numbers. It ranks the
moments of these. The pages after it show the rest of them, then examine the next ones. So a request
makes at most twelve calls to DynamoDB, however large the index is, and the pages together have
every moment once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from math import log2
from typing import NamedTuple

from pipeline.aws.catalog.search_rows import KEYS, Recently, SearchRows, member, video_of
from pipeline.aws.catalog.standing import Standings
from pipeline.aws.catalog.table import Table
from pipeline.core.search.labels import LANGUAGE, label_term
from pipeline.results.search import facets
from pipeline.results.search.candidates import END, TOP, Group, Place, Walked, is_recent, walk
from pipeline.results.search.cursor import Cursor, Key
from pipeline.results.search.examined import Document, Examined, Indexed, PageKey, indexed
from pipeline.results.search.match import Moment
from pipeline.results.search.query import Phrase, Query
from pipeline.results.search.snippets import Snippet, needed, tell

CALLS = 12
"""Requests to DynamoDB of a search, at most."""
_WALK = 5  # of them, to find candidates
_WAVES = 2  # of candidates that are read at once: one is enough for common words
MOST = 32
"""Videos that a request examines, with four stages."""
_MOST_WORK = 40_000  # bytes of pages, after which no further candidates are examined


class Hit(NamedTuple):
    """A moment that was found.

    Attributes:
        indexed: its video, as it is now.
        moment: within it.
        end: of the moment, in milliseconds.
        snippet: None where nothing is said.
        more: number of further moments in the video that are not listed.
    """

    indexed: Indexed
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


_Matched = list[tuple[Indexed, list[tuple[Document | None, Moment]]]]


class Search:
    """The search over an installation's videos.

    Args:
        table: the catalog's table.
        videos: the videos as they are.
    """

    def __init__(self, table: Table, videos: Standings) -> None:
        self._table = table
        self._videos = videos
        self._at_once = KEYS // videos.rows  # videos that one call reads

    def find(self, query: Query, *, cursor: str | None = None, limit: int) -> Found:
        """Return one page of moments.

        Args:
            query: what is searched for.
            cursor: of the page before.
            limit: moments, at most.

        Raises:
            BadInput: ``invalid_cursor``.
            InvalidArgument: see ``Query.parts``.
        """
        rows = SearchRows(self._table)
        recently = rows.recent()
        spoken = {name for one in recently.documents for name in one.languages}
        wanted, excluded = query.parts({LANGUAGE, *spoken, *recently.languages})
        place = Cursor.decode(cursor, query) if cursor else Cursor(TOP, None, first=True)
        examined = Examined(query, wanted, excluded)
        walked = self._candidates(rows, recently, query, wanted, place.below)
        matched, below = self._matched(rows, recently, examined, walked)
        ranked = _ranked(query, matched)
        rest = [one for one in ranked if place.after is None or one.key > place.after]
        shown = list(islice(rest, limit))
        hits = _hits(rows, shown)
        ended = below <= END
        following = None
        if len(shown) < len(rest):
            following = Cursor(place.below, shown[-1].key, first=place.first)
        elif not ended:
            following = Cursor(below, None, first=False)
        counts = facets.count(
            [(one.labels, one.language, len(moments)) for one, moments in matched],
            complete=place.first and ended and recently.complete,
        )
        return Found(hits, counts, following.encode(query) if following else None)

    def _candidates(
        self,
        rows: SearchRows,
        recently: Recently,
        query: Query,
        wanted: list[Phrase],
        below: Place,
    ) -> Walked:
        if query.video_id is not None:
            return Walked([Place(TOP.block, member(query.video_id))], END)
        most = self._at_once * _WAVES
        groups = _groups(query, wanted)
        return walk(rows, recently, groups, below=below, most=most, calls=_WALK + 1 - rows.calls)

    def _matched(
        self, rows: SearchRows, recently: Recently, examined: Examined, walked: Walked
    ) -> tuple[_Matched, Place]:
        """Return the videos with moments, and the place below which there may be more."""
        matched: _Matched = []
        left, work, below = walked.found, 0, walked.below
        size = min(self._at_once, max(1, KEYS // examined.most_pages()))
        for _ in range(_WAVES):
            some, left = left[:size], left[size:]
            if not some:
                break
            known = [one for one in self._read(some, recently.blocks) if examined.passes(one)]
            keys = {key for one in known for key in examined.keys(one)}
            pages = rows.pages(keys) if keys else {}
            found = [(one, examined.moments(one, pages)) for one in known]
            matched += [(one, moments) for one, moments in found if moments]
            work += sum(map(len, pages.values()))
            if left and work > _MOST_WORK:
                break
        if left:
            below = Place(left[0].block, left[0].member + "~")
        return matched, below

    def _read(self, places: Sequence[Place], blocks: int) -> Iterator[Indexed]:
        """Yield the videos at these places that exist and are there."""
        ids = {video_of(place.member): place for place in places}
        standings = self._videos.read(ids)
        for video_id, place in ids.items():
            standing = standings.get(video_id)
            if standing is None or standing.deleted:
                continue
            if is_recent(place):
                moved = standing.block is not None and standing.block < blocks
            else:
                moved = place < TOP and standing.block != place.block
            if not moved:  # otherwise it is found at its other place
                yield indexed(video_id, standing)


def _groups(query: Query, wanted: Iterable[Phrase]) -> list[Group]:
    made: dict[Group, None] = {}
    for phrase in wanted:
        for word in phrase.words:
            terms = frozenset({word.text}) if word.prefix else word.terms
            made[Group(terms, word.prefix)] = None
    for label in query.labels:
        made[Group(frozenset({label_term(label)}))] = None
    return list(made)


def _ranked(query: Query, matched: _Matched) -> list[_Ranked]:
    """Return the moments of each video, at most ``per_video`` of each, in the order of the pages.

    A video is as good as its best moment, in which words are close to each other; more moments and
    a name with the words make it better. Among equals, the latest is first.
    """
    made = []
    within = max(query.within_s * 1000, 1.0)
    for one, moments in matched:
        best = sorted(moments, key=lambda one: (one[1].spread, one[1].start))
        closeness = 1 - min(1.0, best[0][1].spread / within)
        named = 0.5 * any(word in one.words for word in query.text.lower().split())
        score = round(1000 * (closeness + named) + 100 * log2(1 + len(moments)))
        kept = best[: query.per_video]
        uploaded = round(one.standing.uploaded_at.timestamp() * 1000)
        made += [
            _Ranked(
                Key(-score, -uploaded, one.video_id, moment.start, moment.first),
                *(moment, document, one, len(moments) - len(kept)),
            )
            for document, moment in kept
        ]
    return sorted(made, key=lambda one: one.key)


def _hits(rows: SearchRows, shown: Sequence[_Ranked]) -> list[Hit]:
    """Return moments with their words."""
    keys = {
        (one.indexed.video_id, one.document.id, name)
        for one in shown
        if one.document
        for name in needed(one.moment)
    }
    pages = rows.pages(keys) if keys else {}
    return [_hit(one, pages) for one in shown]


def _hit(one: _Ranked, pages: Mapping[PageKey, bytes]) -> Hit:
    end, snippet = one.moment.last, None
    if one.document and one.moment.first >= 0:
        key = one.indexed.video_id, one.document.id
        mine = {name: pages[(*key, name)] for name in needed(one.moment) if (*key, name) in pages}
        told = tell(one.moment, mine)
        end, snippet = max(end, told.end), told.snippet
    return Hit(one.indexed, one.moment, end, snippet, one.more)
