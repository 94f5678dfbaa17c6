"""The detect stage: the objects in a video, with their places and times.

Ranges of the video are detected one by one, on any host. The merge follows the objects over all of
them: the result is that of one range over the whole video, byte for byte.

Frames are sampled, detected in batches and written at once, so memory does not grow with the
duration of the video. The name of the model says which engine runs it: checkpoints (``.pt``) by
Ultralytics, all others by ONNX Runtime.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from pipeline.core import in_place
from pipeline.core.errors import BadInput
from pipeline.core.media_info import Probe, VideoStream
from pipeline.core.ranges import Part, Parts, Plan, Range, Work
from pipeline.core.stage import Artifact, Divisible, Report, Result, Source
from pipeline.media import decoding, frames, gops, sections
from pipeline.media.process import Complaints
from pipeline.stages import division, notices
from pipeline.stages.detect import contact_sheet, findings, interim, onnx, records, yolo
from pipeline.stages.detect.candidates import Candidates
from pipeline.stages.detect.contact_sheet import Strip
from pipeline.stages.detect.engine import Detection, Looking, ObjectEngine
from pipeline.stages.detect.findings import Findings
from pipeline.stages.detect.interim import Shown
from pipeline.stages.detect.sights import by_section, frames_at_once
from pipeline.stages.models import weights
from pipeline.stages.models.weights import Weights

if TYPE_CHECKING:
    from pipeline.stages.detect.engine import Image

VERSION = "4"
PACKAGES = dict.fromkeys(("PIL", "ffmpeg", "lap", "numpy", "onnxruntime"), "detect")

_log = logging.getLogger(__name__)
_SHEET = "contact_sheet.jpg"


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
        None,
        ge=1,
        le=256,
        description="Frames per batch, at most 32 of 640 x 640 pixels or fewer larger ones; chosen "
        "for the device if not set",
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
    range_s: int = Field(
        300,
        ge=10,
        le=86_400,
        description="Seconds of video that one worker does at once, in steps of 10 s; the result "
        "does not depend on it",
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


def prepare(params: Params) -> None:
    """Check the weights; fetch the best ones if they are not here."""
    weights.resolve(weights.choose(params.model, "objects", try_fetch=True))


def warm_up(params: Params) -> None:
    """Load the model before the first video; fetch the best one if it is not here."""
    _load(weights.choose(params.model, "objects", try_fetch=True))


def applies(probe: Probe) -> bool:
    """Return False for sound without a picture."""
    return probe.video is not None


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
        BadInput: ``no_video``; ``undecodable``; ``unknown_label``: the model cannot detect one of
            ``classes``.
        MissingDependency: the model is missing.
    """
    stage = cast("Divisible", sys.modules[__name__])
    return in_place.run(stage, source, params, work, report)


def plan(source: Source, params: Params, report: Report) -> Plan:
    """Divide the video, and decide whether its keyframes are dense enough to be all that is seen.

    Raises:
        BadInput: ``no_video``.
    """
    decoding.require_video(source.probe)
    report(0.0)
    path, probe = source.path, source.probe
    keyed = gops.within(path, probe, 1 / params.fps) and frames.keys_suffice(path, probe)
    return Plan(
        ranges=division.ranges(probe, fps=params.fps, range_s=params.range_s),
        data={"keyframes": keyed},
    )


