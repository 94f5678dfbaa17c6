"""Captions in a video's HLS master playlist.

The published playlist has the subtitles of the file. The transcript's captions and those uploaded
beside the video may come later. So each answer lists those that there are; nothing is published
again.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

from pipeline.core.records import StageResult, Video
from pipeline.core.sidecar import Sidecar
from pipeline.results import artifact_view

FOLDER = "captions"
"""The folder of their playlists, beside those of the results."""
TRANSCRIPT = "transcript"
UPLOADED = "uploaded"

_GROUP = "subtitles"
_VARIANT = "#EXT-X-STREAM-INF:"
_NAME = re.compile(r'TYPE=SUBTITLES\b.*?[:,]NAME="([^"]*)"')
_UNQUOTABLE = re.compile(r'["\r\n]')


@dataclass(frozen=True)
class CaptionTrack:
    """An entry of captions in a master playlist.

    Attributes:
        path: of its playlist below ``FOLDER``, without the extension.
        name: for people; the playlist makes it unique.
        language: its tag (BCP 47), if it is known.
        forced: only what has to be read in any case.
    """

    path: str
    name: str
    language: str | None
    forced: bool = False


def of(video: Video, beside: Sequence[Sidecar]) -> list[CaptionTrack]:
    """Return the captions of a video: the transcript's, then those uploaded ``beside`` it."""
    heard = [
        CaptionTrack(TRANSCRIPT, "Transcript", _language(result))
        for result, _ in artifact_view.of_video(video, role="captions_vtt")[:1]
    ]
    return heard + [
        CaptionTrack(
            f"{UPLOADED}/{quote(one.name)}",
            PurePosixPath(one.name).stem,
            one.language,
            "forced" in one.flags,
        )
        for one in beside
    ]


def _language(result: StageResult) -> str | None:
    if result.params.get("task") == "translate":
        return "en"
    found = result.summary.get("language")
    return found if isinstance(found, str) else None


def listed(master: str, tracks: Sequence[CaptionTrack], address: Callable[[str], str]) -> str:
    """Return a master playlist with captions as further entries of its group of subtitles.

    Args:
        master: the playlist.
        tracks: the captions.
        address: returns the address of a playlist below ``FOLDER``.
    """
    if not tracks:
        return master
    lines = master.splitlines()
    taken = {found[1] for line in lines if (found := _NAME.search(line))}
    entries = []
    for track in tracks:
        name = _unique(_UNQUOTABLE.sub("'", track.name), taken)
        taken.add(name)
        entries.append(_entry(track, name, address(f"{track.path}.m3u8")))
    made: list[str] = []
    for line in lines:
        if not line.startswith(_VARIANT):
            made.append(line)
            continue
        made += entries
        entries = []
        grouped = "SUBTITLES=" in line
        made.append(line if grouped else f'{line},SUBTITLES="{_GROUP}"')
    return "\n".join(made) + "\n"


def _unique(name: str, taken: set[str]) -> str:
    number, unique = 1, name
    while unique in taken:
        number += 1
        unique = f"{name} {number}"
    return unique


def _entry(track: CaptionTrack, name: str, uri: str) -> str:
    attributes = [
        "TYPE=SUBTITLES",
        f'GROUP-ID="{_GROUP}"',
        f'NAME="{name}"',
        *([f'LANGUAGE="{track.language}"'] if track.language else []),
        "DEFAULT=NO",
        "AUTOSELECT=YES",
        *(["FORCED=YES"] if track.forced else []),
        f'URI="{uri}"',
    ]
    return "#EXT-X-MEDIA:" + ",".join(attributes)


def playlist(duration_s: float, uri: str) -> str:
    """Return the playlist of captions in one segment (RFC 8216, 3.5)."""
    lines = (
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{max(1, math.ceil(duration_s))}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        f"#EXTINF:{duration_s:.6f},",
        uri,
        "#EXT-X-ENDLIST",
        "",
    )
    return "\n".join(lines)
