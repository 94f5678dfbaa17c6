"""The merge of recent documents into blocks of the search index, and the removal of old ones.

It runs beside the runs, on a schedule. A block is written in full before the number of blocks says
that it exists, and the recent rows go after that: a crash leaves the old index or the new one. One
process merges at a time.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from pipeline.aws.catalog.search_lease import Late, MergeLease
from pipeline.aws.catalog.search_rows import (
    EVERY,
    INDEX,
    RECENT,
    Recent,
    Recently,
    SearchRows,
    member,
    posting_key,
)
from pipeline.aws.catalog.search_settle import Settle
from pipeline.aws.catalog.standing import Standing, Standings
from pipeline.aws.catalog.table import Table

_MOST_VIDEOS, _MOST_TERMS = 256, 6000  # of a block, about: 240 requests
FEWEST, _BYTES = 64, 256 * 1024  # videos, or characters of terms, that are worth a block
_MANY = 1000  # recent documents, after which videos that are in work are merged, too
_FRESH_S = 900.0  # a document that is not current yet may become so within this time
_AT_ONCE = 8
_VIDEOS = 16  # that one call reads, about
_ROWS = 500  # between two looks at the clock


class _Due(NamedTuple):
    """The documents to merge.

    Attributes:
        recently: as they were read.
        by_video: the same, by video.
        known: videos that are in a block, and which.
        begun: videos of the next block, which a process that died has begun.
        new: videos that are in no block.
    """

    recently: Recently
    by_video: dict[str, list[Recent]]
    known: dict[str, int]
    begun: list[str]
    new: list[str]


class _Block(NamedTuple):
    """A block as it is put together.

    Attributes:
        terms: its terms, and the members of each.
        documents: by video.
        merged: the recent documents that it replaces.
    """

    terms: dict[str, set[str]]
    documents: dict[str, list[str]]
    merged: list[Recent]


class Merge:
    """The merge of an installation's search index.

    Args:
        table: the catalog's table.
        videos: the videos as they are.
        at_once: writes at once.
        fewest: videos that are worth a block.
    """

    def __init__(
        self, table: Table, videos: Standings, *, at_once: int = _AT_ONCE, fewest: int = FEWEST
    ) -> None:
        self._table = table
        self._videos = videos
        self._fewest = fewest
        self._lease = MergeLease(table)
        self._settle = Settle(table, videos, at_once=at_once)

    def merge(self, *, within_s: float) -> int:
        """Merge what is due, and begin nothing after so many seconds; return how many videos."""
        end, merged = time.monotonic() + within_s, 0
        while self._due() and time.monotonic() < end and self._lease.take():
            some = 0
            try:
                if due := self._due():  # another process may have merged it
                    some = self._renew(due, end) + self._write(due)
            except Late:
                break
            finally:
                self._lease.give_back()
            merged += some
            if not some:
                break
        return merged

    def forget(self, video_id: str) -> None:
        """Remove a deleted video."""
        self._settle.forget(video_id)

    def _due(self) -> _Due | None:
        """Return what there is to do, if there is anything; forget deleted videos."""
        rows = SearchRows(self._table)
        recently = rows.recent()
        by_video: dict[str, list[Recent]] = defaultdict(list)
        for one in recently.documents:
            by_video[one.video_id].append(one)
        for video_id in self._videos.deleted(by_video):
            self._settle.forget(video_id)
            del by_video[video_id]
        blocks = rows.blocks(by_video) if by_video else {}
        new = [one for one in by_video if one not in blocks]
        begun = [one for one, block in blocks.items() if block >= recently.blocks]
        known = {one: block for one, block in blocks.items() if one not in begun}
        size = sum(len(one.terms) for video_id in new for one in by_video[video_id])
        if len(new) < self._fewest and size < _BYTES:
            new = []
        if not (new or begun or known):
            return None
        return _Due(recently, by_video, known, begun, new)

    def _renew(self, due: _Due, end: float) -> int:
        """Bring videos that are in a block in step with their results; return how many."""
        done = 0
        for some in _batches(due.known, _VIDEOS):
            if time.monotonic() >= end:
                break
            standings = self._videos.read(some)
            for video_id in some:
                known, standing = due.by_video[video_id], standings.get(video_id)
                waiting = _waiting(known, standing)
                if len(waiting) < len(known):
                    done += 1
                    self._settle.settle(
                        video_id,
                        standing,
                        [one.key for one in known if one not in waiting],
                        waiting=frozenset(one.document for one in waiting),
                        check=self._lease.check,
                    )
            for video_id in self._videos.deleted(some):  # meanwhile; its pages may be gone
                terms = [term for one in due.by_video[video_id] for term in one.each]
                self._settle.forget(video_id, terms=terms, block=due.known[video_id])
        return done

    def _write(self, due: _Due) -> int:
        """Write a block; return the number of its videos."""
        block, number = self._block(due), due.recently.blocks
        if not block.documents:
            return 0
        try:
            self._put(  # before the terms: by it, the deletion of a video finds them after a crash
                {"pk": video_id, "sk": INDEX, "block": number, "documents": documents}
                for video_id, documents in block.documents.items()
            )
            self._put(_rows(block.terms, number))
            languages = {name for one in due.recently.documents for name in one.languages}
            if not self._lease.end_block(number, languages | due.recently.languages):
                return 0
            self._table.write(deletes=[{"pk": RECENT, "sk": one.key} for one in block.merged])
        finally:
            self._forget_deleted(block, number)
        return len(block.documents)

    def _forget_deleted(self, block: _Block, number: int) -> None:
        """Remove videos that were deleted while a block was written; their pages may be gone."""
        for video_id in self._videos.deleted(block.documents):
            name = member(video_id)
            terms = [one for one, of in block.terms.items() if name in of]
            self._settle.forget(video_id, terms=terms, block=number)

    def _block(self, due: _Due) -> _Block:
        late = len(due.recently.documents) >= _MANY or not due.recently.complete
        made = _Block(defaultdict(set), {}, [])
        for some in _batches(due.begun, _VIDEOS):
            self._add(made, some, due, late=True)
        for some in _batches(due.new, _VIDEOS):
            if len(made.documents) >= _MOST_VIDEOS or len(made.terms) >= _MOST_TERMS:
                break
            self._add(made, some, due, late=late)
        return made

    def _add(self, made: _Block, some: list[str], due: _Due, *, late: bool) -> None:
        """Add videos to a block; unless it is late, those alone that are not in work."""
        for video_id, standing in self._videos.read(some).items():
            if not late and standing.status == "processing":
                continue
            current = [one for one in due.by_video[video_id] if _is_current(one, standing)]
            for term in {EVERY, *(term for one in current for term in one.each)}:
                made.terms[term].add(member(video_id))
            made.documents[video_id] = sorted(one.document for one in current if one.document)
            # Those that are neither are garbage: the video's next settlement removes their pages.
            made.merged.extend(current)

    def _put(self, rows: Iterable[dict[str, Any]]) -> None:
        for some in _batches(rows, _ROWS):
            self._lease.check()
            self._table.write(puts=some)


def _rows(terms: Mapping[str, set[str]], block: int) -> Iterator[dict[str, Any]]:
    for term, videos in terms.items():
        pk, sk = posting_key(term, block)
        yield {"pk": pk, "sk": sk, "videos": videos}


def _waiting(known: Iterable[Recent], standing: Standing | None) -> list[Recent]:
    """Return the documents that may become current: their run is about to end."""
    young = (time.time() - _FRESH_S) * 1000
    return [one for one in known if standing and one.at > young and not _is_current(one, standing)]


def _is_current(one: Recent, standing: Standing) -> bool:
    return not one.document or one.document in standing.current


def _batches(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    left = iter(items)
    while some := list(islice(left, size)):
        yield some
