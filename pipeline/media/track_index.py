"""The samples of one track of an MP4 file, and its index without those of other times.

The samples that are left out keep their number and their time. Each of their runs becomes one chunk
of empty samples, so that ffmpeg counts as it does with the whole index.
"""

import math
import struct
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice, pairwise
from typing import NamedTuple

from pipeline.media import moov, stbl
from pipeline.media.stbl import Unusual

_SMALL = 256  # samples of a track that is always kept
_HEAD_S, _HEAD = 10.0, 64  # by which ffmpeg finds out what a track has
_TAIL = 64
_AROUND_S, _AROUND = 15.0, 128  # decoders with many threads read ahead
_KEYS = 2  # keyframes before a part
_BEFORE_S, _AHEAD_S = 0.1, 1.5  # read before and after a part
_SEEN = (b"vide", b"soun")


class Run(NamedTuple):
    """Consecutive chunks of a track: from ``first`` to before ``last``.

    Attributes:
        first: number of the first one.
        last: number of the one after the last one.
        blank: the place that left out chunks get; None if they are kept.
    """

    first: int
    last: int
    blank: int | None = None


@dataclass(frozen=True)
class TrackIndex:
    """The tables of a track.

    Attributes:
        kind: ``vide``, ``soun``, ….
        scale: ticks of its clock in a second.
        shift_s: when its tick 0 is shown.
        decodes: decode time of each sample in ticks, then the end of the last one.
        shifts: ticks from decoding to presentation of each sample; None if there are none.
        sizes: bytes of each sample.
        firsts: number of the first sample of each chunk, then that of all samples.
        offsets: place of each chunk in the file.
        kinds: number of the description of each chunk's samples.
        keys: numbers of keyframes, in order; None if all samples are.
        boxes: the content of all boxes.
    """

    kind: bytes
    scale: int
    shift_s: float
    decodes: Sequence[int]
    shifts: Sequence[int] | None
    sizes: "array[int]"
    firsts: Sequence[int]
    offsets: "array[int]"
    kinds: Sequence[int]
    keys: Sequence[int] | None
    boxes: dict[bytes, bytes]

    @property
    def count(self) -> int:
        """Return the number of samples."""
        return len(self.sizes)

    @property
    def seen(self) -> bool:
        """Return whether it is picture or sound."""
        return self.kind in _SEEN and self.count > 0

    @property
    def start_s(self) -> float:
        """Return when its first sample is shown."""
        first = self.shifts[0] if self.shifts else 0
        return (self.decodes[0] + first) / self.scale + self.shift_s

    def sample(self, time_s: float) -> int:
        """Return the number of the sample that is decoded at a time."""
        ticks = (time_s - self.shift_s) * self.scale
        return min(self.count, max(0, bisect_right(self.decodes, ticks) - 1))

    def key(self, sample: int, before: int = 0) -> int:
        """Return the last keyframe up to a sample, or one that is ``before`` so many of them."""
        if self.keys is None:
            return max(0, sample - before)
        return self.keys[max(0, bisect_right(self.keys, sample) - 1 - before)]

    def needed(self, start_s: float, end_s: float) -> list[tuple[float, float]]:
        """Return the times of which a part needs the samples: its own, the start, and the end.

        Args:
            start_s: start of the part, on the clock of the film.
            end_s: its end.
        """
        if self.count <= _SMALL:
            return []
        begin = min(self.sample(start_s - _AROUND_S), self.key(self.sample(start_s), before=_KEYS))
        end = max(self.sample(end_s + _AROUND_S), self.sample(end_s) + _AROUND)
        head = max(self.sample(self.start_s + _HEAD_S), _HEAD)
        return [
            (-math.inf, self._time_s(head)),
            (self._time_s(begin), self._time_s(end)),
            (self._time_s(self.count - _TAIL), math.inf),
        ]

    def chunks(self, start_s: float, end_s: float) -> range:
        """Return the chunks all of whose samples are decoded between two times."""
        if self.count <= _SMALL:
            return range(0)
        first, last = self.sample(start_s) + 1, self.sample(end_s)
        return range(bisect_left(self.firsts, first), bisect_right(self.firsts, last) - 1)

    def runs(self, left_out: Sequence[tuple[range, int]]) -> list[Run]:
        """Return all chunks as runs.

        Args:
            left_out: chunks to leave out, in order, with the place that they get.
        """
        runs, at = [], 0
        for chunks, blank in left_out:
            if chunks:
                runs += [Run(at, chunks.start), Run(chunks.start, chunks.stop, blank)]
                at = chunks.stop
        return [one for one in (*runs, Run(at, len(self.offsets))) if one.first < one.last]

    def media(self, start_s: float, end_s: float) -> Iterator[tuple[int, int]]:
        """Yield start and end in the file of each chunk that is read for a part."""
        begin = self.sample(start_s - _BEFORE_S)
        begin = self.key(begin) if self.kind == b"vide" else begin
        for chunk in range(*self._chunks(begin, self.sample(end_s + _AHEAD_S) + 1)):
            size = sum(self.sizes[self.firsts[chunk] : self.firsts[chunk + 1]])
            yield self.offsets[chunk], self.offsets[chunk] + size

    def shortened(self, runs: Sequence[Run]) -> dict[bytes, bytes]:
        """Return the tables without the samples of runs that are not kept."""
        wide = b"co64" in self.boxes
        offsets, chunks, sizes = array("Q" if wide else "I"), [], array("I")
        for run in runs:
            kept = run.blank is None
            for chunk in range(run.first, run.last) if kept else [run.first]:
                until = chunk + 1 if kept else run.last
                chunks.append((self.firsts[until] - self.firsts[chunk], self.kinds[chunk]))
                offsets.append(self.offsets[chunk] if run.blank is None else run.blank)
            begin, end = self.firsts[run.first], self.firsts[run.last]
            sizes.extend(self.sizes[begin:end] if kept else array("I", bytes(4 * (end - begin))))
        tables = {
            b"stts": stbl.table(stbl.by_run(self._durations(runs)), ">2I"),
            b"stsz": bytes(8) + struct.pack(">I", len(sizes)) + stbl.big_endian(sizes),
            b"stsc": stbl.chunk_table(chunks),
            b"co64" if wide else b"stco": struct.pack(">2I", 0, len(offsets))
            + stbl.big_endian(offsets),
        }
        if self.shifts is not None:
            tables[b"ctts"] = (
                self.boxes[b"ctts"][:4] + stbl.table(self._all_shifts(runs), ">Ii")[4:]
            )
        if self.keys is not None:
            spans = (
                (self.firsts[one.first], self.firsts[one.last]) for one in runs if one.blank is None
            )
            inside = [key + 1 for first, last in spans for key in self._keys(first, last)]
            tables[b"stss"] = struct.pack(f">{len(inside) + 2}I", 0, len(inside), *inside)
        return tables

    def _time_s(self, sample: int) -> float:
        """Return when a sample is decoded."""
        return self.decodes[min(self.count, max(0, sample))] / self.scale + self.shift_s

    def _keys(self, first: int, last: int) -> Sequence[int]:
        """Return the keyframes among the samples from ``first`` to before ``last``."""
        keys = self.keys or ()
        return keys[bisect_left(keys, first) : bisect_left(keys, last)]

    def _chunks(self, begin: int, end: int) -> tuple[int, int]:
        """Return the chunks with the samples from ``begin`` to before ``end``."""
        first = bisect_right(self.firsts, max(0, begin)) - 1
        return min(first, len(self.offsets)), bisect_left(self.firsts, min(end, self.count))

    def _durations(self, runs: Sequence[Run]) -> Iterator[tuple[int, int]]:
        for run in runs:
            begin, end = self.firsts[run.first], self.firsts[run.last]
            if run.blank is None:
                yield from ((1, b - a) for a, b in pairwise(self.decodes[begin : end + 1]))
            else:
                each, more = divmod(self.decodes[end] - self.decodes[begin], end - begin)
                yield end - begin - more, each
                yield more, each + 1

    def _all_shifts(self, runs: Sequence[Run]) -> Iterator[tuple[int, int]]:
        shifts = self.shifts or ()
        given: list[tuple[int, int]] = []
        for run in runs:
            begin, end = self.firsts[run.first], self.firsts[run.last]
            if run.blank is None:
                given += ((1, one) for one in shifts[begin:end])
            else:
                given.append((end - begin, shifts[0]))
        return stbl.by_run(given)


