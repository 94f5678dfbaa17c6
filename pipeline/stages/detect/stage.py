"""The detect stage: the objects in a video, with their places and times.

Frames are sampled, detected in batches and written at once, so memory does not grow with the
duration of the video. The name of the model says which engine runs it: checkpoints (``.pt``) by
Ultralytics, all others by ONNX Runtime.
"""

import logging
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from pipeline.core.stage import Artifact, Notice, Report, Result, Source
from pipeline.media import frames
from pipeline.media.process import Complaints
from pipeline.stages import notices
from pipeline.stages.detect import onnx, yolo
from pipeline.stages.detect.contact_sheet import ContactSheet
from pipeline.stages.detect.engine import Detection, Looking, ObjectEngine
from pipeline.stages.detect.gate import Gate
from pipeline.stages.detect.json_array import json_array
from pipeline.stages.detect.sightings import Sightings
from pipeline.stages.detect.sights import sights
from pipeline.stages.detect.tracker import Track, Tracker
from pipeline.stages.models import weights
from pipeline.stages.models.weights import Weights

VERSION = "2"

_log = logging.getLogger(__name__)
_LONGEST_GAP_S = 1.5
_LONGEST_GAP_FRAMES = 2.5  # at low rates one missed frame must not end a track
_INTERVALS = 1000  # in total, to keep the summary small


class Params(BaseModel):
    """The parameters of the detect stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(
        "auto",
        description="Name of a model, or path to an .onnx or .pt file; `auto` is the best model "
        "that this host has",
    )
    confidence: float = Field(0.25, ge=0.01, le=1, description="Least confidence of a detection")
    iou: float = Field(
        0.7, ge=0.05, le=1, description="Overlap from which two boxes count as one object"
    )
    fps: float = Field(2.0, ge=0.05, le=30, description="Frames sampled per second of video")
    image_size: int | None = Field(
        None, ge=64, le=2048, description="Longer side of the model's input; as trained if not set"
    )
    batch: int | None = Field(
        None, ge=1, le=256, description="Frames per batch; chosen for the device if not set"
    )
    classes: tuple[str, ...] | None = Field(
        None, min_length=1, description="Labels to detect; all labels of the model if not set"
    )
    max_detections: int = Field(100, ge=1, le=1000, description="Most objects in one frame")
    gate: bool = Field(
        default=True,
        description="Frames like the one before are not given to the model; their detections are "
        "repeated",
    )


def identity(params: Params) -> dict[str, str]:
    """Return the weights and library that make a result; imports and fetches nothing heavy."""
    model = weights.choose(params.model, "objects")
    library = _library(model)
    return {
        "engine": library.NAME,
        "engine_version": library.version(),
        "model": model,
        "sha256": weights.digest(model),
    }


def warm_up(params: Params) -> None:
    """Load the model before the first video; fetch the best one if it is not here."""
    _load(weights.choose(params.model, "objects", try_fetch=True))


def _library(model: str) -> ModuleType:
    """Return the module of the engine that runs a model."""
    return yolo if model.endswith(".pt") else onnx


def _load(model: str) -> tuple[ObjectEngine, Weights]:
    found = weights.resolve(model)
    return _library(model).load(found), found


def run(source: Source, params: Params, work: Path, report: Report) -> Result:
    """Write detections, tracks and a contact sheet of ``source``.

    Without any object, the result is empty and valid.

    Raises:
        BadInput: ``no_video``; ``unknown_label``: the model cannot detect one of ``classes``.
        MissingDependency: the model is missing.
    """
    video = frames.require_video(source.probe)
    params = params.model_copy(update={"model": weights.choose(params.model, "objects")})
    engine, used = _load(params.model)
    how = Looking(
        confidence=params.confidence,
        iou=params.iou,
        image_size=params.image_size or engine.image_size,
        most=params.max_detections,
        labels=params.classes,
    )
    complaints = Complaints()
    # The model's input has image_size pixels; ffmpeg scales better and earlier than the model.
    sampled = frames.sample(
        source.path,
        source.probe,
        fps=params.fps,
        long_side=how.image_size,
        rough=True,
        report=report,
        complaints=complaints,
    )
    gap_s = max(_LONGEST_GAP_S, _LONGEST_GAP_FRAMES / params.fps)
    tracker, seen, sheet = Tracker(gap_s), Sightings(gap_s), ContactSheet()
    head: dict[str, Any] = {"model": identity(params), "fps": params.fps}
    head |= {"width": video.width, "height": video.height}
    count = looked = 0
    shown: list[Detection] = []
    gate = Gate() if params.gate else None
    with (
        closing(sampled),  # an error's traceback would keep ffmpeg waiting
        json_array(work / "detections.json", head, "frames") as add_frame,
        json_array(work / "tracks.json", head, "tracks") as add_track,
    ):

        def close(tracks: list[Track]) -> None:
            for track in tracks:
                seen.ended(track)
                add_track(_track(track))

        for time_s, found, image in sights(
            sampled, engine, how, batch=params.batch or engine.batch, gate=gate
        ):
            count += 1
            if image is not None:
                looked += 1
                sheet.offer(time_s, image, found)
                height, width = image.shape[:2]
                shown = [_scaled(one, video.width / width, video.height / height) for one in found]
            ids, ended = tracker.update(time_s, shown)
            close(ended)
            seen.frame(time_s, shown)
            objects = [_object(one, id_) for one, id_ in zip(shown, ids, strict=True)]
            add_frame({"time": round(time_s, 3), "objects": objects})
            report(time_s / max(source.probe.duration_s, 0.001))
        close(tracker.finish())
    if complaints.count:
        _log.info("%s: errors of the video decoder: %s", source.name, complaints)
    labels = seen.summary(_INTERVALS)
    return Result(
        artifacts=_artifacts(contact_sheet=sheet.save(work / "contact_sheet.jpg")),
        summary={
            "model": dict(head["model"]),
            "fps": params.fps,
            "frames": count,
            "looked_at": looked,
            "labels": labels,
        },
        warnings=[*notices.demo(used), *_warnings(complaints)],
        labels=sorted(labels),
    )


def _scaled(found: Detection, x: float, y: float) -> Detection:
    left, top, right, bottom = found.box
    box = (round(left * x, 2), round(top * y, 2), round(right * x, 2), round(bottom * y, 2))
    return Detection(found.label, round(found.confidence, 4), box)


def _object(found: Detection, track: int) -> dict[str, JsonValue]:
    return {
        "label": found.label,
        "confidence": found.confidence,
        "box": list(found.box),
        "track": track,
    }


def _track(track: Track) -> dict[str, JsonValue]:
    return {
        "id": track.id,
        "label": track.label,
        "start": round(track.start, 3),
        "end": round(track.end, 3),
        "frames": track.frames,
        "best": {
            "time": round(track.best_time, 3),
            "confidence": track.best.confidence,
            "box": list(track.best.box),
        },
    }


def _artifacts(*, contact_sheet: bool) -> list[Artifact]:
    found = [
        Artifact(name="detections.json", media_type="application/json", role="detections_json"),
        Artifact(name="tracks.json", media_type="application/json", role="tracks_json"),
    ]
    if contact_sheet:
        sheet = Artifact(name="contact_sheet.jpg", media_type="image/jpeg", role="contact_sheet")
        found.append(sheet)
    return found


def _warnings(complaints: Complaints) -> list[Notice]:
    if not complaints.count:
        return []
    message = "Parts of the video are damaged; objects may be missing there."
    return [Notice(code="damaged_video", message=message)]
