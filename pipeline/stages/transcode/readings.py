"""The input of a range of sound: stored packets, or the source from shortly before."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.core.location import Location
from pipeline.core.media_info import AudioStream
from pipeline.core.ranges import Made, Parts
from pipeline.core.stage import Source
from pipeline.media import ffmpeg, seeking
from pipeline.stages.transcode import packets, places
from pipeline.stages.transcode.encoded import Stored
from pipeline.stages.transcode.stretches import Stretch

_PIXELS = 1 << 26  # ffmpeg decodes a first frame of the picture to read the streams
_SETTLED_S = 1  # what decoders remember is shorter
# Their packets have several durations, of which times in milliseconds do not tell.
_UNEVEN = {"vorbis"}
# Otherwise ffmpeg fails if two thirds of the packets cannot be decoded: those of a part may all be.
_DAMAGED = ("-max_error_rate", "1")
_APART_S = 2  # packets may be this far from where a span of pictures has them


class Reading(NamedTuple):
    """The file that a track is read from, and the place.

    Attributes:
        path: the file.
        track: the record of the track in it.
        stream: ``AudioStream.index`` in the source.
        stored: whether it has copied packets alone.
        begin_s: where decoding begins, seconds; 0 for the start of the file.
        places: the expression of when samples are heard; see ``Stretch.filters``.
        surplus: samples to leave out at the beginning of the track.
    """

    path: Location
    track: AudioStream
    stream: int
    stored: bool
    begin_s: int = 0
    places: str = ""
    surplus: int = 0

    def source(self) -> Any:
        """Return the ffmpeg-python input."""
        if self.stored:
            return packets.source(self.path)
        begin: dict[str, Any] = seeking.options(self.begin_s)
        return ffmpeg.source(self.path, max_pixels=_PIXELS, **begin)

    def clocked(self, node: Any, given: Any, source: Source, stretch: Stretch) -> Any:
        """Return an output of the input ``given``, with the times of the film."""
        if stretch.whole and not self.stored:
            return ffmpeg.on_whole_clock(node, given, source.probe.streams)
        clock = ("-copyts",) if self.stored else seeking.ONE_CLOCK
        return node.global_args(*clock, *(() if stretch.whole else _DAMAGED))


class _Stored(NamedTuple):
    """The packets of a span of pictures, and their record."""

    made: Made
    data: Stored

    def is_near(self, begin_s: float, until_s: float) -> bool:
        """Return whether packets between two times may be among them."""
        range_ = self.made.range
        return range_.start_s < until_s + _APART_S and range_.end_s > begin_s - _APART_S


def divides(source: Source, track: AudioStream) -> bool:
    """Return whether a track can be decoded from anywhere as in one pass."""
    if track.codec in _UNEVEN and not packets.has_exact_times(track):
        return False
    return packets.can_store(track) or seeking.possible(source.path, source.probe.container)


def of(
    source: Source, track: AudioStream, parts: Parts, stretch: Stretch, scratch: Path
) -> Reading | None:
    """Return what the stretch of a track is read from; None if it has no packets."""
    begin_s = max(0, stretch.begin_s - _SETTLED_S)
    if not packets.can_store(track):
        place = source.path, track.index, track.time_base
        snap = seeking.snapped(*place) if stretch.begin_s else None
        return Reading(source.path, track, track.index, False, begin_s, snap or "")
    stored = [_Stored(one, Stored.of(one.part)) for one in parts]
    stored = [one for one in stored if track.index in one.data.packets]
    near = [one for one in stored if stretch.whole or one.is_near(begin_s, stretch.until_s)]
    if not near:
        return None
    path = scratch / "packets.nut"
    packets.joined((one.made.file(one.data.packets[track.index]) for one in near), path)
    here = track.model_copy(update={"index": 0})
    if stretch.begin_s:
        heard = _heard(stored, track, begin_s, stretch)
        return Reading(path, here, track.index, True, begin_s, heard)
    surplus = packets.surplus(source.path, track, path)
    return Reading(path, here, track.index, True, surplus=surplus)


def _heard(stored: Sequence[_Stored], track: AudioStream, begin_s: int, stretch: Stretch) -> str:
    """Return the expression of when the stored packets of a track are heard."""
    found = [one.data.batches[track.index] for one in stored]
    known = [batch for some in found if some is not None for batch in some]
    if any(some is None for some in found):
        return ""
    rate = track.sample_rate
    start, cut, end = (round(s * rate) for s in (begin_s, stretch.begin_s, stretch.until_s))
    return places.expression(places.steps(known, rate), start, cut, end, rate)
