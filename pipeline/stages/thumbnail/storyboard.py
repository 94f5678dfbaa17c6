"""Sprite sheets for scrubbing, with an index for players (WebVTT) and one for programs (JSON)."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pipeline.media.decoding import Frame

_JPEG_QUALITY = 75


@dataclass(frozen=True)
class Tile:
    """The place of a frame: ``time_s`` is the frame's own time, ``x`` and ``y`` are pixels."""

    time_s: float
    sheet: str
    x: int
    y: int


@dataclass(frozen=True)
class Storyboard:
    """Sheets of equal tiles in order of time.

    Attributes:
        width: width of a tile in pixels.
        height: height of a tile in pixels.
        sheets: file names.
        tiles: in order of time.
    """

    width: int
    height: int
    sheets: tuple[str, ...]
    tiles: tuple[Tile, ...]


def draw(frames: Iterable[Frame], folder: Path, *, columns: int, rows: int) -> Storyboard:
    """Write ``storyboard-001.jpg``, … below ``folder``, each with at most columns x rows tiles.

    Args:
        frames: at least one, all of one size, in order of time; those of one sheet are in memory.
        folder: the folder to write to.
        columns: tiles in a row of a sheet.
        rows: rows of a full sheet; the last sheet ends with its last row.
    """
    from PIL import Image  # noqa: PLC0415 - stage modules import nothing heavy before they run

    width = height = 0
    sheets: list[str] = []
    tiles: list[Tile] = []
    left = iter(frames)
    while page := list(islice(left, columns * rows)):
        height, width, _ = page[0].image.shape
        name = f"storyboard-{len(sheets) + 1:03d}.jpg"
        size = (min(columns, len(page)) * width, -(-len(page) // columns) * height)
        sheet = Image.new("RGB", size)
        for number, frame in enumerate(page):
            row, column = divmod(number, columns)
            sheet.paste(Image.fromarray(frame.image), (column * width, row * height))
            tiles.append(Tile(frame.time_s, name, column * width, row * height))
        sheet.save(folder / name, quality=_JPEG_QUALITY, optimize=True)
        sheets.append(name)
    return Storyboard(width, height, tuple(sheets), tuple(tiles))


def webvtt(board: Storyboard, duration_s: float) -> str:
    """Return a cue per tile, from its frame's time to the next one's; the first begins at 0."""
    starts = [0.0, *(tile.time_s for tile in board.tiles[1:])]
    ends = [*starts[1:], max(duration_s, starts[-1] + 0.04)]
    lines = ["WEBVTT", ""]
    for tile, start, end in zip(board.tiles, starts, ends, strict=True):
        area = f"{tile.x},{tile.y},{board.width},{board.height}"
        lines += [f"{_clock(start)} --> {_clock(end)}", f"{tile.sheet}#xywh={area}", ""]
    return "\n".join(lines)


def index(board: Storyboard, duration_s: float) -> str:
    """Return the tiles as JSON, with each frame's own time."""
    return json.dumps(
        {
            "duration_s": round(duration_s, 3),
            "tile": {"width": board.width, "height": board.height},
            "sheets": list(board.sheets),
            "tiles": [
                {"time_s": round(t.time_s, 3), "sheet": t.sheet, "x": t.x, "y": t.y}
                for t in board.tiles
            ],
        },
        indent=1,
    )


def _clock(seconds: float) -> str:
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"
