"""The rows of the search index, and the reads of a query.

    pk                       sk                              what
    #recent                  {video id}#{stage}#{document}   the terms of a result made recently
    #recent                  ~                               number of blocks, languages of speech
    #pages#{video id}        {document}#{page}               a page of an indexed result
    {video id}               index                           the block that has the video
    #terms#{two characters}  {term}#{block}                  the videos of a block with the term

A *document* is one indexed result. These rows are hints: the rows of stages decide which document
is current. A run writes its rows with its result. A merge moves the terms of recent documents into
a block. A block's row of a term is a set of strings, so a video is added or removed atomically.
"""

import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pipeline.aws.catalog.table import Table, partition

KEYS = 100
"""Rows that one call reads."""
PREFIX_CALLS = 3
"""Calls that a prefix is worth."""
RECENT, STATE = "#recent", "~"
INDEX = "index"
"""Sort key of a video's row."""
EVERY = "*"
"""A term that each video has."""
_RECENT_CALLS = 3
_RECENT_ROWS = 5000  # of them, 1 MB at most is read
_NAMED = "name"  # in place of the stage, where only the name is to be found
# Rows of a query: parsing a common word's takes most of a search's time.
_ROWS, _FIRST_ROWS = 200, 40
_MANY = 3000  # members, after which a prefix is too common to be worth reading

Members = set[str]
"""Videos as they are in the row of a term."""


class Recent(NamedTuple):
    """A document that no block has yet, or the name of a video.

    Attributes:
        video_id: of its video.
        key: its sort key.
        document: its id; empty for a name.
        terms: each between two line feeds; those of the video's name, too.
        at: when it was written, in milliseconds.
        languages: of its speech.
    """

    video_id: str
    key: str
    document: str
    terms: str
    at: int
    languages: tuple[str, ...]

    @property
    def each(self) -> list[str]:
        """Return its terms."""
        return self.terms.split("\n")[1:-1]


class Recently(NamedTuple):
    """The recent documents, the number of blocks, and the languages of speech in these."""

    documents: list[Recent]
    blocks: int
    languages: frozenset[str]
    complete: bool


class SearchRows:
    """The rows of the search index as they are read.

    Args:
        table: the catalog's table.

    Attributes:
        calls: requests to DynamoDB so far.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self.calls = 0

    def recent(self) -> Recently:
        """Return what no block has yet, then the number of blocks: in this order none is missed."""
        rows: list[dict[str, Any]] = []
        start: dict[str, Any] | None = None
        for _ in range(_RECENT_CALLS):
            some, start = self._page(RECENT, ascending=True, start=start)
            rows += some
            if start is None:
                break
        state = rows.pop() if rows and rows[-1]["sk"] == STATE else {}
        if start is not None:
            self.calls += 1
            state = self._table.get(RECENT, STATE) or {}
        return Recently(
            [_recent(row) for row in rows],
            int(state.get("blocks", 0)),
            frozenset(state.get("languages", ())),
            complete=start is None,
        )

    def blocks(self, video_ids: Iterable[str]) -> dict[str, int]:
        """Return the blocks of videos, by id; those that are in none are left out."""
        keys = [(video_id, INDEX) for video_id in video_ids]
        self.calls += -(-len(keys) // KEYS)
        return {row["pk"]: int(row["block"]) for row in self._table.get_many(keys)}

    def members(self, keys: list[tuple[str, int]]) -> dict[tuple[str, int], Members]:
        """Return the members of terms in blocks, by term and block."""
        names = {posting_key(*key): key for key in keys}
        self.calls += -(-len(names) // KEYS)
        return {
            names[item["pk"], item["sk"]]: set(item["videos"])
            for item in self._table.get_many(list(names))
            if "videos" in item
        }

    def latest(self, term: str, *, below: int, limit: int) -> tuple[dict[int, Members], int]:
        """Return the members of a term in its latest blocks below one.

        Args:
            term: the term.
            below: a block.
            limit: blocks with members, at most.

        Returns:
            the members by block, and the lowest block that was looked at.
        """
        pk, first = posting_key(term, 0)
        rows, last = self._page(pk, between=(first, posting_key(term, below - 1)[1]), limit=limit)
        found = {_block(row): set(row.get("videos", ())) for row in rows}
        return found, 0 if last is None else _block(last)

    def prefixed(self, prefix: str) -> dict[int, Members] | None:
        """Return the members of all terms with a prefix, by block; None if these are many."""
        pk, _ = posting_key(prefix, 0)
        found: dict[int, Members] = defaultdict(set)
        limit, count, start = _FIRST_ROWS, 0, None
        for _ in range(PREFIX_CALLS):
            rows, start = self._page(pk, prefix=prefix, limit=limit, start=start)
            for row in rows:
                members = row.get("videos", ())
                count += len(members)
                found[_block(row)].update(members)
            if start is None:
                return found
            if count > _MANY:
                return None
            limit = _ROWS
        return None

    def pages(self, keys: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], bytes]:
        """Return pages by video, document and name; those that do not exist are left out."""
        names = {(pages_pk(key[0]), page_sk(*key[1:])): key for key in keys}
        self.calls += -(-len(names) // KEYS)
        found = self._table.get_many(list(names))
        return {names[item["pk"], item["sk"]]: item["page"] for item in found}

    def _page(
        self,
        pk: str,
        *,
        limit: int = _RECENT_ROWS,
        start: dict[str, Any] | None = None,
        ascending: bool = False,
        **sort: Any,
    ) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        self.calls += 1
        return self._table.page(
            KeyConditionExpression=partition("pk", pk, **sort),
            ConsistentRead=True,
            ScanIndexForward=ascending,
            limit=limit,
            **({"ExclusiveStartKey": start} if start else {}),
        )


def recent_row(
    video_id: str, stage: str, document: str, terms: Iterable[str], languages: Iterable[str]
) -> dict[str, Any]:
    """Return the row of a document without its time; without an id it is of the name alone."""
    text = "\n".join(["", *sorted(terms), ""])
    return {
        "pk": RECENT,
        "sk": f"{video_id}#{stage if document else _NAMED}#{document}",
        "terms": zlib.compress(text.encode()),
        "languages": sorted(languages),
    }


def _recent(row: Mapping[str, Any]) -> Recent:
    video_id, _, document = row["sk"].split("#")
    terms = zlib.decompress(row["terms"]).decode()
    return Recent(
        video_id, row["sk"], document, terms, int(row["at"]), tuple(row.get("languages", ()))
    )


def pages_pk(video_id: str) -> str:
    """Return the partition of a video's pages."""
    return f"#pages#{video_id}"


def page_sk(document: str, name: str) -> str:
    """Return the sort key of a page."""
    return f"{document}#{name}"


def posting_key(term: str, block: int) -> tuple[str, str]:
    """Return the key of a term's row in a block."""
    return f"#terms#{term[:2]}", f"{term}#{block:06d}"


def member(video_id: str) -> str:
    """Return the member of a term's row for a video: its id in two thirds of the characters."""
    return urlsafe_b64encode(bytes.fromhex(video_id)).decode().rstrip("=")


def video_of(member: str) -> str:
    """Return the video of a member."""
    return urlsafe_b64decode(member + "=" * (-len(member) % 4)).hex()


def _block(row: Mapping[str, Any]) -> int:
    return int(row["sk"].rpartition("#")[2])
