"""A progressive MP4 with its index first, whose media are the bytes of fragmented files.

The index (``moov``) gives the place of every sample, so the media need no other order than that
of their files. Their ``moof`` boxes become part of the one ``mdat``, where players skip them.
"""

import re
import struct
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

from pipeline.core.media_info import AudioStream
from pipeline.core.ranges import Piece
from pipeline.media.moov import packed
from pipeline.stages.transcode import boxes
from pipeline.stages.transcode.cmaf import Samples, Track
from pipeline.stages.transcode.spans import ROUNDING_S

_SCALE = 48_000  # of the movie: the samples of sound
_LARGEST = 0xFFFF_FFFF
_BRANDS = {b"vide": b"isom\0\0\2\0isomiso2avc1mp41", b"soun": b"M4A \0\0\2\0M4A isomiso2"}
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_UNDETERMINED = "und"
_ROLES = b"urn:mpeg:dash:role:2011\0"
# AAC needs the packet before the one where decoding begins.
_ROLL = struct.pack(">I4s2Ih", 0x0100_0000, b"roll", 2, 1, -1)


@dataclass(frozen=True)
class Reel:
    """One track of the MP4, in one file or several.

    Attributes:
        parts: its files, in order of time, with their samples.
        stream: the sound's record; None for a picture.
        default: it plays unless the viewer chooses another one.
    """

    parts: Sequence[Track]
    stream: AudioStream | None = None
    default: bool = True


@dataclass(frozen=True)
class Chunk:
    """Consecutive fragments of a part, whose bytes follow each other in the MP4."""

    reel: int
    part: int
    first: int
    after: int


def interleaved(reels: Sequence[Reel], starts: Sequence[float]) -> list[Chunk]:
    """Return the order of all fragments: those of each reel from one start to the next in turn.

    Sound comes before the picture, as there is less of it for a player to pass over.
    """
    keyed = []
    for number, reel in enumerate(reels):
        for part, track in enumerate(reel.parts):
            slots = [bisect_right(starts, one.start_s + ROUNDING_S) for one in track.fragments]
            at = 0
            for slot, equal in groupby(slots):
                after = at + sum(1 for _ in equal)
                rank = (max(1, slot), reel.stream is None, number, part)
                keyed.append((rank, Chunk(number, part, at, after)))
                at = after
    return [chunk for _, chunk in sorted(keyed, key=lambda one: one[0])]


def index(reels: Sequence[Reel], chunks: Sequence[Chunk]) -> tuple[bytes, list[Piece]]:
    """Return the first bytes of the MP4, and the pieces that follow them."""
    pieces = []
    for chunk in chunks:
        track = reels[chunk.reel].parts[chunk.part]
        first, last = track.fragments[chunk.first], track.fragments[chunk.after - 1]
        size = last.offset + last.size - first.offset
        pieces.append(Piece(name=track.name, start=first.offset, size=size))
    media = sum(piece.size for piece in pieces)
    brands = _BRANDS[b"vide" if reels[0].stream is None else b"soun"]
    before = len(brands) + 8 + 16
    large = before + media + (1 << 28) > _LARGEST  # the index itself is smaller than that
    size = len(_moov(reels, _places(reels, chunks, pieces, 0), large=large))
    moov = _moov(reels, _places(reels, chunks, pieces, before + size), large=large)
    mdat = struct.pack(">I4sQ", 1, b"mdat", 16 + media)
    return packed(b"ftyp", brands) + moov + mdat, pieces


_Places = dict[tuple[int, int, int], int]


def _places(
    reels: Sequence[Reel], chunks: Sequence[Chunk], pieces: Sequence[Piece], start: int
) -> _Places:
    """Return the offset of the first sample of each fragment: by reel, part and number."""
    found: _Places = {}
    for chunk, piece in zip(chunks, pieces, strict=True):
        samples = reels[chunk.reel].parts[chunk.part].samples
        for number in range(chunk.first, chunk.after):
            place = start + samples[number].offset - piece.start
            found[chunk.reel, chunk.part, number] = place
        start += piece.size
    return found


