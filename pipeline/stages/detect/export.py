"""The export of Ultralytics checkpoints to ONNX, once for each checkpoint."""

import fcntl
from pathlib import Path

from pipeline.stages.detect import yolo
from pipeline.stages.models.weights import Weights

_SHOWN = 12  # digits of the sha256 in the file's name


def exported_path(weights: Weights, folder: Path) -> Path:
    """Return the path of the export of a checkpoint: its name and the start of its sha256."""
    return folder / f"{weights.path.stem}-{weights.sha256[:_SHOWN]}.onnx"


def export(weights: Weights, folder: Path) -> Path:
    """Return the ONNX file of an Ultralytics checkpoint; it is made at the first call.

    Processes that export the same checkpoint wait for each other. The file appears when it is
    complete.

    Raises:
        MissingDependency: as ``yolo.to_onnx`` does.
    """
    target = exported_path(weights, folder)
    if target.is_file():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with target.with_name(f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released by the kernel however this process ends
        if not target.is_file():
            yolo.to_onnx(weights, target)
    return target
