"""The tracks of a media file, as typed records read from the output of ffprobe."""

import re
from fractions import Fraction
from typing import Any, Literal

from pipeline.core.media_info import AudioStream, SubtitleStream, VideoStream

_CLOCK = re.compile(r"\d+:\d+:\d+(\.\d+)?")
_SANE_SAR = (Fraction(1, 4), Fraction(4))
_DV_ALONE, _DV_AV1 = 5, 10
_LONGEST_TAG = 200  # tags have any length, and a record must fit in the catalog
_HANDLER = re.compile(r"handler?\b", re.IGNORECASE)  # names that programs give
# Many files give a track's purpose in its title alone.
_COMMENTARY = re.compile(r"\b(commentar|commentaires?\b|kommentar|comentario)", re.IGNORECASE)
_DESCRIBED = re.compile(
    r"\b(audio[ -]?desc|audiodesk|descriptive|described video|hörfilm|visually impaired)"
    r"|^\W*AD\W*$|\(AD\)|\[AD\]",
    re.IGNORECASE,
)


def video(streams: list[dict[str, Any]], start: float) -> VideoStream | None:
    """Return the video track to show, not its cover art.

    Of several, it is one with more than a picture, then the default one, then the first.
    """
    found = [
        s
        for s in streams
        if s.get("codec_type") == "video"
        and s.get("codec_name")
        and s.get("width")
        and not s.get("disposition", {}).get("attached_pic")
    ]
    if not found:
        return None
    raw = max(found, key=lambda s: (_moves(s), s["disposition"]["default"], -s["index"]))
    coded = (int(raw["width"]), int(raw["height"]))
    sar = _pixel_shape(raw.get("sample_aspect_ratio"))
    rotation = _rotation(raw)
    shown = (max(1, round(coded[0] * sar)), coded[1])
    width, height = shown if rotation in (0, 180) else shown[::-1]
    average, nominal = _fraction(raw.get("avg_frame_rate")), _fraction(raw.get("r_frame_rate"))
    fps = float(average or nominal or 25)
    return VideoStream(
        index=raw["index"],
        codec=raw["codec_name"],
        profile=raw.get("profile"),
        level=raw.get("level") if raw.get("level", -99) > 0 else None,
        pix_fmt=raw.get("pix_fmt", "unknown"),
        bit_depth=_bit_depth(raw),
        coded_width=coded[0],
        coded_height=coded[1],
        width=width,
        height=height,
        rotation=rotation,
        mirrored=_is_mirrored(raw),
        square_pixels=sar == 1,
        fps=fps,
        vfr=bool(average and nominal and abs(average / nominal - 1) > Fraction(1, 200)),
        interlaced=raw.get("field_order", "progressive") not in ("progressive", "unknown"),
        time_base=raw["time_base"],
        start_s=seconds(raw.get("start_time"), start) - start,
        bit_rate=_integer(raw.get("bit_rate")),
        dolby_vision=_dolby_vision(raw),
        **{
            key: value if (value := raw.get(key)) not in ("unknown", "reserved") else None
            for key in ("color_range", "color_space", "color_primaries", "color_transfer")
        },
    )


def is_audio(raw: dict[str, Any]) -> bool:
    """Return whether ``raw`` is an audio track with all fields that decoding needs."""
    return bool(
        raw.get("codec_type") == "audio"
        and raw.get("codec_name")
        and raw.get("channels")
        and _integer(raw.get("sample_rate"))
    )


def audio(raw: dict[str, Any], start: float) -> AudioStream:
    """Return the record of an audio track."""
    language, title = _names(raw)
    flags = raw["disposition"]
    return AudioStream(
        index=raw["index"],
        codec=raw["codec_name"],
        channels=raw["channels"],
        sample_rate=int(raw["sample_rate"]),
        language=language,
        title=title,
        default=bool(flags["default"]),
        commentary=bool(flags.get("comment") or _COMMENTARY.search(title or "")),
        described=bool(
            flags.get("visual_impaired")
            or flags.get("descriptions")
            or _DESCRIBED.search(title or "")
        ),
        layout=raw.get("channel_layout"),
        time_base=raw.get("time_base", "0"),
        start_s=seconds(raw.get("start_time"), start) - start,
        bit_rate=_integer(raw.get("bit_rate")),
    )


