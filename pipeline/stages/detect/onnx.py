"""The default object engine: detectors in ONNX, run by ONNX Runtime.

It needs neither torch nor code under the AGPL. A model is data: nothing in it can run code, and
files that refer to other files are rejected.
"""

import logging
import mmap
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import MissingDependency
from pipeline.stages.detect import formats, free_size, letterbox, suppression
from pipeline.stages.detect.engine import Detection, Looking, check_labels
from pipeline.stages.models import engines, host
from pipeline.stages.models.weights import Weights
from pipeline.telemetry import metrics, names

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.stages.detect.engine import Image
    from pipeline.stages.detect.formats import Format
    from pipeline.stages.detect.letterbox import Letterbox

NAME = "onnxruntime"

_log = logging.getLogger(__name__)
_CPU_BATCH = 1  # larger batches are not faster there
_GPU_BATCH = 32
_DEFAULT_SIDE = 640
_LARGEST_SIDE = 4096
_FREE_OUTPUT = (1, "boxes", 5 + len(formats.COCO))
_CHECKED_SIZE = (96, 160)
_FATAL = 4  # ONNX Runtime's severity; errors also come as exceptions
# A tensor in another file has an entry "location", a string of 8 bytes. Its length is written as
# the byte 8, or in a longer form that ends with 0.
_ELSEWHERE = re.compile(rb"[\x08\x00]location")


def version() -> str:
    """Return the version of the library; see ``engines.version``."""
    return engines.version(NAME, "detect")


def load(weights: Weights) -> "OnnxEngine":
    """Return the engine for these weights, loaded at the first call and cached.

    Raises:
        MissingDependency: ``model_format``: the file is not a detector of a known form in ONNX.
    """
    here = host.current()
    return _load(weights.path, weights.sha256, here.threads, here.device)


@lru_cache(maxsize=1)  # a second model would double the memory of the process
@metrics.timed(names.MODEL_LOAD, engine=NAME)
def _load(path: Path, _sha256: str, threads: int, device: str) -> "OnnxEngine":
    import onnxruntime  # noqa: PLC0415 - only processes that run a model pay for it

    providers = ["CPUExecutionProvider"]
    if device.startswith("cuda") and "CUDAExecutionProvider" in (
        onnxruntime.get_available_providers()
    ):
        providers.insert(0, "CUDAExecutionProvider")
    _log.info("loading %s for %s", path, providers[0])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that spin while they wait take CPU time from the decoder.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _FATAL

    def opened(model: str | bytes) -> Any:
        return onnxruntime.InferenceSession(model, options, providers=providers)

    try:
        _check_contained(path)
        engine = OnnxEngine(opened(str(path)))
    except Exception as error:  # ONNX Runtime's exceptions have no class in common
        raise MissingDependency(
            "model_format",
            f"{path} cannot be loaded as an object detector in ONNX: {_reason(error)}.",
        ) from error
    if not engine.takes_squares:
        return engine
    try:
        free = OnnxEngine(opened(free_size.freed(path.read_bytes(), _FREE_OUTPUT)))
        free.check(_CHECKED_SIZE)
    except Exception as error:  # noqa: BLE001 - see above; as it is, the model works
        _log.info("%s takes only squares: %s", path, _reason(error))
        return engine
    free.image_size = engine.image_size
    return free


