"""The alternatives in the master playlist: names, languages, defaults and purposes of tracks."""

import re
from collections.abc import Iterable, Sequence

from pipeline.core.media_info import AudioStream, SubtitleStream
from pipeline.media import tracks, webvtt
from pipeline.stages.transcode import hls

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
# Apple's identifiers, of the HLS authoring specification.
_DESCRIBES = "public.accessibility.describes-video"
_COMMENTS = "org.videodrop.commentary"  # a private one, for there is no public one
_TRANSCRIBES = (
    "public.accessibility.transcribes-spoken-dialog",
    "public.accessibility.describes-music-and-sound",
)


def sounds(made: Sequence[tuple[AudioStream, hls.Rendition]]) -> list[hls.Sound]:
    """Return the entries of audio; the first one is the default.

    A player may choose a track by itself unless it is a commentary, or has the language and the
    purpose of an earlier one (RFC 8216, 4.3.4.1).
    """
    names = _distinct(tracks.name(one, f"{_kind(one)} {n}") for n, (one, _) in enumerate(made, 1))
    seen: set[tuple[str | None, bool]] = set()
    entries = []
    for number, ((track, rendition), name) in enumerate(zip(made, names, strict=True)):
        kind = (language(track), track.described)
        automatic = number == 0 or (kind not in seen and not track.commentary)
        seen |= {kind} if automatic else set()
        entries.append(
            hls.Sound(
                rendition,
                name,
                language(track),
                default=number == 0,
                channels=2,
                automatic=automatic,
                characteristics=(
                    *((_DESCRIBES,) if track.described else ()),
                    *((_COMMENTS,) if track.commentary else ()),
                ),
            )
        )
    return entries


def subtitles(made: Sequence[tuple[SubtitleStream, str]]) -> list[hls.Subtitles]:
    """Return the entries of subtitles in their folders; at most one is the default."""
    names = _distinct(tracks.name(one, f"Subtitles {n}") for n, (one, _) in enumerate(made, 1))
    default = next((track for track, _ in made if track.default and not track.forced), None)
    seen: set[tuple[str | None, bool, bool]] = set()
    entries = []
    for (track, folder), name in zip(made, names, strict=True):
        kind = (language(track), track.forced, track.hearing_impaired)
        automatic = track is default or kind not in seen
        seen.add(kind)
        entries.append(
            hls.Subtitles(
                folder,
                name,
                language(track),
                default=track is default,
                automatic=automatic,
                forced=track.forced,
                characteristics=_TRANSCRIBES if track.hearing_impaired else (),
            )
        )
    return entries


def _kind(track: AudioStream) -> str:
    return "Commentary" if track.commentary else "Description" if track.described else "Audio"


def language(track: AudioStream | SubtitleStream) -> str | None:
    """Return the language of a track if it is a tag by BCP 47."""
    return track.language if _LANGUAGE.fullmatch(track.language or "") else None


def _distinct(names: Iterable[str]) -> list[str]:
    """Return names that differ from each other and need no escapes in an attribute."""
    found: list[str] = []
    for given in names:
        name = webvtt.shown(given).replace('"', "'")
        count = 1 + sum(one == name or one.startswith(f"{name} (#") for one in found)
        found.append(name if count == 1 else f"{name} (#{count})")
    return found