def read(trak: bytes, movie_scale: int) -> TrackIndex:
    """Read the tables of a track.

    Args:
        trak: content of its box.
        movie_scale: ticks of the film's clock in a second.

    Raises:
        Unusual: they have what cannot be shortened.
        LookupError: a table is missing.
        struct.error: a table is damaged.
    """
    if moov.replaced(trak, {}) != trak:
        raise Unusual
    boxes = dict(moov.leaves(trak))
    mdhd, stsz = boxes[b"mdhd"], boxes[b"stsz"]
    (scale,) = struct.unpack_from(">I", mdhd, 20 if mdhd[0] else 12)
    same, count = struct.unpack_from(">2I", stsz, 4)
    if same or not scale:  # sound without compression, whose chunks ffmpeg reads otherwise
        raise Unusual
    sizes = stbl.numbers(stsz, "I", 8)  # the first, since it checks their number
    durations = list(islice(moov.repeated(boxes[b"stts"], ">2I"), count + 1))
    shifts = None
    if b"ctts" in boxes:
        shifts = array("i", islice(moov.repeated(boxes[b"ctts"], ">Ii"), count + 1))
        if len(shifts) != count or min(shifts, default=0) < 0:
            raise Unusual
    wide = b"co64" in boxes
    offsets = stbl.numbers(boxes[b"co64" if wide else b"stco"], "Q" if wide else "I")
    firsts, kinds = stbl.chunked(boxes[b"stsc"], len(offsets))
    keys = stbl.numbers(boxes[b"stss"], "I") if b"stss" in boxes else None
    rising = keys is None or (len(keys) > 0 and all(a < b for a, b in pairwise([0, *keys])))
    if len(durations) != count or firsts[-1] != count or not rising:
        raise Unusual
    return TrackIndex(
        kind=boxes[b"hdlr"][8:12],
        scale=scale,
        shift_s=_shift_s(boxes.get(b"elst"), scale, movie_scale),
        decodes=array("q", accumulate(durations, initial=0)),
        shifts=shifts,
        sizes=sizes,
        firsts=firsts,
        offsets=offsets,
        kinds=kinds,
        keys=None if keys is None else array("I", (key - 1 for key in keys)),
        boxes=boxes,
    )


def _shift_s(elst: bytes | None, scale: int, movie_scale: int) -> float:
    """Return when tick 0 of a track is shown, by an edit list of at most one part of the media."""
    edits = moov.edits(elst) if elst else []
    parts = [media for _, media in edits if media >= 0]
    if len(parts) > 1 or (edits and edits[-1][1] < 0):
        raise Unusual
    empty = sum(duration for duration, media in edits if media < 0)
    return empty / movie_scale - sum(parts) / scale