def titled(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the tracks of a file with titles where the names of their handlers are titles.

    MP4 has no other title that ffprobe reads. Programs give the same name to all tracks of a kind,
    people give different ones.
    """
    titles: dict[int, str] = {}
    for kind in ("audio", "subtitle"):
        names = {
            one["index"]: one.get("tags", {}).get("handler_name", "")
            for one in found
            if one.get("codec_type") == kind
        }
        if len(set(names.values())) > 1:
            titles |= {n: name for n, name in names.items() if not _HANDLER.search(name)}
    return [
        one | {"tags": {"title": titles[one["index"]]} | one.get("tags", {})}
        if titles.get(one["index"])
        else one
        for one in found
    ]


def is_subtitle(raw: dict[str, Any]) -> bool:
    """Return whether ``raw`` is a track of subtitles with a known codec."""
    return raw.get("codec_type") == "subtitle" and bool(raw.get("codec_name"))


def subtitle(raw: dict[str, Any]) -> SubtitleStream:
    """Return the record of a track of subtitles."""
    language, title = _names(raw)
    flags = raw["disposition"]
    return SubtitleStream(
        index=raw["index"],
        codec=raw["codec_name"],
        language=language,
        title=title,
        default=bool(flags["default"]),
        forced=bool(flags.get("forced")),
        hearing_impaired=bool(flags.get("hearing_impaired")),
    )


def _names(raw: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return language and title of a track."""
    tags = {key.lower(): value[:_LONGEST_TAG] for key, value in raw.get("tags", {}).items()}
    language = tags.get("language")
    return None if language in ("und", "") else language, tags.get("title")


def _rotation(raw: dict[str, Any]) -> Literal[0, 90, 180, 270]:
    """Return degrees clockwise, unlike ffprobe; 0 for other angles, which keep the frame's size."""
    turns: dict[int, Literal[0, 90, 180, 270]] = {0: 0, 90: 90, 180: 180, 270: 270}
    for side in raw.get("side_data_list", []):
        if "rotation" in side:
            return turns.get(-int(side["rotation"]) % 360, 0)
    return 0


def _is_mirrored(raw: dict[str, Any]) -> bool:
    """Return whether the display matrix mirrors the picture, which no rotation says."""
    for side in raw.get("side_data_list", []):
        rows = [line.split()[1:] for line in side.get("displaymatrix", "").split("\n") if line]
        if len(rows) == 3:  # noqa: PLR2004
            (a, b, _), (c, d, _), _ = ([int(value) for value in row] for row in rows)
            return a * d < b * c
    return False


def _dolby_vision(raw: dict[str, Any]) -> int | None:
    """Return the profile of a Dolby Vision track that has no base layer for other decoders."""
    for side in raw.get("side_data_list", []):
        if "dv_profile" in side:
            profile, base = side["dv_profile"], side.get("dv_bl_signal_compatibility_id")
            # Profile 10 is 5, 8.1 or 8.4 in AV1, by the identifier of its base layer.
            if profile == _DV_ALONE or (profile == _DV_AV1 and base == 0):
                return int(profile)
    return None


def _moves(raw: dict[str, Any]) -> bool:
    """Return whether a track has more than one picture, as far as its container tells."""
    if raw.get("nb_frames") == "1":
        return False
    rate = _fraction(raw.get("r_frame_rate"))
    lasts = raw.get("tags", {}).get("DURATION", "")  # of Matroska
    if not (rate and _CLOCK.fullmatch(lasts)):
        return True
    hours, minutes, seconds_ = (float(part) for part in lasts.split(":"))
    return (60 * hours + minutes) * 60 + seconds_ > 2 / rate


def _pixel_shape(text: str | None) -> Fraction:
    """Return a pixel's width divided by its height; 1 if it is missing or implausible."""
    sar = _fraction((text or "").replace(":", "/"))
    return sar if sar and _SANE_SAR[0] <= sar <= _SANE_SAR[1] else Fraction(1)


def _bit_depth(raw: dict[str, Any]) -> int:
    if depth := _integer(raw.get("bits_per_raw_sample")):
        return depth
    pix_fmt = raw.get("pix_fmt", "")
    return next((n for n in (10, 12, 14, 16) if f"p{n}" in pix_fmt or f"p0{n}" in pix_fmt), 8)


def _fraction(text: str | None) -> Fraction | None:
    try:
        value = Fraction(text or "0")
    except (ValueError, ZeroDivisionError):
        return None
    return value if value > 0 else None


def number(text: str) -> float | None:
    """Return ``text`` as a number; None for N/A and the like."""
    try:
        return float(text)
    except ValueError:
        return None


def seconds(text: str | None, default: float = 0.0) -> float:
    """Return ``text`` as seconds, or ``default``."""
    value = number(text or "")
    return default if value is None else value


def _integer(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() and int(text) else None
