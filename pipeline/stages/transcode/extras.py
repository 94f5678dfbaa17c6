"""The subtitles and chapters of a source, published beside its renditions."""

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from pipeline.core.media_info import SubtitleStream
from pipeline.core.stage import Artifact, Notice, Source
from pipeline.media import ffmpeg
from pipeline.stages.transcode import alternatives, chapters, hls, subtitles

PLAYLIST_TYPE = "application/vnd.apple.mpegurl"


@dataclass(frozen=True)
class Extras:
    """The published subtitles and chapters.

    Attributes:
        entries: subtitles in the master playlist.
        artifacts: their files.
        summary: facts for the stage's summary.
        notices: of tracks that were left out.
    """

    entries: list[hls.Subtitles]
    artifacts: list[Artifact]
    summary: dict[str, JsonValue]
    notices: list[Notice]


def publish(source: Source, work: Path, progress: ffmpeg.Progress) -> Extras:
    """Write subtitles below ``work/hls`` and chapters to ``work``.

    Raises:
        VideodropError: see ``ffmpeg.judge``; but tracks that cannot be decoded are left out.
    """
    probe = source.probe
    text = [track for track in probe.subtitles if subtitles.is_text(track)]
    with tempfile.TemporaryDirectory(dir=work) as scratch:
        found = subtitles.read(source.path, probe, text, Path(scratch), progress) if text else {}
    kept = [track for track in text if track.index in found]
    made, files = [], []
    for number, track in enumerate(kept, 1):
        folder = f"subtitles-{number}"
        tag = alternatives.language(track)
        name = f"{folder}.{tag}.vtt" if tag else f"{folder}.vtt"
        _write(work / "hls" / folder, name, found[track.index], probe.duration_s)
        made.append((track, folder))
        files += [
            Artifact(
                name=f"hls/{folder}/{hls.PLAYLIST}", media_type=PLAYLIST_TYPE, role="hls_playlist"
            ),
            Artifact(name=f"hls/{folder}/{name}", media_type="text/vtt", role="subtitles_vtt"),
        ]
    entries = alternatives.subtitles(made)
    count = _chapters(source, work, files) if probe.chapters else 0
    return Extras(
        entries,
        files,
        {
            "subtitles": [
                {
                    "number": number,
                    "name": entry.name,
                    "language": entry.language,
                    "default": entry.default,
                    "forced": entry.forced,
                }
                for number, entry in enumerate(entries, 1)
            ],
            "chapters": count,
        },
        _notices(probe.subtitles, text, kept),
    )


def _write(folder: Path, name: str, text: str, duration_s: float) -> None:
    """Write subtitles and their playlist of one segment (RFC 8216, 3.5)."""
    folder.mkdir(parents=True)
    (folder / name).write_text(text, encoding="utf-8")
    lines = (
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{max(1, math.ceil(duration_s))}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        f"#EXTINF:{duration_s:.6f},",
        name,
        "#EXT-X-ENDLIST",
        "",
    )
    (folder / hls.PLAYLIST).write_text("\n".join(lines), encoding="utf-8")


def _chapters(source: Source, work: Path, files: list[Artifact]) -> int:
    """Write the chapters, add their files to ``files``, and return their number."""
    found = chapters.read(source.path, source.probe.duration_s)
    if found.chapters:
        for name, media_type, role, text in (
            ("chapters.json", "application/json", "chapters_json", found.model_dump_json()),
            ("chapters.vtt", "text/vtt", "chapters_vtt", found.vtt()),
        ):
            (work / name).write_text(text, encoding="utf-8")
            files.append(Artifact(name=name, media_type=media_type, role=role))
    return len(found.chapters)


def _notices(
    given: tuple[SubtitleStream, ...], text: list[SubtitleStream], kept: list[SubtitleStream]
) -> list[Notice]:
    notices = []
    if pictures := [track for track in given if track not in text]:
        codecs = ", ".join(sorted({track.codec for track in pictures}))
        notices.append(
            Notice(
                code="subtitles_left_out",
                message=f"{len(pictures)} of {len(given)} subtitle tracks are no text ({codecs}) "
                "and were left out.",
                level="info",
            )
        )
    if lost := len(text) - len(kept):
        notices.append(
            Notice(
                code="subtitles_empty",
                message=f"{lost} of {len(given)} subtitle tracks have no text to decode.",
                level="info",
            )
        )
    return notices
