"""HLS (RFC 8216) from CMAF tracks: segments, media playlists, and the master playlist.

Segments are byte ranges of the files that hold them (``EXT-X-BYTERANGE``), and so are the headers
that initialise a decoder.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath

from pipeline.stages.transcode.cmaf import Fragment, Track

PLAYLIST = "index.m3u8"
# Times the target: no segment lasts longer, unless its one fragment does.
_LONGEST = 1.5
# A last segment that is shorter belongs to the one before: hls.js looks for the next segment with
# this tolerance, passes over a shorter one, and never reports the end.
_SHORTEST_S = 0.25


@dataclass(frozen=True)
class Segment:
    """One media segment: consecutive bytes of a file.

    Attributes:
        name: the file, beside the playlist.
        start: offset of its first byte.
        size: in bytes.
        duration_s: seconds.
        header: number of the first bytes of the file that its decoder needs before; None if it
            needs no others than the segment before it.
    """

    name: str
    start: int
    size: int
    duration_s: float
    header: int | None = None


@dataclass(frozen=True)
class Rendition:
    """A published track: a folder with a playlist and files of segments.

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
        return math.ceil(sum(s.size for s in self.segments) * 8 / max(self.duration_s, 1e-3))

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
        return max(math.ceil(peak), self.average_bps)


@dataclass(frozen=True)
class Picture:
    """A video rendition's entry in the master playlist."""

    rendition: Rendition
    width: int
    height: int
    fps: float


@dataclass(frozen=True)
class Sound:
    """An audio rendition's entry in the master playlist.

    Attributes:
        default: played unless the viewer or the player chooses another one.
        automatic: may be chosen by the player, by language or need.
        characteristics: uniform type identifiers of its purpose.
    """

    rendition: Rendition
    name: str
    language: str | None
    default: bool
    channels: int
    automatic: bool = True
    characteristics: tuple[str, ...] = ()


@dataclass(frozen=True)
class Subtitles:
    """An entry of subtitles in the master playlist; see ``Sound``.

    Attributes:
        folder: of its playlist.
        forced: only what has to be read in any case.
    """

    folder: str
    name: str
    language: str | None
    default: bool
    automatic: bool
    forced: bool
    characteristics: tuple[str, ...]


def target_duration(segments: Sequence[Segment]) -> int:
    """Return EXT-X-TARGETDURATION, the longest rounded segment duration."""
    return max(1, *(round(s.duration_s) for s in segments))


def published(tracks: Sequence[Track], folder: Path, segment_s: float) -> Rendition:
    """Write the playlist of a rendition to ``folder``, which has the files of ``tracks``.

    The playlist begins at 0, although priming of audio is before, and a picture may be later.
    """
    folder.mkdir(parents=True, exist_ok=True)
    groups = [(track, group) for track in tracks for group in _segments(track, segment_s)]
    starts = [0.0, *(group[0].start_s for _, group in groups[1:]), tracks[-1].end_s]
    segments: list[Segment] = []
    header = ""
    for (track, group), (start, end) in zip(groups, pairwise(starts), strict=True):
        other = track.header != header
        header = track.header
        segments.append(
            Segment(
                PurePosixPath(track.name).name,
                group[0].offset,
                sum(fragment.size for fragment in group),
                end - start,
                len(track.init) if other else None,
            )
        )
    rendition = Rendition(folder.name, _codecs(tracks), tuple(segments))
    (folder / PLAYLIST).write_text(media_playlist(rendition), encoding="utf-8")
    return rendition


def _codecs(tracks: Sequence[Track]) -> str:
    """Return the highest of the codec strings, which all end with profile and level."""
    return max(track.codecs for track in tracks)


def _segments(track: Track, segment_s: float) -> list[list[Fragment]]:
    """Divide the fragments of a file into segments.

    A segment begins at the first fragment at or after every multiple of ``segment_s``, or earlier
    where it would last half as long again. The last one of several lasts at least a quarter of a
    second. Audio counts from its priming.
    """
    origin = min(0.0, track.start_s)
    found: list[list[Fragment]] = []
    slot = -1
    for fragment in track.fragments:
        now = int((fragment.start_s - origin + 1e-3) // segment_s)
        long = found and fragment.end_s - found[-1][0].start_s > _LONGEST * segment_s
        if not found or now > slot or long:
            found.append([])
            slot = now
        found[-1].append(fragment)
    if len(found) > 1 and track.end_s - found[-1][0].start_s < _SHORTEST_S:
        last = found.pop()
        found[-1] += last
    return found


def media_playlist(rendition: Rendition) -> str:
    """Return a complete, immutable (VOD) media playlist."""
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{target_duration(rendition.segments)}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    for segment in rendition.segments:
        if segment.header is not None:
            lines.append(f'#EXT-X-MAP:URI="{segment.name}",BYTERANGE="{segment.header}@0"')
        lines += [
            f"#EXTINF:{segment.duration_s:.6f},",
            f"#EXT-X-BYTERANGE:{segment.size}@{segment.start}",
            segment.name,
        ]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def master_playlist(
    pictures: Sequence[Picture], sounds: Sequence[Sound], subtitles: Sequence[Subtitles] = ()
) -> str:
    """Return the master playlist: variants as given; audio and subtitles as groups."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    lines += [_media(one) for one in sounds] + [_media(one) for one in subtitles]
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
            *(['SUBTITLES="subtitles"'] if subtitles else []),
        ]
        lines += ["#EXT-X-STREAM-INF:" + ",".join(attributes), f"{video.folder}/{PLAYLIST}"]
    return "\n".join([*lines, ""])


def variant_bps(shown: Picture, sounds: Sequence[Sound]) -> tuple[int, int]:
    """Return (peak, average) bits per second of a video with its largest audio renditions."""
    return (
        shown.rendition.peak_bps + max((s.rendition.peak_bps for s in sounds), default=0),
        shown.rendition.average_bps + max((s.rendition.average_bps for s in sounds), default=0),
    )


def _media(entry: Sound | Subtitles) -> str:
    if isinstance(entry, Sound):
        kind, folder = "audio", entry.rendition.folder
        own = [f'CHANNELS="{entry.channels}"']
    else:
        kind, folder = "subtitles", entry.folder
        own = ["FORCED=YES"] if entry.forced else []
    attributes = [
        f"TYPE={kind.upper()}",
        f'GROUP-ID="{kind}"',
        f'NAME="{entry.name}"',
        *([f'LANGUAGE="{entry.language}"'] if entry.language else []),
        f"DEFAULT={'YES' if entry.default else 'NO'}",
        f"AUTOSELECT={'YES' if entry.automatic else 'NO'}",
        *([f'CHARACTERISTICS="{",".join(entry.characteristics)}"'] * bool(entry.characteristics)),
        *own,
        f'URI="{folder}/{PLAYLIST}"',
    ]
    return "#EXT-X-MEDIA:" + ",".join(attributes)
