"""HLS (RFC 8216) from CMAF tracks: segments, media playlists, and the master playlist."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pipeline.stages.transcode.cmaf import Fragment, Track

INIT = "init.mp4"
PLAYLIST = "index.m3u8"


@dataclass(frozen=True)
class Segment:
    """One media segment: its file name, duration and size in bytes."""

    name: str
    duration_s: float
    size: int


@dataclass(frozen=True)
class Rendition:
    """A published track: a folder with a playlist, an init section and segments.

    Attributes:
        folder: its name below the master playlist.
        codecs: RFC 6381 codec string.
        segments: in order.
    """

    folder: str
    codecs: str
    segments: tuple[Segment, ...]

    @property
    def duration_s(self) -> float:
        """Return the total duration of all segments."""
        return sum(s.duration_s for s in self.segments)

    @property
    def average_bps(self) -> int:
        """Return the average bits per second over all segments."""
        return round(sum(s.size for s in self.segments) * 8 / max(self.duration_s, 1e-3))

    @property
    def peak_bps(self) -> int:
        """Return the highest rate over contiguous segments of 0.5 to 1.5 target durations in total.

        RFC 8216, 4.1. A last segment of a few frames does not count by itself.
        """
        target = target_duration(self.segments)
        peak = 0.0
        for first in range(len(self.segments)):
            duration, size = 0.0, 0
            for segment in self.segments[first:]:
                duration += segment.duration_s
                size += segment.size
                if duration > 1.5 * target:
                    break
                if duration >= 0.5 * target:
                    peak = max(peak, size * 8 / duration)
        return max(round(peak), self.average_bps)


@dataclass(frozen=True)
class Picture:
    """A video rendition's entry in the master playlist."""

    rendition: Rendition
    width: int
    height: int
    fps: float


@dataclass(frozen=True)
class Sound:
    """An audio rendition's entry in the master playlist."""

    rendition: Rendition
    name: str
    language: str | None
    default: bool
    channels: int


def target_duration(segments: Sequence[Segment]) -> int:
    """Return EXT-X-TARGETDURATION, the longest rounded segment duration."""
    return max(1, *(round(s.duration_s) for s in segments))


def publish(track: Track, folder: Path, segment_s: float) -> Rendition:
    """Cut ``track`` into segments below ``folder`` and write its playlist.

    A segment begins at the first fragment at or after every multiple of ``segment_s``, so tracks
    with the same fragment times have the same segments.
    """
    folder.mkdir(parents=True)
    groups: list[list[Fragment]] = []
    slot = -1
    for fragment in track.fragments:
        now = int((fragment.start_s - track.start_s + 1e-3) // segment_s)
        if now > slot or not groups:
            groups.append([])
            slot = now
        groups[-1].append(fragment)
    starts = [max(0.0, group[0].start_s) for group in groups]  # priming of audio is before 0
    ends = [*starts[1:], track.end_s]
    segments: list[Segment] = []
    with track.path.open("rb") as file:
        _copy(file, 0, track.init_size, folder / INIT)
        for number, (group, start, end) in enumerate(zip(groups, starts, ends, strict=True)):
            name = f"{number:05d}.m4s"
            size = sum(f.size for f in group)
            _copy(file, group[0].offset, size, folder / name)
            segments.append(Segment(name, end - start, size))
    rendition = Rendition(folder.name, track.codecs, tuple(segments))
    (folder / PLAYLIST).write_text(media_playlist(rendition), encoding="utf-8")
    return rendition


def media_playlist(rendition: Rendition) -> str:
    """Return a complete, immutable (VOD) media playlist."""
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{target_duration(rendition.segments)}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        f'#EXT-X-MAP:URI="{INIT}"',
    ]
    for segment in rendition.segments:
        lines += [f"#EXTINF:{segment.duration_s:.6f},", segment.name]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def master_playlist(pictures: Sequence[Picture], sounds: Sequence[Sound]) -> str:
    """Return the master playlist: variants as given, and audio as one group of alternatives."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    lines += [_media(sound) for sound in sounds]
    for shown in pictures:
        video = shown.rendition
        peak, average = variant_bps(shown, sounds)
        codecs = ",".join(dict.fromkeys([video.codecs, *(s.rendition.codecs for s in sounds)]))
        attributes = [
            f"BANDWIDTH={peak}",
            f"AVERAGE-BANDWIDTH={average}",
            f'CODECS="{codecs}"',
            f"RESOLUTION={shown.width}x{shown.height}",
            f"FRAME-RATE={shown.fps:.3f}",
            *(['AUDIO="audio"'] if sounds else []),
        ]
        lines += ["#EXT-X-STREAM-INF:" + ",".join(attributes), f"{video.folder}/{PLAYLIST}"]
    return "\n".join([*lines, ""])


def variant_bps(shown: Picture, sounds: Sequence[Sound]) -> tuple[int, int]:
    """Return (peak, average) bits per second of a video with its largest audio renditions."""
    return (
        shown.rendition.peak_bps + max((s.rendition.peak_bps for s in sounds), default=0),
        shown.rendition.average_bps + max((s.rendition.average_bps for s in sounds), default=0),
    )


def _media(sound: Sound) -> str:
    attributes = [
        "TYPE=AUDIO",
        'GROUP-ID="audio"',
        f'NAME="{sound.name}"',
        *([f'LANGUAGE="{sound.language}"'] if sound.language else []),
        f"DEFAULT={'YES' if sound.default else 'NO'}",
        "AUTOSELECT=YES",
        f'CHANNELS="{sound.channels}"',
        f'URI="{sound.rendition.folder}/{PLAYLIST}"',
    ]
    return "#EXT-X-MEDIA:" + ",".join(attributes)


def _copy(file: IO[bytes], offset: int, size: int, target: Path) -> None:
    file.seek(offset)
    with target.open("wb") as out:
        left = size
        while left and (data := file.read(min(left, 1 << 20))):
            out.write(data)
            left -= len(data)
