"""``YOLO.predict`` on a video, with frames at the stage's interval.

Options: ``checkpoint``, ``threads``, ``fps`` (sampled), ``rate`` (of the video), ``confidence``,
``iou``, ``device`` (16 bits on a GPU), ``batch``.
"""

import json
from pathlib import Path
from typing import Any

import torch
from ultralytics.models import YOLO

from benchmarks.alternatives.job import Job, perform


def load(job: Job) -> Any:
    """Load the model."""
    torch.set_num_threads(job.options["threads"])
    return YOLO(job.options["checkpoint"], task="detect")


def work(model: Any, video: Path, folder: Path, job: Job) -> None:
    """Detect the objects of a video."""
    device = job.options.get("device", "cpu")
    answers = model.predict(
        str(video),
        vid_stride=max(1, round(job.options["rate"] / job.options["fps"])),
        conf=job.options["confidence"],
        iou=job.options["iou"],
        max_det=100,
        stream=True,
        verbose=False,
        device=device,
        half=device != "cpu",
        batch=job.options.get("batch", 1),
        project=str(folder),
    )
    found = [[box.data[0].tolist() for box in answer.boxes] for answer in answers]
    (folder / "boxes.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    perform(load, work)
