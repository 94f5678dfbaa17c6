"""The candidates of a range for the contact sheet: the best frame of each label."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from pipeline.stages.detect.engine import Detection

if TYPE_CHECKING:
    from pipeline.stages.detect.engine import Image

MOST = 60
"""Most labels in a contact sheet: the first ones in alphabetical order."""

TILE = (320, 240)
"""Largest width and height of a tile, pixels."""

_MARK = (255, 221, 0)
_COMPRESSION = 1  # the file is temporary


class Candidate(BaseModel):
    """A label's frame with the highest confidence in a range."""

    model_config = ConfigDict(frozen=True)

    label: str
    confidence: float
    time_s: float


class Candidates:
    """The best frame of each label so far; holds one small tile per label."""

    def __init__(self) -> None:
        self._tiles: dict[str, tuple[Candidate, Any]] = {}

    def offer(self, time_s: float, image: "Image", detections: Sequence[Detection]) -> None:
        """Add a frame, with boxes in its own pixels."""
        best: dict[str, float] = {}
        for found in detections:
            best[found.label] = max(found.confidence, best.get(found.label, 0.0))
        for label, confidence in best.items():
            if label not in self._tiles or confidence > self._tiles[label][0].confidence:
                boxes = [found for found in detections if found.label == label]
                candidate = Candidate(label=label, confidence=confidence, time_s=time_s)
                self._tiles[label] = candidate, _annotated(image, boxes)

    def save(self, path: Path) -> tuple[Candidate, ...]:
        """Write the tiles as one PNG, one below the other; write nothing without labels.

        Returns:
            the candidates, in the order of their tiles.
        """
        from PIL import Image  # noqa: PLC0415 - only this stage needs it

        chosen = [self._tiles[label] for label in sorted(self._tiles)[:MOST]]
        if chosen:
            width, height = chosen[0][1].size
            strip = Image.new("RGB", (width, height * len(chosen)))
            for place, (_, tile) in enumerate(chosen):
                strip.paste(tile, (0, place * height))
            strip.save(path, format="PNG", compress_level=_COMPRESSION)
        return tuple(candidate for candidate, _ in chosen)


def _annotated(image: "Image", detections: Sequence[Detection]) -> Any:
    """Return the tile of a frame with a mark around each detection."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 - see above

    tile = Image.fromarray(image)
    size = tile.size
    tile.thumbnail(TILE)
    draw = ImageDraw.Draw(tile)
    for found in detections:
        left, top, right, bottom = found.box
        x, y = tile.width / size[0], tile.height / size[1]
        draw.rectangle((left * x, top * y, right * x, bottom * y), outline=_MARK, width=2)
    return tile