def run_range(
    source: Source,
    params: Params,
    plan: Plan,
    range_: Range,
    parts: Parts,  # noqa: ARG001 - there is one phase
    work: Work,
    report: Report,
) -> Part:
    """Write the detections of a range, and its candidates for the contact sheet.

    Raises:
        BadInput: ``unknown_label``.
        MissingDependency: the model is missing.
    """
    video = decoding.require_video(source.probe)
    engine, used = _load(weights.choose(params.model, "objects"))
    how = _looking(params, engine)
    complaints = Complaints()
    # The model's input has image_size pixels; ffmpeg scales better and earlier than the model.
    sampled = frames.sample(
        source.path,
        source.probe,
        fps=params.fps,
        long_side=how.image_size,
        rough=True,
        keyed=bool(plan.data["keyframes"]),
        section_s=sections.length_s(params.fps),
        start_s=range_.start_s,
        end_s=None if range_ == plan.ranges[-1] else range_.end_s,
        report=report,
        complaints=complaints,
    )
    candidates = Candidates()
    detected, tiles = f"detections-{work.tag}.jsonl", f"tiles-{work.tag}.png"

    def placed() -> Iterator[tuple[float, list[Detection] | None]]:
        options: dict[str, Any] = {
            "batch": frames_at_once(params.batch or engine.batch, how),
            "gate": params.gate,
            "fps": params.fps,
        }
        for time_s, found, image in by_section(sampled, engine, how, **options):
            if image is None:
                yield time_s, None
            else:
                candidates.offer(time_s, image, found)
                yield time_s, [_scaled(one, video, image) for one in found]
            report((time_s - range_.start_s) / max(range_.end_s - range_.start_s, 0.001))

    with closing(sampled):  # an error's traceback would keep ffmpeg waiting
        interim.write(work.folder / detected, placed())
    if complaints.count:
        _log.info("%s, %s: errors of the video decoder: %s", source.name, range_.name, complaints)
    made = Findings(
        frames=detected,
        tiles=tiles,
        candidates=candidates.save(work.folder / tiles),
        errors=complaints.count,
        notices=tuple(notices.demo(used)),
    )
    return Part(interim=made.files, data=made.model_dump(mode="json"))


def merge(
    source: Source,
    params: Params,
    plan: Plan,  # noqa: ARG001 - the parts have all that matters
    parts: Parts,
    work: Path,
    report: Report,
) -> Result:
    """Write the detections with their tracks, the tracks, and the contact sheet.

    Raises:
        BadInput: ``undecodable``: no range has a frame.
    """
    video = decoding.require_video(source.probe)
    model: dict[str, JsonValue] = {**identity(params)}
    head = {"model": model, "fps": params.fps}
    head |= {"width": video.width, "height": video.height}
    found = [Findings.model_validate(made.part.data) for made in parts]

    def shown() -> Iterator[Shown]:
        for made, its in zip(parts, found, strict=True):
            for frame in interim.read(made.file(its.frames)):
                report(frame.time_s / max(source.probe.duration_s, 0.001))
                yield frame

    totals = records.write(work, head, shown(), fps=params.fps)
    if not totals.frames:
        raise BadInput("undecodable", "No frame of the video could be decoded.")
    strips = [
        Strip(its.candidates, partial(made.file, its.tiles))
        for made, its in zip(parts, found, strict=True)
    ]
    return Result(
        artifacts=_artifacts(contact_sheet=contact_sheet.save(work / _SHEET, strips)),
        summary={
            "model": model,
            "fps": params.fps,
            "frames": totals.frames,
            "looked_at": totals.looked_at,
            "labels": totals.labels,
        },
        warnings=findings.warnings(
            [(made.range, its) for made, its in zip(parts, found, strict=True)]
        ),
        labels=sorted(totals.labels),
    )


def _looking(params: Params, engine: ObjectEngine) -> Looking:
    return Looking(
        confidence=params.confidence,
        iou=params.iou,
        image_size=params.image_size or engine.image_size,
        most=params.max_detections,
        labels=params.classes,
    )


def _scaled(found: Detection, video: VideoStream, image: "Image") -> Detection:
    """Return a detection with its box in pixels of the video instead of the image's."""
    height, width = image.shape[:2]
    x, y = video.width / width, video.height / height
    left, top, right, bottom = found.box
    box = (round(left * x, 2), round(top * y, 2), round(right * x, 2), round(bottom * y, 2))
    return Detection(found.label, round(found.confidence, 4), box)


def _artifacts(*, contact_sheet: bool) -> list[Artifact]:
    json = {"media_type": "application/json"}
    found = [
        Artifact(name=records.DETECTIONS, role="detections_json", **json),
        Artifact(name=records.TRACKS, role="tracks_json", **json),
    ]
    if contact_sheet:
        found.append(Artifact(name=_SHEET, media_type="image/jpeg", role="contact_sheet"))
    return found
