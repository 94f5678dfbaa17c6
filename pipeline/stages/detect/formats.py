"""The forms of detectors in ONNX: their labels, their input and the meaning of their output.

Two are known: YOLOX's official files, and detectors that Ultralytics exported.
"""

import ast
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Shape = Sequence[int | str | None]
"""The shape of a tensor; a dynamic axis has a name or None."""

_STRIDES = (8, 16, 32)
_LARGEST_STRIDE = 1024

_NAMES = (
    "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,"
    "stop sign,parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,"
    "backpack,umbrella,handbag,tie,suitcase,frisbee,skis,snowboard,sports ball,kite,baseball bat,"
    "baseball glove,skateboard,surfboard,tennis racket,bottle,wine glass,cup,fork,knife,spoon,bowl,"
    "banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,"
    "potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,keyboard,cell phone,microwave,"
    "oven,toaster,sink,refrigerator,book,clock,vase,scissors,teddy bear,hair drier,"
    "toothbrush"
)
COCO = tuple(_NAMES.split(","))
"""The labels of the COCO data set, in its order; YOLOX's files do not contain them."""


class UnknownFormatError(ValueError):
    """A model whose input or output has no known form."""


class Candidates(NamedTuple):
    """Boxes before non-maximum suppression.

    Attributes:
        boxes: left, top, right, bottom in pixels of the input; float32 [n, 4].
        confidences: float32 [n].
        classes: index of the label; [n].
    """

    boxes: "NDArray[np.float32]"
    confidences: "NDArray[np.float32]"
    classes: "NDArray[np.intp]"


@dataclass(frozen=True)
class Format(ABC):
    """The form of a detector.

    Attributes:
        labels: the labels, by class.
        stride: the sides of a dynamic input are multiples of this.
        image_size: side in pixels of the training images; None if the file does not say.
        bgr: the channels are blue, green, red, not red, green, blue.
        scale: factor of pixel values from 0 to 255.
        centred: the image is in the middle of its padding, not in the upper left corner.
    """

    labels: tuple[str, ...]
    stride: int
    image_size: int | None
    bgr: bool
    scale: float
    centred: bool

    @abstractmethod
    def candidates(
        self, output: "NDArray[np.float32]", size: tuple[int, int], confidence: float
    ) -> Candidates:
        """Return the boxes of an image with more than ``confidence``, each of its best class.

        Args:
            output: the model's output for one image.
            size: height and width of the input.
            confidence: 0 to 1.
        """


class Yolox(Format):
    """An official YOLOX file: output [1, boxes, 5 + labels], relative to a grid."""

    def candidates(
        self, output: "NDArray[np.float32]", size: tuple[int, int], confidence: float
    ) -> Candidates:
        """Return the boxes; a confidence is that of an object times that of its class."""
        import numpy as np  # noqa: PLC0415 - stage modules import nothing heavy before they run

        rows = np.flatnonzero(output[:, 4] > confidence)  # no class makes it higher
        chosen = output[rows]
        scores = chosen[:, 5:] * chosen[:, 4:5]
        classes = scores.argmax(axis=1)
        confidences = scores[np.arange(len(classes)), classes]
        corners, strides = _grid(*size)
        middle = (chosen[:, :2] + corners[rows]) * strides[rows, None]
        half = np.exp(np.minimum(chosen[:, 2:4], 20)) * strides[rows, None] / 2
        boxes = np.concatenate([middle - half, middle + half], axis=1)
        return _above(boxes, confidences, classes, confidence)


class Exported(Format):
    """A detector that Ultralytics exported: output [1, 4 + labels, boxes], in pixels."""

    def candidates(
        self, output: "NDArray[np.float32]", size: tuple[int, int], confidence: float
    ) -> Candidates:
        """Return the boxes, given by the output as centre, width and height."""
        import numpy as np  # noqa: PLC0415 - see Yolox.candidates()

        _ = size
        columns = np.flatnonzero(output[4:].max(axis=0) > confidence)
        chosen = output[:, columns].T
        classes = chosen[:, 4:].argmax(axis=1)
        confidences = chosen[np.arange(len(classes)), 4 + classes]
        middle, half = chosen[:, :2], chosen[:, 2:4] / 2
        boxes = np.concatenate([middle - half, middle + half], axis=1)
        return _above(boxes, confidences, classes, confidence)


