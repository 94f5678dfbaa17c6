"""The training of `yolo-shapes.pt`: python -m samples.models.training.yolo_train.

It makes its pictures first, prints its progress, and resumes where it stopped.
"""

import argparse
import importlib
import json
import os
import shutil
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final

import torch

from samples import grammar
from samples.models.training import pack, pictures

SEED: Final = 7
EPOCHS: Final = 22
PICTURES: Final = 4000
SCALE: Final = (0.50, 0.125, 512)
"""Depth, width and maximum of channels: half the width of YOLO11n, 0.5 million weights."""


def _library(work: Path) -> Any:
    """Import Ultralytics without network access and without the user's settings.

    It downloads a missing Arial.ttf; any font of that name prevents that.
    """
    config = work / "config"
    config.mkdir(parents=True, exist_ok=True)
    os.environ |= {
        "YOLO_CONFIG_DIR": str(config),
        "YOLO_OFFLINE": "true",
        "YOLO_AUTOINSTALL": "false",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
    }
    with as_file(files("matplotlib") / "mpl-data/fonts/ttf/DejaVuSans.ttf") as font:
        shutil.copyfile(font, config / "Arial.ttf")
    library = importlib.import_module("ultralytics")
    library.settings.update({"sync": False})
    return library


def _architecture(library: Any, work: Path) -> Path:
    """Write the packaged YOLO11 with these classes and this scale; return its path."""
    utils = library.utils
    layers = dict(utils.YAML.load(utils.ROOT / "cfg/models/11/yolo11.yaml"))
    layers["nc"] = len(grammar.SHAPES)
    layers["scales"] = {"n": list(SCALE)}
    path = work / "yolo11n-shapes.yaml"  # Ultralytics reads the scale, n, from the name
    path.write_text(json.dumps(layers), encoding="utf-8")  # JSON is YAML
    return path


def _data(work: Path, count: int) -> Path:
    """Make the pictures and return the path of their description."""
    folder = work / "pictures"
    pictures.write(folder, count, "train")
    pictures.write(folder, max(40, count // 20), "val")
    path = work / "shapes.yaml"
    description = {
        "path": str(folder),
        "train": "images/train",
        "val": "images/val",
        "names": dict(enumerate(grammar.SHAPES)),
    }
    path.write_text(json.dumps(description), encoding="utf-8")
    return path


def strip(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Return the part of an Ultralytics checkpoint that prediction needs.

    Omit data of this machine: the arguments with their paths, times and host facts. Omit the
    optimiser, too.
    """
    model: Any = (checkpoint.get("ema") or checkpoint["model"]).half().eval()
    for weight in model.parameters():
        weight.requires_grad = False
    model.args = {"imgsz": 320, "task": "detect"}
    model.yaml.pop("yaml_file", None)
    model.pt_path = None
    kept: dict[str, Any] = {
        key: checkpoint[key] for key in ("version", "license", "docs") if key in checkpoint
    }
    return {
        "epoch": -1,
        "model": model,
        "ema": None,
        "optimizer": None,
        "train_args": {"imgsz": 320, "task": "detect"},
        **kept,
    }


def publish(run: Path, out: Path) -> None:
    """Write the checkpoint of a run, stripped and compressed."""
    # An Ultralytics checkpoint is a pickle of classes; this program wrote this one.
    checkpoint = torch.load(run / "weights/last.pt", map_location="cpu", weights_only=False)
    pack.save(strip(checkpoint), out)


def train(out: Path, work: Path, epochs: int, count: int, start: Path | None = None) -> None:
    """Train or resume, and write the checkpoint after each epoch.

    With `start`, a new run begins with the weights of an unfinished one, at a quarter of the rate.
    Use it to finish a run when there is no time for all epochs.
    """
    work = work.resolve()
    library = _library(work)
    run = work / "run"
    last = run / "weights/last.pt"
    resume = last.exists()
    model = library.YOLO(last if resume else start or _architecture(library, work))
    model.add_callback("on_model_save", lambda _: publish(run, out))
    model.train(
        resume=resume,
        data=str(_data(work, count)),
        epochs=epochs,
        imgsz=256,
        batch=16,
        device="cpu",
        workers=0,
        cache="ram",
        plots=False,
        amp=False,
        val=False,
        pretrained=start is not None,
        seed=SEED,
        project=str(work),
        name="run",
        exist_ok=True,
        # A schedule for few epochs: a high rate that falls to almost zero.
        optimizer="AdamW",
        lr0=0.004 if start is None else 0.001,
        lrf=0.01,
        warmup_epochs=1 if start is None else 0,
        cos_lr=True,
        # The pictures vary enough by themselves; these settings add only the rest.
        mosaic=0.3,
        close_mosaic=max(1, epochs // 4),
        hsv_h=0.02,
        hsv_s=0.3,
        hsv_v=0.3,
        scale=0.3,
        translate=0.1,
        fliplr=0.5,
        erasing=0.0,
    )
    publish(run, out)


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("samples/models/yolo-shapes.pt"))
    parser.add_argument("--work", type=Path, default=Path("build/training/yolo"),
                        help="the folder of the pictures and of the state")  # fmt: skip
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--pictures", type=int, default=PICTURES)
    parser.add_argument("--start", type=Path, help="the checkpoint to start from")
    arguments = parser.parse_args()
    train(arguments.out, arguments.work, arguments.epochs, arguments.pictures, arguments.start)


if __name__ == "__main__":
    main()
