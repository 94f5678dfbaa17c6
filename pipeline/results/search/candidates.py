"""The videos that may have all terms of a query: recent ones, then block by block.

The term with the fewest videos leads: the others are read only in blocks where it occurs. A prefix
of common words is not looked up at all: the pages of the candidates decide. A walk reads a bounded
number of rows and says how far it came, so that the next request continues there.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.aws.catalog.search_rows import (
    EVERY,
    KEYS,
    PREFIX_CALLS,
    Members,
    Recently,
    SearchRows,
    member,
)

_SAMPLE = 2  # blocks that are read at first, and show which term is rare
_LED = (12, 60, 120)  # blocks of the rarest term that are read then: most searches need few
_RECENT = 1 << 40  # the block, in order, of videos that are in none


class Place(NamedTuple):
    """The place of a video in the order of the walk: the latest block is the highest."""

    block: int
    member: str


TOP = Place(_RECENT + 1, "")
"""A place above all videos."""
END = Place(0, "")
"""A place below all videos."""


@dataclass(frozen=True)
class Group:
    """Terms of which a video has at least one.

    Attributes:
        terms: exact terms, or one prefix.
        prefix: True for a prefix.
    """

    terms: frozenset[str]
    prefix: bool = False

    def has(self, terms: str) -> bool:
        """Return whether a text of terms, each between two line feeds, has one of these."""
        after = "" if self.prefix else "\n"
        return any(f"\n{term}{after}" in terms for term in self.terms)


class Walked(NamedTuple):
    """The outcome of a walk.

    Attributes:
        found: the places of candidates, the highest first.
        below: the next walk continues below this place; the lowest at the end.
    """

    found: list[Place]
    below: Place

    @property
    def ended(self) -> bool:
        """Return True if there are no more."""
        return self.below <= END


def walk(
    rows: SearchRows,
    recently: Recently,
    groups: Sequence[Group],
    *,
    below: Place,
    most: int,
    calls: int,
) -> Walked:
    """Return at most ``most`` videos that may have a term of each group.

    Args:
        rows: the index.
        recently: what no block has yet.
        groups: at least one.
        below: look at lower places only.
        most: candidates, at most.
        calls: requests to DynamoDB, at most, beside one for recent videos.
    """
    new, added = _recent(rows, recently, groups)
    found = sorted((one for one in new if one < below), reverse=True)
    if len(found) >= most:
        return Walked(found[:most], found[most - 1])
    start = min(below, Place(recently.blocks, ""))
    walked = _Walk(rows, groups, added, below=start, most=most - len(found), calls=calls).run()
    return Walked([*found, *walked.found], walked.below)


def is_recent(place: Place) -> bool:
    """Return whether a video was in no block."""
    return place.block == _RECENT


def _recent(
    rows: SearchRows, recently: Recently, groups: Sequence[Group]
) -> tuple[list[Place], dict[tuple[int, int], Members]]:
    """Return the candidates in no block, and members to add by group and block.

    A video in a block may have recent documents, too: then its terms are in both places.
    """
    has: dict[str, set[int]] = defaultdict(set)
    for one in recently.documents:
        has[one.video_id].update(n for n, group in enumerate(groups) if group.has(one.terms))
    some = {video_id: which for video_id, which in has.items() if which}
    # More are there only while thousands of results wait to be merged.
    blocks = rows.blocks(list(some)[:KEYS]) if some else {}
    new, added = [], defaultdict[tuple[int, int], Members](set)
    for video_id, which in some.items():
        block = blocks.get(video_id, recently.blocks)
        if block < recently.blocks:
            for group in which:
                added[group, block].add(member(video_id))
        elif len(which) == len(groups):
            new.append(Place(_RECENT, member(video_id)))
    return new, dict(added)


class _Walk:
    def __init__(
        self,
        rows: SearchRows,
        groups: Sequence[Group],
        added: Mapping[tuple[int, int], Members],
        *,
        below: Place,
        most: int,
        calls: int,
    ) -> None:
        self._rows = rows
        self._groups = list(groups)
        self._added = added
        self._below = below
        self._most = most
        self._last_call = rows.calls + calls
        self._known: dict[tuple[int, int], Members] = {}  # by group and block
        self._found: list[Place] = []
        self._prefixes: list[int] = []  # those that are rare enough to be read
        self._used: list[int] = []  # groups that decide; the others are left to the pages

    def run(self) -> Walked:
        top = self._below.block if self._below.member else self._below.block - 1
        if top < 0:
            return Walked([], END)
        self._read_prefixes()
        exact = [index for index, group in enumerate(self._groups) if not group.prefix]
        if not exact and not self._prefixes:  # common prefixes alone: most videos have such words
            exact = [len(self._groups)]
            self._groups.append(Group(frozenset({EVERY})))
        self._used = [*exact, *self._prefixes]
        blocks = list(range(top, -1, -1))[: min(_SAMPLE, self._room(exact))]
        self._read(exact, blocks)
        done = self._take(blocks)
        lead = min(self._used, key=lambda index: self._count(index, blocks, top))
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
                done = self._take(some)
            if led or self._enough():
                break
            done = lowest
        if self._enough():
            self._found = self._found[: self._most]
            return Walked(self._found, self._found[-1])
        return Walked(self._found, Place(done, ""))

    def _read_prefixes(self) -> None:
        for index, group in enumerate(self._groups):
            if group.prefix:
                (prefix,) = group.terms
                members = None
                if self._calls_left(PREFIX_CALLS + 1):
                    members = self._rows.prefixed(prefix)
                if members is not None:
                    for (which, block), some in self._added.items():
                        if which == index:
                            members.setdefault(block, set()).update(some)
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
            for (which, block), some in self._added.items():
                if which == lead and lowest <= block < below:
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

    def _count(self, group: int, blocks: Sequence[int], top: int) -> float:
        if self._groups[group].prefix:
            every = [len(some) for (index, _), some in self._known.items() if index == group]
            return sum(every) * len(blocks) / (top + 1)
        return sum(len(self._known.get((group, block), ())) for block in blocks)

    def _read(self, groups: Iterable[int], blocks: Sequence[int]) -> None:
        keys = {(term, block) for g in groups for term in self._groups[g].terms for block in blocks}
        if not keys:
            return
        found = self._rows.members(sorted(keys))
        for group in groups:
            for block in blocks:
                parts = [found.get((term, block), set()) for term in self._groups[group].terms]
                parts.append(self._added.get((group, block), set()))
                self._known[group, block] = _union([part for part in parts if part])

    def _take(self, blocks: Sequence[int]) -> int:
        """Add the candidates of blocks that are read in full; return the lowest block."""
        for block in blocks:
            each = [self._known.get((group, block), set()) for group in self._used]
            both = set[str].intersection(*each)
            places = sorted((Place(block, name) for name in both), reverse=True)
            self._found += [one for one in places if one < self._below]
        return blocks[-1] if blocks else 0


def _union(parts: Sequence[Members]) -> Members:
    return set[str]().union(*parts)
