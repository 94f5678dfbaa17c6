"""An image of each label's best frame: the one with the highest confidence."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.stages.detect.candidates import MOST, TILE, Candidate

_STRIP = 22
_COLUMNS = 4
_QUALITY = 85


class Strip(NamedTuple):
    """The tiles of a range.

    Attributes:
        candidates: of each tile, from top to bottom.
        file: returns the image; it is called only if one of the tiles is shown.
    """

    candidates: Sequence[Candidate]
    file: Callable[[], Path]


def save(path: Path, strips: Sequence[Strip]) -> bool:
    """Write the sheet as JPEG, labels in order; return False if there are no labels.

    Args:
        path: the file to write.
        strips: in order of time; of equal confidences, the earliest is shown.
    """
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415 - only this stage needs it

    chosen = _chosen(strips)
    if not chosen:
        return False
    tiles = _tiles(strips, chosen)
    columns = min(_COLUMNS, len(chosen))
    cell = (TILE[0], TILE[1] + _STRIP)
    size = (columns * cell[0], math.ceil(len(chosen) / columns) * cell[1])
    sheet = Image.new("RGB", size, "black")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(14)
    for index, candidate in enumerate(chosen):
        tile = tiles[candidate]
        left, top = index % columns * cell[0], index // columns * cell[1]
        space = (TILE[0] - tile.width) // 2, (TILE[1] - tile.height) // 2
        sheet.paste(tile, (left + space[0], top + space[1]))
        text = f"{candidate.label} {candidate.confidence:.0%} at {candidate.time_s:.1f} s"
        draw.text((left + 4, top + TILE[1] + 2), text, fill="white", font=font)
    sheet.save(path, format="JPEG", quality=_QUALITY)
    return True


def _chosen(strips: Sequence[Strip]) -> list[Candidate]:
    """Return the best candidate of each label."""
    best: dict[str, Candidate] = {}
    for strip in strips:
        for one in strip.candidates:
            if one.label not in best or one.confidence > best[one.label].confidence:
                best[one.label] = one
    return [best[label] for label in sorted(best)[:MOST]]


def _tiles(strips: Sequence[Strip], chosen: Sequence[Candidate]) -> dict[Candidate, Any]:
    """Return the tile of each chosen candidate."""
    from PIL import Image  # noqa: PLC0415 - see above

    tiles: dict[Candidate, Any] = {}
    for strip in strips:
        wanted = [place for place, one in enumerate(strip.candidates) if one in chosen]
        if not wanted:
            continue
        with Image.open(strip.file(), formats=["PNG"]) as image:
            width, height = image.width, image.height // len(strip.candidates)
            for place in wanted:
                box = (0, place * height, width, (place + 1) * height)
                tiles[strip.candidates[place]] = image.crop(box)
    return tiles
