"""What detection asks of a model, whatever library runs it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""


@dataclass(frozen=True)
class Detection:
    """One object in one image."""

    label: str
    confidence: float
    box: Box


@dataclass(frozen=True)
class Looking:
    """How to detect.

    Attributes:
        confidence: least confidence of a detection, 0 to 1.
        iou: overlap from which two boxes of a class are taken for one object, 0 to 1.
        image_size: the longer side is scaled to this many pixels.
        most: detections kept in an image.
        labels: only these; None for all the model knows.
    """

    confidence: float
    iou: float
    image_size: int
    most: int
    labels: tuple[str, ...] | None


class ObjectEngine(Protocol):
    """A model that finds objects.

    Attributes:
        labels: what it can find.
        image_size: side in pixels it was trained at.
        batch: how many images it likes to see at once on this device.
    """

    labels: tuple[str, ...]
    image_size: int
    batch: int

    def detect(self, images: Sequence["Image"], how: Looking) -> list[list[Detection]]:
        """Objects in each image, the surest first; boxes in the pixels of the image given."""
