"""A YOLO checkpoint and its export to ONNX.

    python -m benchmarks.yolo_weights MODEL CHECKPOINT

A missing checkpoint is made from the architecture of that name, with random weights: they have the
speed of real ones and detect nothing. The ONNX file is written beside the checkpoint.
"""

import sys
from pathlib import Path

import torch
from ultralytics.models import YOLO


def main(model: str, checkpoint: Path) -> None:
    """Write what is missing."""
    if not checkpoint.is_file():
        torch.manual_seed(0)
        YOLO(f"{model}.yaml", task="detect").save(checkpoint)
    YOLO(checkpoint, task="detect").export(format="onnx", dynamic=True, device="cpu")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
