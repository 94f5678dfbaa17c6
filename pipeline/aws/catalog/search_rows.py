"""The rows of the search index, and the reads of a query.

    pk                    sk                       what
    #search               #search                  the last number given, languages of speech
    {video_id}            search                   the video's number, its last generation
    {video_id}            search#{generation}      one indexed result: state, attempt, lease
    #search#{number}      head                     what is shown: a generation a stage, as JSON
    #search#{number}      {generation}#{page}      a page of an indexed result
    #words#{two letters}  {term}#{block}           the generations that have the term

Videos are numbered in the order in which they are first indexed. A block is 1,024 numbers, and a
term's row of a block is a set of strings: two characters for the number within the block, and the
generation. So adding and removing are one atomic write each, without a read.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pipeline.aws.catalog.table import Table, partition
from pipeline.core.errors import InvalidArgument

BLOCK = 1024
"""Videos of a block."""
KEYS = 100
"""Rows that one call reads."""
COUNTER = ("#search", "#search")
NUMBER = "search"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
_VALUE = {digit: value for value, digit in enumerate(_DIGITS)}
_BASE = len(_DIGITS)
_CALL = 1_000_000  # bytes of a query's answer
_MOST_CALLS = 3  # for a prefix
_ROW, _MEMBER = 80, 5  # bytes, about
_MOST_ROWS = 1500  # of a prefix: what parsing allows within a request

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

    def prefixed(self, prefix: str) -> dict[int, Members]:
        """Return the members of all terms with a prefix, by block.

        Raises:
            InvalidArgument: ``prefix_too_broad``.
        """
        pk, _ = posting_key(prefix, 0)
        found: dict[int, Members] = defaultdict(lambda: defaultdict(list))
        rows = self._table.query(
            KeyConditionExpression=partition("pk", pk, prefix=prefix), ConsistentRead=True
        )
        size = 0
        for count, row in enumerate(rows, start=1):
            members, block = row.get("videos", ()), int(row["sk"].rpartition("#")[2])
            size += _ROW + _MEMBER * len(members)
            if count > _MOST_ROWS or size > _MOST_CALLS * _CALL:
                raise InvalidArgument(
                    "prefix_too_broad",
                    f"Too many words begin with {prefix}. Give more of the word before the *.",
                )
            for number, generations in _members(members, block).items():
                found[block][number] += generations
        self.calls += 1 + size // _CALL
        return found

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


def shown(head: Mapping[str, Any], stage: str) -> dict[str, Any] | None:
    """Return what a head shows of a stage."""
    text = head.get(attribute(stage))
    return None if text is None else dict(json.loads(text))


def attribute(stage: str) -> str:
    """Return the attribute of a head for a stage; names in expressions have no hyphens."""
    return "of_" + "".join(one if one.isalnum() else "_" for one in stage)
