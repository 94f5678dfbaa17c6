"""The videos that have all terms of a query: found block by block, the latest numbers first.

The term with the fewest videos leads: the others are read only in blocks where it occurs. A prefix
of common words is not looked up at all: the pages of the candidates decide. A walk reads a bounded
number of rows and says how far it came, so that the next request continues there.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.aws.catalog.search_rows import BLOCK, KEYS, PREFIX_CALLS, Members, SearchRows

_SAMPLE = 2  # blocks that are read at first, and show which term is rare
_LED = (12, 100, 200)  # blocks of the rarest term that are read then: most searches need few


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
        self._prefixes: list[int] = []  # those that are rare enough to be read
        self._used: list[int] = []  # groups that decide; the others are left to the pages

    def run(self) -> Walked:
        self._read_prefixes()
        exact = [index for index, group in enumerate(self._groups) if not group.prefix]
        self._used = [*exact, *self._prefixes]
        if not self._used:  # common prefixes alone: most videos have such words
            numbers = range(self._below - 1, -1, -1)[: self._most]
            found = [(number, list[list[int]]()) for number in numbers]
            return Walked(found, numbers[-1] if numbers else 0)
        blocks = list(range((self._below - 1) // BLOCK, -1, -1))[: min(_SAMPLE, self._room(exact))]
        self._read(exact, blocks)
        done = self._take(blocks) // BLOCK
        lead = min(self._used, key=lambda index: self._count(index, blocks))
        others = [index for index in exact if index != lead]
        reads = 0 if self._groups[lead].prefix else len(self._groups[lead].terms)
        for rows in _LED:
            if not done or self._enough() or not self._calls_left(reads):
                break
            led, lowest = self._lead(lead, done, rows)
            step = self._room(others)
            while led and not self._enough() and (not others or self._calls_left(1)):
                some, led = led[:step], led[step:]
                self._read(others, some)
                done = self._take(some) // BLOCK
            if led or self._enough():
                break
            done = lowest
        if self._enough():
            self._found = self._found[: self._most]
            return Walked(self._found, self._found[-1][0])
        return Walked(self._found, done * BLOCK)

    def _read_prefixes(self) -> None:
        for index, group in enumerate(self._groups):
            if group.prefix:
                (prefix,) = group.terms
                members = None
                if self._calls_left(PREFIX_CALLS + 1):
                    members = self._rows.prefixed(prefix)
                if members is not None:
                    self._known |= {(index, block): some for block, some in members.items()}
                    self._prefixes.append(index)

    def _lead(self, lead: int, below: int, rows: int) -> tuple[list[int], int]:
        """Read the leading group below a block; return its blocks, and the lowest one looked at."""
        lowest = 0
        if not self._groups[lead].prefix:
            parts: dict[int, list[Members]] = defaultdict(list)
            for term in sorted(self._groups[lead].terms):
                members, last = self._rows.latest(term, below=below, limit=rows)
                lowest = max(lowest, last)
                for block, some in members.items():
                    parts[block].append(some)
            self._known |= {(lead, block): _union(some) for block, some in parts.items()}
        led = {block for index, block in self._known if index == lead and lowest <= block < below}
        latest = sorted(led, reverse=True)
        if len(latest) > rows:  # of a prefix
            return latest[:rows], latest[rows - 1]
        return latest, lowest

    def _enough(self) -> bool:
        return len(self._found) >= self._most

    def _calls_left(self, calls: int) -> bool:
        return self._rows.calls + calls <= self._last_call

    def _room(self, groups: Iterable[int]) -> int:
        """Return the number of blocks that one call reads for these groups."""
        return max(1, KEYS // max(1, sum(len(self._groups[group].terms) for group in groups)))

    def _count(self, group: int, blocks: Sequence[int]) -> float:
        if self._groups[group].prefix:
            every = [len(some) for (index, _), some in self._known.items() if index == group]
            return sum(every) * len(blocks) * BLOCK / self._below
        return sum(len(self._known.get((group, block), ())) for block in blocks)

    def _read(self, groups: Iterable[int], blocks: Sequence[int]) -> None:
        keys = {(term, block) for g in groups for term in self._groups[g].terms for block in blocks}
        if not keys:
            return
        found = self._rows.members(sorted(keys))
        for group in groups:
            for block in blocks:
                parts = [found.get((term, block), {}) for term in self._groups[group].terms]
                self._known[group, block] = _union([part for part in parts if part])

    def _take(self, blocks: Sequence[int]) -> int:
        """Add the candidates of blocks that are read in full; return the lowest number of them."""
        for block in blocks:
            each = [self._known.get((group, block), {}) for group in self._used]
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
