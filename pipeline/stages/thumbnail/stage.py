"""The thumbnail stage: a poster, and a storyboard for scrubbing."""

import itertools
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from pipeline.core.errors import BadInput
from pipeline.core.stage import Artifact, Notice, Report, Result, Source
from pipeline.media import frames, picture
from pipeline.media.frames import Frame
from pipeline.media.process import Complaints
from pipeline.stages import notices
from pipeline.stages.thumbnail import poster, storyboard
from pipeline.stages.thumbnail.storyboard import Storyboard

VERSION = "1"

_FINALISTS = 3


class Params(BaseModel):
    """The parameters of the thumbnail stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    poster_widths: tuple[int, ...] = Field(
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
    rows: int = Field(10, ge=1, le=20, description="Rows of a sheet")


def run(source: Source, params: Params, work: Path, report: Report) -> Result:
    """Write the poster (``poster-640.jpg``, …) and the storyboard (``storyboard.vtt``, …).

    Raises:
        BadInput: ``no_video``, or ``undecodable``.
        VideodropError: see ``ffmpeg.judge``.
    """
    frames.require_video(source.probe)
    report(0.0)
    complaints = Complaints()
    tiles = _tiles(source, params, report, complaints)
    board = storyboard.draw(tiles, work, columns=params.columns, rows=params.rows)
    duration_s = source.probe.duration_s
    (work / "storyboard.vtt").write_text(storyboard.webvtt(board, duration_s), encoding="utf-8")
    (work / "storyboard.json").write_text(storyboard.index(board, duration_s), encoding="utf-8")
    report(0.85)
    chosen = _best(source, params, tiles, report)
    widths = _save_posters(chosen, params, work)
    report(1.0)
    return Result(
        artifacts=[*_poster_artifacts(widths), *_storyboard_artifacts(board)],
        summary=_summary(chosen, widths, board),
        warnings=[*notices.of_media(source.probe, complaints), *_blank_warning(chosen)],
    )


def _tiles(source: Source, params: Params, report: Report, complaints: Complaints) -> list[Frame]:
    """Return frames for the storyboard: keyframes, which are cheap, or else sampled frames.

    Frames are sampled if the keyframes are fewer than half of the tiles wanted.
    """
    every_s = max(params.tile_every_s, source.probe.duration_s / params.max_tiles)
    wanted = max(1, int(source.probe.duration_s / every_s))
    try:
        found = _collect(
            source, params, report, complaints, mode="keyframes", every_s=every_s, share=0.4
        )
    except BadInput:
        found = []
    if len(found) * 2 < wanted:
        found = _collect(
            source, params, report, complaints, mode="sample", every_s=every_s, share=0.8
        )
    return found


def _collect(
    source: Source,
    params: Params,
    report: Report,
    complaints: Complaints,
    *,
    mode: Literal["keyframes", "sample"],
    every_s: float,
    share: float,
) -> list[Frame]:
    path, probe = source.path, source.probe
    if mode == "keyframes":
        stream = frames.keyframes(
            path,
            probe,
            every_s=every_s,
            long_side=params.tile_side,
            report=report,
            complaints=complaints,
        )
    else:
        stream = frames.sample(
            path,
            probe,
            fps=1 / every_s,
            long_side=params.tile_side,
            report=report,
            complaints=complaints,
        )
    found = []
    for frame in itertools.islice(stream, params.max_tiles):
        report(share * frame.time_s / max(probe.duration_s, frame.time_s, 0.001))
        found.append(frame)
    return found


def _best(source: Source, params: Params, tiles: list[Frame], report: Report) -> Frame:
    """Return the best of the shortlisted frames, scored again at full size, where blur shows."""
    video = frames.require_video(source.probe)
    factor = min(1.0, max(params.poster_widths) / video.width)
    long_side = max(picture.scaled(video, factor))
    finalists = []
    for tile in poster.shortlist(tiles, source.probe.duration_s, _FINALISTS):
        report(0.85)
        frame = frames.at(source.path, source.probe, tile.time_s, long_side=long_side)
        finalists.append(frame or tile)
    return max(finalists, key=lambda f: poster.score(f.image))


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
