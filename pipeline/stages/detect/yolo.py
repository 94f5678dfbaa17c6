"""The reference object engine: Ultralytics YOLO on torch; it also exports its models to ONNX.

Ultralytics is AGPL-3.0 (see NOTICE), and this is the only module that imports it. Its import
checks for updates, reports usage, installs packages and writes settings to the home directory. It
also patches ``PIL.Image.open`` and ``torch.save`` and sets torch's threads. All of that is
disabled or undone here.
"""

import logging
import os
import tempfile
import warnings
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import MissingDependency
from pipeline.stages.detect.engine import Detection, Looking, check_labels
from pipeline.stages.models import device, engines, host
from pipeline.stages.models.weights import Weights
from pipeline.telemetry import metrics, names

if TYPE_CHECKING:
    from pipeline.stages.detect.engine import Image

NAME = "ultralytics"

_log = logging.getLogger(__name__)
_CPU_BATCH = 8  # larger batches are not faster there
_GPU_BATCH = 32
_OPSET = 17
_METADATA = ("imgsz", "license", "names", "stride", "task", "version")


def version() -> str:
    """Return the version of the library; see ``engines.version``."""
    return engines.version(NAME, "ultralytics")


def load(weights: Weights) -> "YoloEngine":
    """Return the engine for these weights, loaded at the first call and cached.

    Raises:
        MissingDependency: ``model_format``: the file is not an Ultralytics detection checkpoint.
    """
    return _load(str(weights.path), weights.sha256, device.choose())


@lru_cache(maxsize=1)  # a second model would double the memory of the process
@metrics.timed(names.MODEL_LOAD, engine=NAME)
def _load(path: str, _sha256: str, where: str) -> "YoloEngine":
    _log.info("loading %s on %s", path, where)
    return YoloEngine(_loaded(path), where)


def _loaded(path: str) -> Any:
    yolo = _library()
    try:
        model = yolo(path, task="detect")
        if model.task != "detect":
            raise ValueError(f"its task is {model.task}")
    except Exception as error:
        raise MissingDependency(
            "model_format",
            f"{path} cannot be loaded as an Ultralytics detection checkpoint ({error!r:.200}).",
        ) from error
    return model


def to_onnx(weights: Weights, target: Path) -> None:
    """Write a detection checkpoint to ``target`` as ONNX with dynamic axes.

    Of the exporter's metadata only that of ``_METADATA`` is kept, so that the same checkpoint gives
    the same bytes: the rest are times, arguments and the paths of training.

    Raises:
        MissingDependency: ``extra_missing``: the exporter is not installed; ``model_format``: the
            file is not an Ultralytics detection checkpoint, or cannot be exported.
    """
    engines.version("onnx", "ultralytics")  # Ultralytics would try to install it
    model = _loaded(str(weights.path))
    with tempfile.TemporaryDirectory(prefix="videodrop-export-", dir=target.parent) as folder:
        model.model.pt_path = str(Path(folder) / "model.pt")  # it writes beside this
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch's exporter announces its successor
                options = {"dynamic": True, "opset": _OPSET, "device": "cpu"}
                written = Path(model.export(format="onnx", **options))
            _strip(written)
        except Exception as error:
            raise MissingDependency(
                "model_format", f"{weights.path} cannot be exported to ONNX ({error!r:.200})."
            ) from error
        written.replace(target)


def _strip(path: Path) -> None:
    """Remove data of this machine, and inferred shapes, whose order varies, from a model."""
    import onnx  # noqa: PLC0415 - only exports need it

    model = onnx.load(path)
    kept = {one.key: one.value for one in model.metadata_props if one.key in _METADATA}
    onnx.helper.set_model_props(model, kept)
    model.doc_string = ""
    del model.graph.value_info[:]
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    onnx.save(model, path)


@lru_cache(maxsize=1)
def _library() -> Any:
    """Return Ultralytics' YOLO class, with network access disabled and its patches undone."""
    import PIL.Image  # noqa: PLC0415 - only this stage needs it
    import torch  # noqa: PLC0415 - takes seconds to import

    library: Any
    threads = host.current().threads
    patched = PIL.Image.open, torch.save
    with tempfile.TemporaryDirectory(prefix="videodrop-ultralytics-") as config:
        os.environ |= {
            "YOLO_AUTOINSTALL": "false",
            "YOLO_CONFIG_DIR": config,
            "YOLO_OFFLINE": "true",
            "YOLO_VERBOSE": "false",
            "ULTRALYTICS_SAFE_LOAD": "true",  # weights_only: a checkpoint cannot run code
        }
        os.environ.setdefault("OMP_NUM_THREADS", str(threads))  # else it sets it to 1
        import ultralytics  # noqa: PLC0415 - writes files and patches other modules
        from ultralytics.utils import torch_utils  # noqa: PLC0415

        library = ultralytics
        # Its first prediction sets torch's threads to this.
        setting: Any = torch_utils
        setting.NUM_THREADS = threads
        library.settings.update({"sync": False})
    PIL.Image.open, torch.save = patched
    return library.YOLO


class YoloEngine:
    """A loaded YOLO detector; see ``ObjectEngine``."""

    def __init__(self, model: Any, where: str) -> None:
        self._model = model
        self._device = where
        self._ids = {label: number for number, label in model.names.items()}
        self.labels = tuple(model.names.values())
        self.image_size = int(model.overrides.get("imgsz", 640))
        self.batch = _GPU_BATCH if where.startswith("cuda") else _CPU_BATCH

    def detect(self, images: Sequence["Image"], how: Looking) -> list[list[Detection]]:
        """Detect objects by ``YOLO.predict`` in the images, letterboxed to a rectangle.

        Raises:
            BadInput: ``unknown_label``: the model does not have a requested label.
        """
        check_labels(how, self.labels)
        answers = self._model.predict(
            [image[..., ::-1] for image in images],  # it takes OpenCV's BGR
            imgsz=how.image_size,
            conf=how.confidence,
            iou=how.iou,
            max_det=how.most,
            classes=[self._ids[label] for label in how.labels] if how.labels else None,
            device=self._device,
            quantize=16 if self._device.startswith("cuda") else None,
            rect=True,
            verbose=False,
        )
        return [self._detections(answer.boxes) for answer in answers]

    def _detections(self, boxes: Any) -> list[Detection]:
        return [
            Detection(self._model.names[int(number)], confidence, tuple(corners))
            for number, confidence, corners in zip(
                boxes.cls.tolist(), boxes.conf.tolist(), boxes.xyxy.tolist(), strict=True
            )
        ]