_YOLOX = Yolox(COCO, _STRIDES[-1], None, bgr=True, scale=1.0, centred=False)


def recognise(given: Shape, output: Shape, metadata: Mapping[str, str]) -> Format:
    """Return the form of a model by the shapes of its input and output, and its metadata.

    Raises:
        UnknownFormatError: it has another form.
    """
    if len(given) != 4 or given[1] != 3:  # noqa: PLR2004 - [n, channels, height, width]
        raise UnknownFormatError(f"its input has the shape {list(given)}, not that of images")
    found = _exported(metadata) if "names" in metadata else _YOLOX
    if "names" in metadata:
        known = list(output[1:2]) == [4 + len(found.labels)]
    else:
        sides = [side for side in given[2:] if isinstance(side, int)]
        free = len(sides) < 2  # noqa: PLR2004 - height and width
        known = list(output[2:]) == [5 + len(COCO)] and (free or output[1] == yolox_boxes(*sides))
    if not known or len(output) != 3:  # noqa: PLR2004 - [n, boxes, values] or [n, values, boxes]
        raise UnknownFormatError(f"its output has the unknown shape {list(output)}")
    return found


def _exported(metadata: Mapping[str, str]) -> Format:
    if (task := metadata.get("task", "detect")) != "detect":
        raise UnknownFormatError(f"its task is {task!r:.50}, not detection")
    try:
        names = ast.literal_eval(metadata["names"])
        labels = tuple(names[number] for number in range(len(names)))
        stride = int(metadata.get("stride", _STRIDES[-1]))
        sides = ast.literal_eval(metadata["imgsz"]) if "imgsz" in metadata else ()
        image_size = max(int(side) for side in sides) if sides else None
    except (KeyError, MemoryError, RecursionError, SyntaxError, TypeError, ValueError) as error:
        raise UnknownFormatError(f"its metadata cannot be read ({error!r:.100})") from error
    if not labels or not all(isinstance(label, str) for label in labels):
        raise UnknownFormatError("its metadata names no labels")
    if not 1 <= stride <= _LARGEST_STRIDE:
        raise UnknownFormatError(f"its stride is {stride}")
    return Exported(labels, stride, image_size, bgr=False, scale=1 / 255, centred=True)


def yolox_boxes(height: int, width: int) -> int:
    """Return the number of YOLOX's boxes for an input."""
    return sum((height // stride) * (width // stride) for stride in _STRIDES)


def _grid(height: int, width: int) -> "tuple[NDArray[np.float32], NDArray[np.float32]]":
    """Return column and row of each cell, float32 [n, 2], and its stride, float32 [n]."""
    import numpy as np  # noqa: PLC0415 - see Yolox.candidates()

    corners, strides = [], []
    for stride in _STRIDES:
        rows, columns = np.mgrid[: height // stride, : width // stride].astype(np.float32)
        corners.append(np.stack([columns.ravel(), rows.ravel()], axis=1))
        strides.append(np.full(rows.size, stride, np.float32))
    return np.concatenate(corners), np.concatenate(strides)


def _above(
    boxes: "NDArray[np.float32]",
    confidences: "NDArray[np.float32]",
    classes: "NDArray[np.intp]",
    confidence: float,
) -> Candidates:
    import numpy as np  # noqa: PLC0415 - see Yolox.candidates()

    # A broken model can give infinities, which no JSON holds.
    good = (confidences > confidence) & np.isfinite(boxes).all(axis=1)
    return Candidates(boxes[good], confidences[good], classes[good])
