"""One video of the search index, brought in step with its current results."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple

from pipeline.aws.catalog.search_rows import (
    EVERY,
    INDEX,
    RECENT,
    member,
    page_sk,
    pages_pk,
    posting_key,
)
from pipeline.aws.catalog.standing import Standing, Standings
from pipeline.aws.catalog.table import ConditionFailed, Table, partition
from pipeline.core.search import pages
from pipeline.core.search.tokens import name_words


class _Known(NamedTuple):
    """The pages of a video by document: their names, and their terms."""

    names: dict[str, list[str]]
    terms: dict[str, set[str]]


class Settle:
    """The videos of the search index, each brought in step with its current results.

    Args:
        table: the catalog's table.
        videos: the videos as they are.
        at_once: writes at once.
    """

    def __init__(self, table: Table, videos: Standings, *, at_once: int) -> None:
        self._table = table
        self._videos = videos
        self._at_once = at_once

    def forget(self, video_id: str, *, terms: Iterable[str] = (), block: int | None = None) -> None:
        """Remove a deleted video; its row in the index is the last to go.

        Args:
            video_id: the video.
            terms: terms that it may have besides those of its pages.
            block: the block of these; by default the video's row in the index tells it.
        """
        here = partition("pk", RECENT, prefix=f"{video_id}#")
        rows = list(self._table.query(KeyConditionExpression=here, ConsistentRead=True))
        known = self._pages(video_id)
        known.terms[""] = set(terms)  # of no document that has pages
        # Read last: what a later upload writes is not among these rows.
        standing = self._videos.read([video_id]).get(video_id)
        if standing is None or standing.deleted:
            self._settle(video_id, standing, known, (row["sk"] for row in rows), block=block)

    def settle(
        self,
        video_id: str,
        standing: Standing | None,
        keys: Iterable[str],
        *,
        waiting: frozenset[str] = frozenset(),
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """Bring terms, pages and recent rows of a video in step with its current results.

        Args:
            video_id: the video.
            standing: as it is; None if it is unknown.
            keys: its recent rows to remove.
            waiting: documents that may become current.
            check: called before each change of a term.
        """
        known = self._pages(video_id)
        self._settle(video_id, standing, known, keys, waiting=waiting, check=check)

    def _settle(
        self,
        video_id: str,
        standing: Standing | None,
        known: _Known,
        keys: Iterable[str],
        *,
        block: int | None = None,
        waiting: frozenset[str] = frozenset(),
        check: Callable[[], None] = lambda: None,
    ) -> None:
        alive = standing is not None and not standing.deleted
        current = standing.current if standing else frozenset()
        name = set(name_words(standing.name)) if standing else set()
        keep = _united(known.terms, current) | name if alive else set()
        if index := self._table.get(video_id, INDEX):
            block = int(index["block"])
        if block is not None:
            if alive and index:
                had = _united(known.terms, index["documents"]) | name
                self._change(self._table.add_to_set, keep - had, video_id, block, check)
                row = {"pk": video_id, "sk": INDEX, "block": block, "documents": sorted(current)}
                self._table.write(puts=[row])
            gone = _united(known.terms, known.terms.keys() - waiting) - keep
            gone |= set() if alive else name | {EVERY}
            self._change(self._table.take_from_set, gone, video_id, block, check)
        left = known.names.keys() - current - waiting
        self.drop(video_id, {one: known.names[one] for one in left}, keys)
        if index and not alive:
            with suppress(ConditionFailed):  # a later upload has a row by now
                self._table.delete(
                    *(video_id, INDEX),
                    condition="#documents = :documents AND #block = :block",
                    given={"documents": index["documents"], "block": index["block"]},
                )

    def drop(
        self, video_id: str, names: Mapping[str, Iterable[str]], keys: Iterable[str] = ()
    ) -> None:
        """Remove pages by document and name, then recent rows by their sort keys."""
        pk = pages_pk(video_id)
        sks = [page_sk(one, name) for one, some in names.items() for name in some]
        self._table.write(deletes=[{"pk": pk, "sk": sk} for sk in sks])
        self._table.write(deletes=[{"pk": RECENT, "sk": key} for key in keys])

    def _pages(self, video_id: str) -> _Known:
        here = partition("pk", pages_pk(video_id))
        names: dict[str, list[str]] = defaultdict(list)
        terms: dict[str, set[str]] = defaultdict(set)
        for row in self._table.query(KeyConditionExpression=here, ConsistentRead=True):
            document, _, name = row["sk"].partition("#")
            names[document].append(name)
            terms[document].update(pages.terms(name, bytes(row["page"])))
        return _Known(names, terms)

    def _change(
        self,
        change: Callable[[str, str, str, str], None],
        terms: Iterable[str],
        video_id: str,
        block: int,
        check: Callable[[], None],
    ) -> None:
        """Add a video to the rows of terms, or take it from them, several at once."""
        name = member(video_id)

        def apply(term: str) -> None:
            check()
            change(*posting_key(term, block), "videos", name)

        if self._at_once == 1:
            for term in sorted(terms):
                apply(term)
            return
        with ThreadPoolExecutor(self._at_once) as pool:
            for _ in pool.map(apply, terms):
                pass


def _united(terms: Mapping[str, set[str]], documents: Iterable[str]) -> set[str]:
    return set[str]().union(*(terms.get(one, ()) for one in documents))
