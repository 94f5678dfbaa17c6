"""The thumbnail stage: a poster, and a storyboard for scrubbing; of sound alone, a waveform."""

import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Self, cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from pipeline.core import in_place
from pipeline.core.errors import BadInput
from pipeline.core.ranges import Part, Parts, Plan, Range, Work
from pipeline.core.stage import Artifact, Divisible, Notice, Report, Result, Source
from pipeline.media import decoding, frames, picture
from pipeline.media.decoding import Frame
from pipeline.media.process import Complaints
from pipeline.stages import division, notices
from pipeline.stages.thumbnail import audio_only, poster, shots, storyboard
from pipeline.stages.thumbnail.audio_only import Heard
from pipeline.stages.thumbnail.storyboard import Storyboard
from pipeline.stages.thumbnail.tiles import Tile, Tiles

VERSION = "2"
PACKAGES = dict.fromkeys(("PIL", "ffmpeg", "numpy"), "media")

# Another is tried if the best cannot be decoded again.
_CANDIDATES = 2
_MOST_SIDE = 16_383  # of WebP
_TALLEST = 16_382  # sides are even
_SHEET_PIXELS = 1 << 25  # 100 MB, and as much again for its tiles


class Params(BaseModel):
    """The parameters of the thumbnail stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    poster_widths: tuple[Annotated[int, Field(ge=16, le=_MOST_SIDE)], ...] = Field(
        (320, 640, 1280),
        min_length=1,
        max_length=6,
        description="Widths of the poster in pixels; never larger than the source",
    )
    poster_quality: int = Field(82, ge=1, le=95, description="Quality of JPEG and WebP")
    tile_side: int = Field(192, ge=32, le=640, description="Long side of a storyboard tile, pixels")
    tile_every_s: float = Field(2.0, ge=0.1, le=600, description="Least seconds between tiles")
    max_tiles: int = Field(
        300, ge=1, le=2000, description="Most tiles; fewer per second in long videos"
    )
    columns: int = Field(10, ge=1, le=20, description="Tiles in a row of a sheet")
    rows: int = Field(
        10, ge=1, le=20, description="Rows of a sheet, which has at most 33 million pixels"
    )
    range_s: int = Field(
        1800,
        ge=10,
        le=86_400,
        description="Seconds of a long video that one worker reads, rounded to whole sections",
    )

    @model_validator(mode="after")
    def _a_sheet_fits_into_memory(self) -> Self:
        pixels = self.tile_side**2 * self.columns * self.rows
        if pixels > _SHEET_PIXELS:
            raise ValueError(
                f"a sheet of {self.columns} x {self.rows} tiles of {self.tile_side} pixels may "
                f"have {pixels:,} pixels; at most {_SHEET_PIXELS:,}: take fewer or smaller tiles"
            )
        return self


def plan(source: Source, params: Params, report: Report) -> Plan:
    """Divide a long video into ranges, in which tiles are chosen as in one pass.

    Sound without a picture is one range.
    """
    report(0.0)
    probe = source.probe
    if probe.video is None:
        return Plan(ranges=(Range(name="sound", start_s=0.0, end_s=probe.duration_s),))
    ranges = division.ranges(probe, fps=1 / _interval_s(source, params), range_s=params.range_s)
    keyed = probe.video.timed and (len(ranges) == 1 or frames.keys_suffice(source.path, probe))
    return Plan(ranges=ranges, data={"keyed": keyed})


def run_range(
    source: Source,
    params: Params,
    plan: Plan,
    range_: Range,
    parts: Parts,  # noqa: ARG001 - no phase comes before
    work: Work,
    report: Report,
) -> Part:
    """Collect the tiles of a range, or measure a sound.

    Raises:
        BadInput: ``undecodable``.
        VideodropError: see ``ffmpeg.judge``.
    """
    if source.probe.video is None:
        return audio_only.measure(source, work, report)
    every_s, keyed = _interval_s(source, params), bool(plan.data["keyed"])
    side = params.tile_side
    found = shots.collect(source, range_, work, report, side=side, every_s=every_s, keyed=keyed)
    return found.part()


def merge(
    source: Source,
    params: Params,
    plan: Plan,  # noqa: ARG001 - the parts say all
    parts: Parts,
    work: Path,
    report: Report,
) -> Result:
    """Write the poster (``poster-640.jpg``, …) and the storyboard (``storyboard.vtt``, …).

    Raises:
        BadInput: ``undecodable``.
        VideodropError: see ``ffmpeg.judge``.
    """
    if source.probe.video is None:
        return _of_sound(source, params, parts, work, report)
    duration_s = source.probe.duration_s
    found = Tiles(parts)
    chosen = shots.thinned(found.listed(), params.max_tiles)
    if not chosen:
        raise BadInput("undecodable", "No frame of the video could be decoded.")
    board = storyboard.draw(found.frames(chosen), work, columns=params.columns, rows=params.rows)
    (work / "storyboard.vtt").write_text(storyboard.webvtt(board, duration_s), encoding="utf-8")
    (work / "storyboard.json").write_text(storyboard.index(board, duration_s), encoding="utf-8")
    best = _best(source, params, found, chosen, report)
    widths = _save_posters(best, params, work)
    complaints = Complaints(count=found.errors)
    return Result(
        artifacts=[*_poster_artifacts(widths), *_storyboard_artifacts(board)],
        summary=_summary(best, widths, board),
        warnings=[*notices.of_media(source.probe, complaints), *_blank_warning(best)],
    )


def run(source: Source, params: Params, work: Path, report: Report) -> Result:
    """Write the poster and the storyboard, of sound alone a waveform, below ``work``.

    Raises:
        BadInput: ``undecodable``.
        VideodropError: see ``ffmpeg.judge``.
    """
    result = in_place.run(cast("Divisible", sys.modules[__name__]), source, params, work, report)
    report(1.0)
    return result


def _interval_s(source: Source, params: Params) -> float:
    return shots.interval_s(source.probe, every_s=params.tile_every_s, most=params.max_tiles)


def _of_sound(source: Source, params: Params, parts: Parts, work: Path, report: Report) -> Result:
    """Write the poster and the waveform of sound without a picture."""
    (made,) = parts
    heard = Heard.model_validate(made.part.data)
    width = max(params.poster_widths)
    drawn = audio_only.draw(source, made.file(heard.file), work, report, width=width)
    widths = _save_posters(drawn.poster, params, work)
    height, width, _ = drawn.poster.image.shape
    return Result(
        artifacts=[*_poster_artifacts(widths), audio_only.STRIP],
        summary={
            "poster": {"of": drawn.of, "width": width, "height": height},
            "poster_widths": list(widths),
            "waveform": {"width": drawn.strip[0], "height": drawn.strip[1]},
        },
        warnings=notices.of_media(source.probe, Complaints(count=heard.errors)),
    )


def _best(
    source: Source, params: Params, found: Tiles, tiles: Sequence[Tile], report: Report
) -> Frame:
    """Return the best shot at the size of the poster; at its own size if it is not found again.

    Where the clock jumps, seeking finds another frame. The video is then decoded from the
    beginning, up to the shot.
    """
    video = decoding.require_video(source.probe)
    widest = max(params.poster_widths)
    factor = min(1.0, widest / video.width, _TALLEST / video.height)
    long_side = max(picture.scaled(video, factor))
    chosen = poster.shortlist(tiles, source.probe.duration_s, _CANDIDATES)
    small = [next(found.frames([tile])) for tile in chosen]
    for shot, seek in itertools.product(small, (True, False)):
        again = frames.at(
            source.path,
            source.probe,
            shot.time_s,
            long_side=long_side,
            keyframe=shot.key,
            seek=seek,
            report=report,
        )
        if again and poster.alike(again.image, shot.image):
            return Frame(shot.time_s, again.image)
    return small[0]


def _save_posters(frame: Frame, params: Params, work: Path) -> list[int]:
    """Write the poster in each width as JPEG and WebP, and return the widths written."""
    from PIL import Image  # noqa: PLC0415 - stage modules import nothing heavy before they run

    image = Image.fromarray(frame.image)
    widths = sorted({min(width, image.width) for width in params.poster_widths})
    for width in widths:
        size = (width, max(1, round(image.height * width / image.width)))
        resized = image.resize(size, Image.Resampling.LANCZOS)
        for suffix in ("jpg", "webp"):
            resized.save(work / f"poster-{width}.{suffix}", quality=params.poster_quality)
    return widths


def _poster_artifacts(widths: list[int]) -> list[Artifact]:
    kinds = (("jpg", "image/jpeg", "poster"), ("webp", "image/webp", "poster_webp"))
    return [
        Artifact(name=f"poster-{width}.{suffix}", media_type=media_type, role=role)
        for suffix, media_type, role in kinds
        for width in widths
    ]


def _storyboard_artifacts(board: Storyboard) -> list[Artifact]:
    return [
        Artifact(name="storyboard.vtt", media_type="text/vtt", role="storyboard_vtt"),
        Artifact(name="storyboard.json", media_type="application/json", role="storyboard_json"),
        *(
            Artifact(name=name, media_type="image/jpeg", role="storyboard_sheet")
            for name in board.sheets
        ),
    ]


def _summary(frame: Frame, widths: list[int], board: Storyboard) -> dict[str, JsonValue]:
    height, width, _ = frame.image.shape
    return {
        "poster": {"time_s": round(frame.time_s, 3), "width": width, "height": height},
        "poster_widths": list(widths),
        "storyboard": {"tiles": len(board.tiles), "sheets": len(board.sheets)},
    }


def _blank_warning(frame: Frame) -> list[Notice]:
    if poster.score(frame.image):
        return []
    text = "All frames are black, white or one colour, and so is the poster."
    return [Notice(code="poster_blank", message=text)]