def _moov(reels: Sequence[Reel], places: _Places, *, large: bool) -> bytes:
    made = [_Trak(number, reel, places) for number, reel in enumerate(reels)]
    content = b"".join(one.box(large=large) for one in made)
    head = struct.pack(
        ">5IiH10x36s24xI",
        *(0, 0, 0, _SCALE, max(one.length for one in made)),
        *(0x10000, 0x100, _MATRIX, len(reels) + 1),
    )
    return packed(b"moov", packed(b"mvhd", head) + content)


class _Trak:
    """One track of the index."""

    def __init__(self, number: int, reel: Reel, places: _Places) -> None:
        self._number, self._reel = number, reel
        self._headers = [dict(boxes.walk(track.init)) for track in reel.parts]
        self._scale = boxes.timescale(self._headers[0][b"mdhd"])
        self._listed = [samples for track in reel.parts for samples in track.samples]
        self._places = [
            places[number, part, one]
            for part, track in enumerate(reel.parts)
            for one in range(len(track.samples))
        ]
        first = self._listed[0]
        earliest = min(_times(first))
        self._begins = earliest - first.decode  # of the media's time
        # When it is shown, in ticks of the film's time.
        self._shown = earliest + round(boxes.edit_offset(self._headers[0]) * self._scale)
        self.length = round(max(track.end_s for track in reel.parts) * _SCALE)

    def box(self, *, large: bool) -> bytes:
        stream = self._reel.stream
        parts = [self._tkhd(), packed(b"edts", self._elst()), self._mdia(large=large)]
        if stream and (kinds := _kinds(stream)):
            parts.append(packed(b"udta", kinds))
        return packed(b"trak", b"".join(parts))

    def _tkhd(self) -> bytes:
        sound = self._reel.stream is not None
        flags = 3 if self._reel.default else 2
        body = struct.pack(
            ">6I8x4H36s8s",
            *(flags, 0, 0, self._number + 1, 0, self.length),
            *(0, 1 if sound else 0, 0x100 if sound else 0, 0),
            *(_MATRIX, self._headers[0][b"tkhd"][-8:]),
        )
        return packed(b"tkhd", body)

    def _elst(self) -> bytes:
        edits = []
        late = max(0, self._shown)
        if late:
            length = round(late * _SCALE / self._scale)
            edits.append(struct.pack(">Ii2H", length, -1, 1, 0))
        length = self.length - round(late * _SCALE / self._scale)
        begins = self._begins + max(0, -self._shown)
        edits.append(struct.pack(">Ii2H", length, begins, 1, 0))
        return packed(b"elst", struct.pack(">2I", 0, len(edits)) + b"".join(edits))

    def _mdia(self, *, large: bool) -> bytes:
        header, stream = self._headers[0], self._reel.stream
        kind, name = (b"soun", "SoundHandler") if stream else (b"vide", "VideoHandler")
        if stream and stream.title:
            name = stream.title
        hdlr = struct.pack(">2I4s12x", 0, 0, kind) + name.encode() + b"\0"
        shown = b"smhd" if stream else b"vmhd"
        dref = struct.pack(">2I", 0, 1) + packed(b"url ", struct.pack(">I", 1))
        minf = (
            packed(shown, header[shown])
            + packed(b"dinf", packed(b"dref", dref))
            + packed(b"stbl", self._stbl(large=large))
        )
        return packed(b"mdia", self._mdhd() + packed(b"hdlr", hdlr) + packed(b"minf", minf))

    def _mdhd(self) -> bytes:
        length = sum(count * value for count, value in self._durations())
        if length > _LARGEST:
            times = struct.pack(">I2QIQ", 0x0100_0000, 0, 0, self._scale, length)
        else:
            times = struct.pack(">5I", 0, 0, 0, self._scale, length)
        language = struct.pack(">2H", _language(self._reel.stream), 0)
        return packed(b"mdhd", times + language)

    def _stbl(self, *, large: bool) -> bytes:
        sizes = [size for samples in self._listed for size in samples.sizes]
        places = self._places
        kind, layout = (b"co64", "Q") if large else (b"stco", "I")
        found = [
            (b"stsd", self._stsd()),
            (b"stts", _pairs(self._durations())),
            *self._shifts(),
            *self._sync(),
            (b"stsc", self._stsc()),
            (b"stsz", struct.pack(f">3I{len(sizes)}I", 0, 0, len(sizes), *sizes)),
            (kind, struct.pack(f">2I{len(places)}{layout}", 0, len(places), *places)),
        ]
        if self._reel.stream:
            all_ = struct.pack(">I4s3I", 0, b"roll", 1, len(sizes), 1)
            found += [(b"sgpd", _ROLL), (b"sbgp", all_)]
        return b"".join(packed(name, body) for name, body in found)

    def _durations(self) -> list[tuple[int, int]]:
        """Return the durations as pairs, so that each fragment begins at its decode time."""
        found: list[tuple[int, int]] = []
        for samples, following in zip(self._listed, [*self._listed[1:], None], strict=True):
            runs = [*samples.durations]
            if following:
                (count, last) = runs.pop()
                lasts = sum(number * value for number, value in samples.durations)
                gap = following.decode - samples.decode - lasts
                runs += [(count - 1, last), (1, max(0, last + gap))]
            found += runs
        return [
            (sum(count for count, _ in equal), value)
            for value, equal in (
                (value, list(pairs))
                for value, pairs in groupby((one for one in found if one[0]), lambda one: one[1])
            )
        ]

    def _shifts(self) -> list[tuple[bytes, bytes]]:
        """Return the composition offsets, which the edit list takes off."""
        shifts = [
            shift
            for samples in self._listed
            for shift in (samples.shifts or (0,) * len(samples.sizes))
        ]
        if not any(shifts):
            return []
        runs = [(sum(1 for _ in equal), value) for value, equal in groupby(shifts)]
        return [(b"ctts", _pairs(runs))]

    def _sync(self) -> list[tuple[bytes, bytes]]:
        """Return the keyframes of a picture: the first sample of each fragment."""
        if self._reel.stream:
            return []
        keys, number = [], 1
        for samples in self._listed:
            keys.append(number)
            number += len(samples.sizes)
        return [(b"stss", struct.pack(f">2I{len(keys)}I", 0, len(keys), *keys))]

    def _stsd(self) -> bytes:
        entries = self._entries()
        return struct.pack(">2I", 0, len(entries)) + b"".join(entries)

    def _entries(self) -> list[bytes]:
        """Return the decoder configurations, each one once."""
        return list(dict.fromkeys(header[b"stsd"][8:] for header in self._headers))

    def _stsc(self) -> bytes:
        entries = self._entries()
        rows: list[tuple[int, int, int]] = []
        number = 0
        for header, track in zip(self._headers, self._reel.parts, strict=True):
            entry = entries.index(header[b"stsd"][8:]) + 1
            for samples in track.samples:
                number += 1
                row = (number, len(samples.sizes), entry)
                if not rows or rows[-1][1:] != row[1:]:
                    rows.append(row)
        return struct.pack(">2I", 0, len(rows)) + b"".join(struct.pack(">3I", *r) for r in rows)


