"""Playback checks of renditions by ffmpeg and ffprobe, without code of the pipeline."""

import os
import re
import struct
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple


class Segment(NamedTuple):
    """A segment: bytes of a file, and the header that its decoder needs before them."""

    path: Path
    start: int
    size: int
    header: bytes

    def read(self):
        """Return the header and the segment."""
        return self.header + self.media()

    def media(self):
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read(self.size)


def playlist(path):
    """Return [(seconds, Segment)] of a media playlist."""
    text = path.read_text()
    assert text.startswith("#EXTM3U\n")
    assert text.endswith("#EXT-X-ENDLIST\n")
    found, seconds, span, header = [], 0.0, None, b""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name == "#EXT-X-MAP":
            given = attributes(line)
            size, start = map(int, given["BYTERANGE"].strip('"').split("@"))
            file = path.parent / given["URI"].strip('"')
            header = file.read_bytes()[start : start + size]
        elif name == "#EXTINF":
            seconds = float(value.rstrip(","))
        elif name == "#EXT-X-BYTERANGE":
            span = tuple(map(int, value.split("@")))
        elif not line.startswith("#"):
            file = path.parent / line
            size, start = span or (file.stat().st_size, 0)
            assert start + size <= file.stat().st_size
            found.append((seconds, Segment(file, start, size, header)))
    target = int(re.search(r"#EXT-X-TARGETDURATION:(\d+)", text)[1])
    assert all(round(seconds) <= target for seconds, _ in found)
    return found


def attributes(line):
    """Return the attribute list of a playlist tag."""
    return dict(re.findall(r'([A-Z-]+)=("[^"]*"|[^,]*)', line.partition(":")[2]))


def variants(master):
    """Return [(attributes, media playlist)] of a master playlist."""
    lines = master.read_text().splitlines()
    return [
        (attributes(line), master.parent / lines[number + 1])
        for number, line in enumerate(lines)
        if line.startswith("#EXT-X-STREAM-INF:")
    ]


def alternatives(master):
    """Return [(attributes, media playlist)] of the audio renditions."""
    found = [
        attributes(line)
        for line in master.read_text().splitlines()
        if line.startswith("#EXT-X-MEDIA:")
    ]
    return [(a, master.parent / a["URI"].strip('"')) for a in found]


def decodes(*paths):
    """Decode all of each file, with any error fatal. One process does: its start takes longest."""
    strict = ("-threads", "1", "-err_detect", "explode", "-i")
    given = [word for path in paths for word in (*strict, path)]
    maps = [word for n in range(len(paths)) for word in ("-map", f"{n}:v?", "-map", f"{n}:a?")]
    # Not the null muxer, which takes equal times after rounding for errors.
    command = ["ffmpeg", "-nostdin", "-v", "error", "-xerror", *given, *maps, "-f", "framecrc"]
    command += ["-y", os.devnull]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode == 0 and not done.stderr


def segments(media_playlist, scratch):
    """Write every segment alone after the init section, as after a seek; return the files."""
    found = []
    for number, (_, segment) in enumerate(playlist(media_playlist)):
        alone = scratch / f"{media_playlist.parent.name}-{number}.mp4"
        alone.write_bytes(segment.read())
        found.append(alone)
    return found


def frames(path):
    """Return [(time, is key)] of all packets of the picture, in order of presentation."""
    (found,) = frames_of(path)
    return found


def frames_of(*paths):
    """Return the frames of each file, read by one process."""
    given = [word for path in paths for word in ("-i", path)]
    maps = [word for number in range(len(paths)) for word in ("-map", f"{number}:v:0")]
    every = ("-c", "copy", "-copyts", "-copyinkf", "-copypriorss", "1")
    command = ["ffmpeg", "-nostdin", "-v", "error", *given, *maps, *every, "-f", "framecrc", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found, units = [[] for _ in paths], {}
    for line in said.splitlines():
        if line.startswith("#tb "):
            number, unit = line.removeprefix("#tb ").split(": ")
            units[number] = Fraction(unit)
        elif not line.startswith("#"):
            number, _, time, *_ = (word.strip() for word in line.split(","))
            found[int(number)].append((float(int(time) * units[number]), "F=0x" not in line))
    return [sorted(one) for one in found]


def seen(segment):
    """Return (start, end) of a segment's picture, the end by its last frame's own duration.

    So browsers see it. A sample's duration lasts until the next one is decoded.
    """
    (scale,) = struct.unpack_from(">I", segment.header, segment.header.index(b"mdhd") + 16)
    media, at, frames = segment.media(), 0, []
    while at < len(media):
        size, kind = struct.unpack_from(">I4s", media, at)
        if kind == b"moof":
            moof = media[at : at + size]
            (decode,) = struct.unpack_from(">Q", moof, moof.index(b"tfdt") + 8)
            run = moof.index(b"trun") + 4
            flags, count = struct.unpack_from(">2I", moof, run)
            assert flags == 0x01_00_0B_05  # data offset, first flags; duration, size, shift of each
            for row in range(count):
                duration, _, shift = struct.unpack_from(">2Ii", moof, run + 16 + 12 * row)
                frames.append((decode + shift, duration))
                decode += duration
        at += size
    return min(frames)[0] / scale, sum(max(frames)) / scale


def whole(media_playlist, scratch):
    """Return the rendition as one file."""
    joined = scratch / f"{media_playlist.parent.name}.mp4"
    content, header = b"", b""
    for _, segment in playlist(media_playlist):
        content += (segment.header if segment.header != header else b"") + segment.media()
        header = segment.header
    joined.write_bytes(content)
    return joined


def keyframes(media_playlists, scratch):
    """Return the times of the keyframes of each rendition."""
    found = frames_of(*(whole(path, scratch) for path in media_playlists))
    return [[time for time, key in one if key] for one in found]


def stream(path, kind="v:0"):
    """Return the fields of a stream, by ffprobe."""
    show = ("-show_entries", "stream", "-of", "flat=s=_")
    command = ["ffprobe", "-v", "error", "-select_streams", kind, *show, path]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return dict(re.findall(r'streams_stream_0_(\w+)="?([^"\n]*)', text))