def _check_contained(path: Path) -> None:
    """Check that a model holds all its weights, for a hostile one could name any file."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if _ELSEWHERE.search(content):
            raise formats.UnknownFormatError("its weights are in another file")


def _reason(error: Exception) -> str:
    words = " ".join(str(error).split()) or type(error).__name__
    return words[:200].rstrip(".")


class OnnxEngine:
    """A loaded detector; see ``ObjectEngine``.

    A model with a dynamic batch gets all images at once, others one by one. A model with a dynamic
    size gets rectangles, as YOLOX's do after ``free_size``; others get their fixed size, whatever
    ``Looking.image_size`` says.
    """

    def __init__(self, session: Any) -> None:
        (given,) = session.get_inputs()
        (output,) = session.get_outputs()
        if given.type != "tensor(float)":
            raise formats.UnknownFormatError(f"its input is a {given.type}")
        if given.shape and isinstance(given.shape[0], int) and given.shape[0] != 1:
            raise formats.UnknownFormatError(f"it takes {given.shape[0]} images at once")
        self._session = session
        self._input = given.name
        self._format: Format = formats.recognise(
            given.shape, output.shape, session.get_modelmeta().custom_metadata_map
        )
        self._batched = not isinstance(given.shape[0], int)
        self._size = _fixed_size(given.shape[2:])
        self.labels = self._format.labels
        trained = max(self._size) if self._size else self._format.image_size or _DEFAULT_SIDE
        self.image_size = min(trained, _LARGEST_SIDE)
        on_gpu = session.get_providers()[0] == "CUDAExecutionProvider"
        self.batch = _GPU_BATCH if on_gpu and self._batched else _CPU_BATCH

    @property
    def takes_squares(self) -> bool:
        """Return True for a YOLOX model of fixed size, which could be of any."""
        return self._size is not None and isinstance(self._format, formats.Yolox)

    def check(self, size: tuple[int, int]) -> None:
        """Check that a YOLOX model works for an input of this height and width."""
        import numpy as np  # noqa: PLC0415 - stage modules import nothing heavy before they run

        (output,) = self._session.run(None, {self._input: np.zeros((1, 3, *size), np.float32)})
        if output.shape[1] != formats.yolox_boxes(*size):
            raise formats.UnknownFormatError(f"its output has the shape {output.shape} for {size}")

    def detect(self, images: Sequence["Image"], how: Looking) -> list[list[Detection]]:
        """Detect objects in images, letterboxed to the model's input.

        Raises:
            BadInput: ``unknown_label``: the model does not have a requested label.
        """
        check_labels(how, self.labels)
        found: list[list[Detection]] = []
        for (height, width, _), alike in groupby(images, key=lambda image: image.shape):
            place = self._place(height, width, how.image_size)
            found += [
                self._detections(output, place, (height, width), how)
                for output in self._outputs(list(alike), place)
            ]
        return found

    def _place(self, height: int, width: int, side: int) -> "Letterbox":
        if self._size:
            return letterbox.fixed(height, width, self._size, centred=self._format.centred)
        return letterbox.rectangle(
            height, width, side=side, stride=self._format.stride, centred=self._format.centred
        )

    def _outputs(
        self, images: Sequence["Image"], place: "Letterbox"
    ) -> Iterator["NDArray[np.float32]"]:
        """Yield the model's output for each image."""
        step = len(images) if self._batched else 1
        for first in range(0, len(images), step):
            pixels = place.fill(images[first : first + step], bgr=self._format.bgr)
            pixels *= self._format.scale
            (outputs,) = self._session.run(None, {self._input: pixels})
            yield from outputs

    def _detections(
        self,
        output: "NDArray[np.float32]",
        place: "Letterbox",
        size: tuple[int, int],
        how: Looking,
    ) -> list[Detection]:
        import numpy as np  # noqa: PLC0415 - stage modules import nothing heavy before they run

        boxes, confidences, classes = self._format.candidates(
            output, (place.height, place.width), how.confidence
        )
        if how.labels is not None:
            wanted = np.isin(classes, [self.labels.index(label) for label in how.labels])
            boxes, confidences, classes = boxes[wanted], confidences[wanted], classes[wanted]
        keep = suppression.kept(boxes, confidences, classes, iou=how.iou, most=how.most)
        placed = place.back(boxes[keep], *size).tolist()
        return [
            Detection(self.labels[number], confidence, tuple(corners))
            for number, confidence, corners in zip(
                classes[keep].tolist(), confidences[keep].tolist(), placed, strict=True
            )
        ]


def _fixed_size(sides: Sequence[int | str | None]) -> tuple[int, int] | None:
    height, width = sides
    return (height, width) if isinstance(height, int) and isinstance(width, int) else None