def _times(samples: Samples) -> list[int]:
    """Return the presentation times of a fragment, on the clock of its file."""
    durations = (value for count, value in samples.durations for _ in range(count))
    decodes = accumulate(durations, initial=samples.decode)
    shifts = samples.shifts or (0,) * len(samples.sizes)
    return [decode + shift for decode, shift in zip(decodes, shifts, strict=False)]


def _pairs(runs: Sequence[tuple[int, int]]) -> bytes:
    return struct.pack(">2I", 0, len(runs)) + b"".join(struct.pack(">2I", *run) for run in runs)


def _language(stream: AudioStream | None) -> int:
    """Return a language code of ISO 639-2 as 15 bits; other tags have no place here."""
    given = stream.language if stream and stream.language else _UNDETERMINED
    code = given if re.fullmatch("[a-z]{3}", given) else _UNDETERMINED
    first, second, third = (ord(letter) - 0x60 for letter in code)
    return first << 10 | second << 5 | third


def _kinds(stream: AudioStream) -> bytes:
    """Return the purposes of a track, in the words of DASH, which ffmpeg reads as flags."""
    roles = {b"commentary\0": stream.commentary, b"description\0": stream.described}
    return b"".join(
        packed(b"kind", bytes(4) + _ROLES + role) for role, is_set in roles.items() if is_set
    )
