"""The input of a range of sound: stored packets, or the source from shortly before."""

from pathlib import Path
from typing import Any, NamedTuple

from pipeline.core.location import Location
from pipeline.core.media_info import AudioStream
from pipeline.core.ranges import Parts
from pipeline.core.stage import Source
from pipeline.media import ffmpeg, seeking
from pipeline.stages.transcode import packets
from pipeline.stages.transcode.encoded import Listed
from pipeline.stages.transcode.stretches import Stretch

_PIXELS = 1 << 26  # ffmpeg decodes a first frame of the picture to read the streams
# Their packets have several durations, of which times in milliseconds do not tell.
_UNEVEN = {"vorbis"}
# Otherwise ffmpeg fails if two thirds of the packets cannot be decoded: those of a part may all be.
_DAMAGED = ("-max_error_rate", "1")


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


def divides(source: Source, track: AudioStream) -> bool:
    """Return whether a track can be decoded from anywhere as in one pass."""
    if track.codec in _UNEVEN and not packets.has_exact_times(track):
        return False
    return packets.can_store(track) or seeking.possible(source.path, source.probe.container)


def of_source(source: Source, track: AudioStream, stretch: Stretch) -> Reading:
    """Return the reading of a stretch whose packets cannot be stored."""
    place = source.path, track.index, track.time_base
    snap = seeking.snapped(*place) if stretch.begin_s else None
    return Reading(source.path, track, track.index, False, stretch.read_s, snap or "")


def of_packets(
    source: Source, track: AudioStream, listed: Listed, parts: Parts, stretch: Stretch, path: Path
) -> Reading:
    """Join the packets that a stretch of a track is decoded from, and return their reading.

    Args:
        source: the film.
        track: the record of the track.
        listed: the packets.
        parts: of earlier ranges, which have the files.
        stretch: the stretch.
        path: the file to write.
    """
    packets.joined(map(parts[0].file, listed.files), path)
    here = track.model_copy(update={"index": 0})
    surplus = 0 if stretch.begin_s else packets.surplus(source.path, track, path)
    return Reading(path, here, track.index, True, stretch.read_s, listed.heard, surplus)
