"""The videos that have all terms of a query: found block by block, the latest numbers first.

The term with the fewest videos leads: the others are read only in blocks where it occurs. A walk
reads a bounded number of rows and says how far it came, so that the next request continues there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.aws.catalog.search_rows import BLOCK, KEYS, Members, SearchRows

_SAMPLE = 2  # blocks that are read at first, and show which term is rare


@dataclass(frozen=True)
class Group:
    """Terms of which a video has at least one.

    Attributes:
        terms: exact terms, or one prefix.
        prefix: True for a prefix.
    """

    terms: frozenset[str]
    prefix: bool = False


class Walked(NamedTuple):
    """The outcome of a walk.

    Attributes:
        found: the candidates, the latest number first: the generations that have each group.
        below: the next walk continues below this number; 0 at the end.
    """

    found: list[tuple[int, list[list[int]]]]
    below: int


def walk(rows: SearchRows, groups: Sequence[Group], *, below: int, most: int, calls: int) -> Walked:
    """Return at most ``most`` videos that have a term of each group.

    Args:
        rows: the index.
        groups: at least one.
        below: look at lower numbers only.
        most: candidates, at most.
        calls: requests to DynamoDB, at most.
    """
    return _Walk(rows, groups, below=below, most=most, calls=calls).run()


class _Walk:
    def __init__(
        self, rows: SearchRows, groups: Sequence[Group], *, below: int, most: int, calls: int
    ) -> None:
        self._rows = rows
        self._groups = groups
        self._below = below
        self._most = most
        self._last_call = rows.calls + calls
        self._known: dict[tuple[int, int], Members] = {}  # by group and block
        self._found: list[tuple[int, list[list[int]]]] = []

    def run(self) -> Walked:
        blocks = list(range((self._below - 1) // BLOCK, -1, -1))
        everywhere = range(len(self._groups))
        for index in everywhere:
            if self._groups[index].prefix:
                (prefix,) = self._groups[index].terms
                for block, members in self._rows.prefixed(prefix).items():
                    self._known[index, block] = members
        sample = blocks[: min(_SAMPLE, self._room(everywhere))]
        self._read(everywhere, sample)
        done = self._take(sample)
        lead = min(everywhere, key=lambda index: self._count(index, sample))
        others = [index for index in everywhere if index != lead]
        rest = blocks[len(sample) :]
        while rest and not self._enough() and self._rows.calls < self._last_call:
            some, rest = rest[: self._room([lead])], rest[self._room([lead]) :]
            self._read([lead], some)
            led = [block for block in some if self._known.get((lead, block))]
            step = self._room(others)
            while led and not self._enough() and self._calls_left(others):
                self._read(others, led[:step])
                done = self._take(led[:step])
                led = led[step:]
            if led:
                break
            if not self._enough():
                done = some[-1] * BLOCK
        if self._enough():
            self._found = self._found[: self._most]
            return Walked(self._found, self._found[-1][0])
        return Walked(self._found, done)

    def _enough(self) -> bool:
        return len(self._found) >= self._most

    def _calls_left(self, groups: Sequence[int]) -> bool:
        return self._rows.calls < self._last_call or all(self._groups[g].prefix for g in groups)

    def _room(self, groups: Iterable[int]) -> int:
        """Return the number of blocks that one call reads for these groups."""
        terms = sum(len(self._groups[g].terms) for g in groups if not self._groups[g].prefix)
        return max(1, KEYS // max(1, terms))

    def _count(self, group: int, blocks: Sequence[int]) -> int:
        known = self._known
        if self._groups[group].prefix:
            return min(sum(len(members) for (g, _), members in known.items() if g == group), BLOCK)
        return sum(len(known.get((group, block), ())) for block in blocks)

    def _read(self, groups: Iterable[int], blocks: Sequence[int]) -> None:
        exact = [g for g in groups if not self._groups[g].prefix]
        keys = {(term, block) for g in exact for term in self._groups[g].terms for block in blocks}
        if not keys:
            return
        found = self._rows.members(sorted(keys))
        for g in exact:
            for block in blocks:
                parts = [found.get((term, block), {}) for term in self._groups[g].terms]
                self._known[g, block] = _union([part for part in parts if part])

    def _take(self, blocks: Sequence[int]) -> int:
        """Add the candidates of blocks that are read in full; return the lowest number of them."""
        for block in blocks:
            each = [self._known.get((g, block), {}) for g in range(len(self._groups))]
            fewest = min(each, key=len)
            both = [
                number
                for number in fewest
                if number < self._below and all(number in members for members in each)
            ]
            for number in sorted(both, reverse=True):
                self._found.append((number, [members[number] for members in each]))
        return blocks[-1] * BLOCK if blocks else 0


def _union(parts: Sequence[Members]) -> Members:
    if len(parts) <= 1:
        return parts[0] if parts else {}
    made: Members = {}
    for part in parts:
        for number, generations in part.items():
            made[number] = [*made.get(number, ()), *generations]
    return made
