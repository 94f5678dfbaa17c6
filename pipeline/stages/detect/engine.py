"""The interface of an object detector, independent of the library that runs it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pipeline.core.errors import BadInput

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
    """The options of a detection.

    Attributes:
        confidence: least confidence of a detection, 0 to 1.
        iou: overlap from which two boxes of a class count as one object, 0 to 1.
        image_size: the longer side is scaled to this many pixels.
        most: most detections per image.
        labels: the labels to detect; None for all labels of the model.
    """

    confidence: float
    iou: float
    image_size: int
    most: int
    labels: tuple[str, ...] | None


def check_labels(how: Looking, known: Sequence[str]) -> None:
    """Check that a model knows all requested labels.

    Raises:
        BadInput: ``unknown_label``.
    """
    if unknown := set(how.labels or ()) - set(known):
        raise BadInput(
            "unknown_label",
            f"This model cannot find {', '.join(sorted(unknown))}. It knows {', '.join(known)}.",
        )


class ObjectEngine(Protocol):
    """A model that detects objects.

    Attributes:
        labels: the labels that it can detect.
        image_size: side in pixels of its training images.
        batch: best number of images per batch on this device.
    """

    labels: tuple[str, ...]
    image_size: int
    batch: int

    def detect(self, images: Sequence["Image"], how: Looking) -> list[list[Detection]]:
        """Detect objects in each image, highest confidence first.

        Args:
            images: uint8 RGB, [height, width, 3].
            how: the options.

        Returns:
            the detections of each image, with boxes in its pixels.
        """
