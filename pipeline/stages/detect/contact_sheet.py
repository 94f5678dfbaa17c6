"""An image of each label's best frame: the one with the highest confidence."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.stages.detect.engine import Detection

if TYPE_CHECKING:
    from pipeline.stages.detect.engine import Image

_TILE = (320, 240)
_STRIP = 22
_COLUMNS = 4
_MOST = 60
_QUALITY = 85
_MARK = (255, 221, 0)


@dataclass
class _Shown:
    confidence: float
    time: float
    tile: Any


class ContactSheet:
    """The best frame of each label so far; holds one small tile per label."""

    def __init__(self) -> None:
        self._shown: dict[str, _Shown] = {}

    def offer(self, time: float, image: "Image", detections: Sequence[Detection]) -> None:
        """Add a frame, with boxes in its own pixels."""
        best: dict[str, float] = {}
        for found in detections:
            best[found.label] = max(found.confidence, best.get(found.label, 0.0))
        for label, confidence in best.items():
            if label not in self._shown or confidence > self._shown[label].confidence:
                boxes = [found for found in detections if found.label == label]
                self._shown[label] = _Shown(confidence, time, _annotated(image, boxes))

    def save(self, path: Path) -> bool:
        """Write the sheet as JPEG, labels in order; return False if there are no labels."""
        from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415 - only this stage needs it

        tiles = sorted(self._shown.items())[:_MOST]
        if not tiles:
            return False
        columns = min(_COLUMNS, len(tiles))
        cell = (_TILE[0], _TILE[1] + _STRIP)
        size = (columns * cell[0], math.ceil(len(tiles) / columns) * cell[1])
        sheet = Image.new("RGB", size, "black")
        draw = ImageDraw.Draw(sheet)
        font = ImageFont.load_default(14)
        for index, (label, shown) in enumerate(tiles):
            left, top = index % columns * cell[0], index // columns * cell[1]
            space = (_TILE[0] - shown.tile.width) // 2, (_TILE[1] - shown.tile.height) // 2
            sheet.paste(shown.tile, (left + space[0], top + space[1]))
            text = f"{label} {shown.confidence:.0%} at {shown.time:.1f} s"
            draw.text((left + 4, top + _TILE[1] + 2), text, fill="white", font=font)
        sheet.save(path, format="JPEG", quality=_QUALITY)
        return True


def _annotated(image: "Image", detections: Sequence[Detection]) -> Any:
    from PIL import Image, ImageDraw  # noqa: PLC0415 - see above

    tile = Image.fromarray(image)
    size = tile.size
    tile.thumbnail(_TILE)
    draw = ImageDraw.Draw(tile)
    for found in detections:
        left, top, right, bottom = found.box
        x, y = tile.width / size[0], tile.height / size[1]
        draw.rectangle((left * x, top * y, right * x, bottom * y), outline=_MARK, width=2)
    return tile
