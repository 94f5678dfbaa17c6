"""The packets of sound in a span, copied beside its pictures, and their joining to one stream.

So the source is read once, and ranges of sound have other lengths than those of pictures. Packets
are stored in NUT, which keeps their exact times.
"""

import shutil
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

from pipeline.core.errors import BadInput
from pipeline.core.location import Location
from pipeline.core.media_info import AudioStream
from pipeline.media import ffmpeg, streams
from pipeline.stages.transcode.spans import ROUNDING_S, Span

# What NUT keeps with all that a decoder needs. Its Opus loses half a millisecond of the time that
# Matroska gives, and its MP3 of MP4 has headers of other packets.
_CODECS = {"aac", "ac3", "eac3", "mp2", "flac", "vorbis", "dts"}
_OF_EXACT_TIMES, _OF_OTHERS = {"opus"}, {"mp3"}
_FILE_ID = b"nut/multimedia container\0"
# NUT has no times below 0, which the priming of AAC has.
OFFSET_S = 10
"""Seconds between the start of the file and that of the film."""
_FIRST = 8  # packets in which priming ends
_PIXELS = 1 << 26  # there are none
_AHEAD_S = 1.0  # sound may be this much after its picture in the file


def can_store(track: AudioStream) -> bool:
    """Return whether the packets of a track can be copied; others are read from the source."""
    others = _OF_EXACT_TIMES if has_exact_times(track) else _OF_OTHERS
    return track.codec in _CODECS | others or track.codec.startswith("pcm_")


def output(given: Any, path: Location, track: AudioStream, span: Span, target: Path) -> Any:
    """Return the ffmpeg-python output of the packets of a track that belong to a span.

    Each packet belongs to one span alone, whose range decides by what all ranges read alike: its
    time if that is a number of samples, else its place in the file. ffmpeg smooths coarser times
    from wherever it began to read.

    Args:
        given: the source, as ``ffmpeg.source`` returned it, read from before the span.
        path: the source.
        track: its record.
        span: of the film.
        target: the file.
    """
    import ffmpeg as fluent  # noqa: PLC0415 - stage modules import nothing heavy before they run

    rate = track.sample_rate
    if has_exact_times(track):
        name, places = "pts", (span.start_s * rate, span.end_s * rate)
    else:
        name, places = (
            "pos",
            (
                0 if span.first else _place(path, track, span.start_s),
                0 if span.last else _place(path, track, span.end_s),
            ),
        )
    others = [
        *([] if span.first else [f"lt({name},{places[0]})"]),
        *([] if span.last else [f"gte({name},{places[1]})"]),
    ]
    options: dict[str, Any] = {
        "bsf:a": f"noise=amount=0:drop='{'+'.join(others) or 0}'",
        # That of NUT, so that times are numbers of samples.
        "time_base": f"1/{rate}",
        "output_ts_offset": OFFSET_S,
        "avoid_negative_ts": "disabled",
        # The version of NUT that says how much priming and padding decoders take off.
        "syncpoints": "timestamped",
        "strict": "experimental",
        "map_metadata": -1,
    }
    if not span.last:
        options["to"] = f"{span.end_s + _AHEAD_S:.6f}"
    return fluent.output(
        given[str(track.index)], f"file:{target}", c="copy", format="nut", **options
    )


def joined(parts: Iterable[Path], target: Path) -> None:
    """Write the packets of all spans, in order, to one file."""
    with target.open("wb") as file:
        for number, part in enumerate(parts):
            with part.open("rb") as given:
                if number:  # the only bytes that a demuxer does not pass over
                    given.seek(len(_FILE_ID))
                shutil.copyfileobj(given, file)


def source(path: Location) -> Any:
    """Return the ffmpeg-python input of joined packets, on the film's timeline."""
    return ffmpeg.source(path, max_pixels=_PIXELS, itsoffset=-OFFSET_S)


def surplus(path: Location, track: AudioStream, stored: Location) -> int:
    """Return how many samples joined packets give before the first one that their source gives.

    MP4 says of whole packets that they only prime the decoder, which NUT cannot.

    Raises:
        VideodropError: see ``ffmpeg.judge``.
    """
    first_s, length, start_s = _frames(path, track.index)[0]
    before = 0
    for time_s, count, _ in _frames(stored, 0):
        if count == length and abs(time_s - OFFSET_S - (first_s - start_s)) < ROUNDING_S:
            return before
        before += count
    return 0


def _frames(path: Location, index: int) -> list[tuple[float, int, float]]:
    """Return the first frames of a file: their time, number of samples, and the file's start.

    Raises:
        BadInput: ``undecodable``: it has none.
    """
    where = ("-select_streams", str(index), "-read_intervals", f"%+#{_FIRST}", "-of", "csv")
    entries = ("-show_entries", "frame=pts_time,nb_samples:format=start_time")
    found, start_s = [], 0.0
    with ffmpeg.probing(path, *where, *entries) as child:
        for line in child.lines():
            kind, *values = line.split(",")
            if kind == "format":
                start_s = streams.seconds(values[0])
            elif len(values) > 1 and (time_s := streams.number(values[0])) is not None:
                found.append((time_s, int(values[1])))
        ffmpeg.judge(child)
    if not found:
        raise BadInput("undecodable", "The sound of the file could not be decoded.")
    return [(time_s, count, start_s) for time_s, count in found]


def has_exact_times(track: AudioStream) -> bool:
    """Return whether the times of its packets are numbers of samples."""
    return Fraction(track.time_base) == Fraction(1, track.sample_rate)


def _place(path: Location, track: AudioStream, time_s: float) -> int:
    """Return the place in the file of the first packet of a track that is due from a time on.

    Without one within a second, it is a place after all packets until then.
    """
    # All tracks are read: ffprobe would seek one without an index by reading all before it.
    where = ("-read_intervals", f"+{time_s:.6f}%{time_s + _AHEAD_S:.6f}", "-of", "csv=p=0")
    entries = ("-show_entries", "packet=stream_index,pts_time,pos")
    due, reached = 1 << 62, -1
    with ffmpeg.probing(path, *where, *entries) as child:
        for line in child.lines():
            index, time, place, *_ = (*line.split(","), "", "")
            if not place.isdigit():
                continue
            reached = max(reached, int(place))
            pts_s = streams.number(time)
            if index == str(track.index) and pts_s is not None and pts_s >= time_s:
                due = min(due, int(place))
        ffmpeg.judge(child)
    return due if due <= reached or reached < 0 else reached + 1
