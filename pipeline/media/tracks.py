"""The choice of the audio track to hear, by request, language and the file's own flags."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from pipeline.core import languages
from pipeline.core.errors import BadInput
from pipeline.core.media_info import AudioStream, SubtitleStream
from pipeline.core.stage import Notice


def _text(given: Any) -> Any:
    return str(given) if isinstance(given, int) else given


Wanted = Annotated[
    str,
    BeforeValidator(_text),
    Field(pattern="^([1-9][0-9]?|[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*)$"),
]
"""A track as a parameter: its number among the audio tracks of the file, from 1, or a language."""


def ordered(
    audio: Sequence[AudioStream], wanted: str | None = None, language: str | None = None
) -> list[AudioStream]:
    """Return the audio tracks, the one to hear first.

    First is the wanted one. Among several in its language, or if none is wanted, these decide in
    turn: the expected language, no commentary or description, the file's default, its order.

    Args:
        audio: the tracks in the file's order.
        wanted: a number or a language; see ``Wanted``.
        language: the language that is expected to be spoken, if it is known.

    Raises:
        BadInput: ``unknown_track``: there is no track of this number.
    """
    number = int(wanted) if wanted and wanted.isdigit() else None
    if number and number > len(audio):
        raise BadInput(
            "unknown_track",
            f"The file has no audio track {number}. It has {listed(audio)}.",
        )
    spoken = [languages.code(one) for one in (None if number else wanted, language)]

    def rank(place: int) -> tuple[bool | int, ...]:
        track = audio[place]
        own = languages.code(track.language)
        return (
            place + 1 != number,
            # A track without a language may have any.
            *(_distance(own, code) for code in spoken),
            track.commentary or track.described,
            not track.default,
            place,
        )

    return [audio[place] for place in sorted(range(len(audio)), key=rank)]


def _distance(own: str | None, wanted: str | None) -> int:
    return 0 if wanted in (None, own) else 1 if own is None else 2


def missing(audio: Sequence[AudioStream], wanted: str | None) -> list[Notice]:
    """Return the warning ``track_missing`` if no track has the wanted language."""
    if not audio or not wanted or wanted.isdigit():
        return []
    found = {languages.code(track.language) for track in audio}
    if languages.code(wanted) in found or (len(audio) == 1 and None in found):
        return []
    text = f"No audio track is in the language {wanted}. The file has {listed(audio)}."
    return [Notice(code="track_missing", message=text)]


def guessed(
    audio: Sequence[AudioStream], chosen: AudioStream, language: str | None
) -> list[Notice]:
    """Return the notice ``track_guessed`` if neither flags nor language tell tracks apart."""
    is_spoken = language is not None and languages.code(chosen.language) == languages.code(language)
    if len(audio) == 1 or chosen.default or is_spoken:
        return []
    text = (
        f"Audio track {audio.index(chosen) + 1} was heard, for the file has no default. It also "
        f"has {listed(audio, without=chosen)}: set `audio_track` to hear another one."
    )
    return [Notice(code="track_guessed", message=text, level="info")]


def listed(audio: Sequence[AudioStream], *, without: AudioStream | None = None) -> str:
    """Return the tracks for a person, such as `1 (deu), 2 (eng, "Commentary")`."""
    if not audio:
        return "none"
    numbered = ((number, one) for number, one in enumerate(audio, 1) if one != without)
    return ", ".join(f"{number}{_facts(one)}" for number, one in numbered)


def _facts(track: AudioStream) -> str:
    facts = [track.language, f'"{track.title}"' if track.title else None]
    given = ", ".join(fact for fact in facts if fact)
    return f" ({given})" if given else ""


def name(track: AudioStream | SubtitleStream, fallback: str) -> str:
    """Return the title of a track, else ``fallback`` with its language."""
    title = " ".join((track.title or "").split())
    return title or fallback + (f" ({track.language})" if track.language else "")
