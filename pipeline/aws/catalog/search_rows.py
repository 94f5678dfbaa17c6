"""The rows of the search index, and the reads of a query.

    pk                    sk                       what
    #search               #search                  the last number given, languages of speech
    {video_id}            search                   the video's number, its last generation
    {video_id}            search#{generation}      one indexed result: state, attempt, lease
    #search#{number}      head                     what is shown: a generation a stage, as JSON
    #search#{number}      {generation}#{page}      a page of an indexed result
    #words#{two characters}  {term}#{block}           the generations that have the term

Videos are numbered in the order in which they are first indexed. A block is 256 numbers, and a
term's row of a block is a set of strings: two characters for the number within the block, and the
generation. So adding and removing are one atomic write each, without a read.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pipeline.aws.catalog.table import Table, partition

BLOCK = 256
"""Videos of a block."""
KEYS = 100
"""Rows that one call reads."""
PREFIX_CALLS = 3
"""Calls that a prefix is worth."""
COUNTER = ("#search", "#search")
NUMBER = "search"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
_VALUE = {digit: value for value, digit in enumerate(_DIGITS)}
_BASE = len(_DIGITS)
# Rows of a query: parsing a common word's takes most of a search's time.
_ROWS, _FIRST_ROWS = 200, 40
_MANY = 3000  # members, after which a prefix is too common to be worth reading

Members = dict[int, list[int]]
"""Generations that have a term, by number."""


class Counted(NamedTuple):
    """The last number given, and the languages of speech in the index."""

    last: int
    languages: tuple[str, ...]


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

    def counted(self) -> Counted:
        """Return the size of the index."""
        self.calls += 1
        found = self._table.get(*COUNTER) or {}
        return Counted(found.get("last", 0), tuple(sorted(found.get("languages", ()))))

    def number(self, video_id: str) -> int | None:
        """Return a video's number; None if it is not in the index."""
        self.calls += 1
        found = self._table.get(video_id, NUMBER)
        return int(found["number"]) if found else None

    def members(self, keys: list[tuple[str, int]]) -> dict[tuple[str, int], Members]:
        """Return the members of terms in blocks, by term and block."""
        names = {posting_key(*key): key for key in keys}
        self.calls += -(-len(names) // KEYS)
        found = self._table.get_many(list(names))
        return {
            (key := names[item["pk"], item["sk"]]): _members(item["videos"], key[1])
            for item in found
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
        found = {_block(row): _members(row.get("videos", ()), _block(row)) for row in rows}
        return found, 0 if last is None else _block(last)

    def prefixed(self, prefix: str) -> dict[int, Members] | None:
        """Return the members of all terms with a prefix, by block; None if these are many."""
        pk, _ = posting_key(prefix, 0)
        found: dict[int, Members] = defaultdict(dict)
        limit, count, start = _FIRST_ROWS, 0, None
        for _ in range(PREFIX_CALLS):
            rows, start = self._page(pk, prefix=prefix, limit=limit, start=start)
            for row in rows:
                block = _block(row)
                members = _members(row.get("videos", ()), block)
                count += len(members)
                for number, generations in members.items():
                    found[block][number] = [*found[block].get(number, ()), *generations]
            if start is None:
                return found
            if count > _MANY:
                return None
            limit = _ROWS
        return None

    def _page(
        self, pk: str, *, limit: int, start: dict[str, Any] | None = None, **sort: Any
    ) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        self.calls += 1
        return self._table.page(
            KeyConditionExpression=partition("pk", pk, **sort),
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=limit,
            **({"ExclusiveStartKey": start} if start else {}),
        )

    def heads(self, numbers: Iterable[int]) -> dict[int, dict[str, Any]]:
        """Return what is shown of videos, by number; those that were deleted are left out."""
        keys = [(video_pk(number), "head") for number in numbers]
        self.calls += -(-len(keys) // KEYS)
        found = self._table.get_many(keys)
        return {int(item["pk"].rpartition("#")[2]): item for item in found}

    def pages(self, keys: Iterable[tuple[int, int, str]]) -> dict[tuple[int, int, str], bytes]:
        """Return pages by number, generation and name; those that do not exist are left out."""
        names = {(video_pk(key[0]), page_sk(*key[1:])): key for key in keys}
        self.calls += -(-len(names) // KEYS)
        found = self._table.get_many(list(names))
        return {names[item["pk"], item["sk"]]: item["page"] for item in found}


def video_pk(number: int) -> str:
    """Return the partition of a video's pages."""
    return f"#search#{number}"


def page_sk(generation: int, name: str) -> str:
    """Return the sort key of a page."""
    return f"{generation:x}#{name}"


def posting_key(term: str, block: int) -> tuple[str, str]:
    """Return the key of a term's row in a block."""
    return f"#words#{term[:2]}", f"{term}#{block:06d}"


def member(number: int, generation: int) -> str:
    """Return the member of a term's row for a video's generation."""
    high, low = divmod(number % BLOCK, _BASE)
    return f"{_DIGITS[high]}{_DIGITS[low]}{generation}"


def _members(texts: Iterable[str], block: int) -> Members:
    first = block * BLOCK
    found: Members = {}
    for text in texts:
        number = first + _VALUE[text[0]] * _BASE + _VALUE[text[1]]
        generation = int(text[2:])
        if number in found:
            found[number].append(generation)
        else:
            found[number] = [generation]
    return found


def _block(row: Mapping[str, Any]) -> int:
    return int(row["sk"].rpartition("#")[2])


def shown(head: Mapping[str, Any], stage: str) -> dict[str, Any] | None:
    """Return what a head shows of a stage."""
    text = head.get(attribute(stage))
    return None if text is None else dict(json.loads(text))


def attribute(stage: str) -> str:
    """Return the attribute of a head for a stage; names in expressions have no hyphens."""
    return "of_" + "".join(one if one.isalnum() else "_" for one in stage)
