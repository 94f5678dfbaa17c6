"""Playback checks of renditions by ffmpeg and ffprobe, without code of the pipeline."""

import re
import subprocess
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


def decodes(path):
    """Decode all of ``path``, with any error fatal."""
    strict = ("-xerror", "-err_detect", "explode")
    command = ["ffmpeg", "-nostdin", "-v", "error", *strict, "-i", path, "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode == 0 and not done.stderr


def each_segment_decodes(media_playlist, scratch):
    """Decode every segment alone after the init section, as after a seek."""
    for _, segment in playlist(media_playlist):
        alone = scratch / "alone.mp4"
        alone.write_bytes(segment.read())
        if not decodes(alone):
            return False
    return True


def frames(path, stream="v:0"):
    """Return [(time, is key)] of all packets, in order of presentation."""
    entries = ("-show_entries", "packet=pts_time,flags", "-of", "csv=p=0")
    command = ["ffprobe", "-v", "error", "-select_streams", stream, *entries, path]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return sorted((float(line.split(",")[0]), "K" in line) for line in lines)


def whole(media_playlist, scratch):
    """Return the rendition as one file."""
    joined = scratch / f"{media_playlist.parent.name}.mp4"
    content, header = b"", b""
    for _, segment in playlist(media_playlist):
        content += (segment.header if segment.header != header else b"") + segment.media()
        header = segment.header
    joined.write_bytes(content)
    return joined


def keyframes(media_playlist, scratch):
    return [time for time, key in frames(whole(media_playlist, scratch)) if key]


def stream(path, kind="v:0"):
    """Return the fields of a stream, by ffprobe."""
    show = ("-show_entries", "stream", "-of", "flat=s=_")
    command = ["ffprobe", "-v", "error", "-select_streams", kind, *show, path]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return dict(re.findall(r'streams_stream_0_(\w+)="?([^"\n]*)', text))
