"""The place of an image in a model's input: scaled, with the rest filled with grey."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.stages.detect.engine import Image

_GREY = 114  # the padding in the training of both YOLOX and Ultralytics' models


@dataclass(frozen=True)
class Letterbox:
    """The place of images of one size in the input; lengths in the input's pixels.

    Attributes:
        height: of the input.
        width: of the input.
        inner: height and width of the scaled image.
        top: padding above the image.
        left: padding on its left.
        scale: pixels of the input for one pixel of the image.
    """

    height: int
    width: int
    inner: tuple[int, int]
    top: int
    left: int
    scale: float

    def fill(self, images: Sequence["Image"], *, bgr: bool) -> "NDArray[np.float32]":
        """Return the images as float32 [n, 3, height, width] with values from 0 to 255."""
        import numpy as np  # noqa: PLC0415 - stage modules import nothing heavy before they run

        filled = np.full((len(images), 3, self.height, self.width), _GREY, np.float32)
        bottom, right = self.top + self.inner[0], self.left + self.inner[1]
        for target, image in zip(filled, images, strict=True):
            scaled = image if image.shape[:2] == self.inner else _resized(image, self.inner)
            ordered = scaled[..., ::-1] if bgr else scaled
            target[:, self.top : bottom, self.left : right] = ordered.transpose(2, 0, 1)
        return filled

    def back(self, boxes: "NDArray[np.float32]", height: int, width: int) -> "NDArray[np.float32]":
        """Return boxes, float32 [n, 4], in pixels of the image and clipped to it."""
        import numpy as np  # noqa: PLC0415 - see fill()

        origin = np.array([self.left, self.top, self.left, self.top], np.float32)
        limit = np.array([width, height, width, height], np.float32)
        clipped: NDArray[np.float32] = np.clip((boxes - origin) / self.scale, 0, limit)
        return clipped


def rectangle(
    height: int, width: int, *, side: int, stride: int, centred: bool = True
) -> Letterbox:
    """Return the place in the smallest input whose sides are multiples of ``stride``.

    Args:
        height: of the image.
        width: of the image.
        side: length of the image's longer side in the input; rounded up to a multiple.
        stride: the coarsest grid of the model, in pixels.
        centred: the image is in the middle, not in the upper left corner.
    """
    longest = _multiple(side, stride)
    scale = longest / max(height, width)
    inner = _scaled(height, width, scale)
    size = _multiple(inner[0], stride), _multiple(inner[1], stride)
    return _placed(size, inner, scale, centred=centred)


def fixed(height: int, width: int, size: tuple[int, int], *, centred: bool) -> Letterbox:
    """Return the place in an input of a fixed ``size`` (height, width)."""
    scale = min(size[0] / height, size[1] / width)
    inner = _scaled(height, width, scale)
    return _placed(size, inner, scale, centred=centred)


def _placed(
    size: tuple[int, int], inner: tuple[int, int], scale: float, *, centred: bool
) -> Letterbox:
    if not centred:
        return Letterbox(*size, inner, 0, 0, scale)
    # An odd pixel of padding goes below and to the right, as in Ultralytics' letterbox.
    top, left = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    return Letterbox(*size, inner, top, left, scale)


def _scaled(height: int, width: int, scale: float) -> tuple[int, int]:
    return max(1, round(height * scale)), max(1, round(width * scale))


def _multiple(length: int, stride: int) -> int:
    return -(-length // stride) * stride


def _resized(image: "Image", size: tuple[int, int]) -> Any:
    import numpy as np  # noqa: PLC0415 - see Letterbox.fill()
    from PIL import Image  # noqa: PLC0415 - see Letterbox.fill()

    picture = Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR)
    return np.asarray(picture)
