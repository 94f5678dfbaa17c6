"""The tables of samples in an MP4 file: numbers, runs of equal values, and chunks."""

import struct
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, groupby, pairwise

_MOST = 5_000_000  # samples of a track: 11 hours at 120 frames a second


class Unusual(Exception):
    """A table that cannot be shortened safely."""


def numbers(box: bytes, kind: str, at: int = 4) -> "array[int]":
    """Return the numbers of a table that follow their count at ``at``."""
    (count,) = struct.unpack_from(">I", box, at)
    if count > _MOST:
        raise Unusual
    found = array(kind)
    found.frombytes(box[at + 4 : at + 4 + count * found.itemsize])
    if len(found) != count:
        raise Unusual
    found.byteswap()
    return found


def chunked(stsc: bytes, count: int) -> tuple["array[int]", "array[int]"]:
    """Return the first sample of each chunk and the end, and the description of each chunk."""
    (runs,) = struct.unpack_from(">I", stsc, 4)
    rows = list(struct.iter_unpack(">3I", stsc[8 : 8 + 12 * runs]))
    sizes, kinds = array("I"), array("I")
    for (first, size, kind), (after, _, _) in pairwise([*rows, (count + 1, 0, 0)]):
        if not (size and first <= after <= count + 1):
            raise Unusual
        sizes.extend([size] * (after - first))
        kinds.extend([kind] * (after - first))
    if len(sizes) != count:
        raise Unusual
    return array("q", accumulate(sizes, initial=0)), kinds


def by_run(given: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield (times, value) with equal values joined."""
    for value, group in groupby(given, key=lambda one: one[1]):
        if times := sum(one for one, _ in group):
            yield times, value


def table(rows: Iterable[tuple[int, int]], layout: str) -> bytes:
    """Return the box of a table."""
    packed = [struct.pack(layout, *row) for row in rows]
    return struct.pack(">2I", 0, len(packed)) + b"".join(packed)


def chunk_table(chunks: Sequence[tuple[int, int]]) -> bytes:
    """Return the box of the sizes of chunks in samples, and of their descriptions."""
    rows = []
    number = 1
    for row, group in groupby(chunks):
        rows.append(struct.pack(">3I", number, *row))
        number += len(list(group))
    return struct.pack(">2I", 0, len(rows)) + b"".join(rows)


def big_endian(numbers: "array[int]") -> bytes:
    """Return numbers with their highest bytes first."""
    numbers.byteswap()
    return numbers.tobytes()
