"""Response models of videos, made from records without AWS calls or a clock.

The query API serves them as JSON and the command line prints them, so both show the same facts.
They need no knowledge of a particular stage.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from pipeline.core import events
from pipeline.core.errors import FailureClass
from pipeline.core.media_info import Probe
from pipeline.core.records import Cost, Failure, StageResult, StageRun, Video
from pipeline.core.sidecar import Sidecar
from pipeline.core.stage import Notice
from pipeline.core.status import TERMINAL, StageState, VideoStatus
from pipeline.results import artifact_view
from pipeline.results.artifact_view import ArtifactView, Sign
from pipeline.results.captions_view import CaptionsView
from pipeline.results.parts_view import PartsView


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, validate_by_name=True, serialize_by_alias=True)


class ErrorView(_View):
    """The error of a stage that failed or waits for its next attempt."""

    failure_class: FailureClass = Field(alias="class", description="Who can fix it: see the docs")
    code: str = Field(description="A stable code for programs", examples=["not_media"])
    message: str = Field(description="The problem and its remedy, for a person")
    retryable: bool


class StageProgress(_View):
    """The progress of a stage."""

    stage: str
    state: StageState
    progress: float = Field(ge=0, le=100, description="Percent")
    parts: PartsView | None = Field(None, description="Set while several workers do its parts")
    error: ErrorView | None = None
    stands_since: datetime | None = Field(
        None,
        description="Set if only the last reprocessing failed: its error is `error`, and the "
        "result that was made then stands",
    )


class StageView(StageProgress):
    """A stage with its results."""

    attempt: int = Field(
        description="Number of the claim that made the current result; until there is one, of the "
        "latest"
    )
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    warnings: list[Notice]
    labels: list[str]
    summary: dict[str, JsonValue] = Field(description="The main facts of the result")
    cost: Cost | None = Field(description="Seconds, CPU seconds and bytes of the current result")
    models: dict[str, str] = Field(description="Models and engines behind the result")
    params: dict[str, JsonValue]
    given: dict[str, JsonValue] = Field(description="Those that replays have set; they stay")
    fingerprint: str | None = Field(description="Equal fingerprints mean equal results")
    revision: str
    event_id: str | None = Field(
        description="The event that requested the current result; until there is one, the "
        "latest run. Its log lines have this as `correlation_id`",
        examples=["17793124-05d4-b198-2fde-7ededc63b103"],
    )
    replay_id: str | None = Field(description="The replay that requested it")
    artifacts: list[ArtifactView]


class _VideoHead(_View):
    video_id: str
    name: str = Field(description="Its file name", examples=["holiday.mp4"])
    key: str = Field(
        description="Its key in the uploads bucket",
        examples=["videos/20260131T120000123-1f2e3d4c/holiday.mp4"],
    )
    uploaded_at: datetime
    bytes: int
    status: VideoStatus
    playable: bool
    progress: float = Field(ge=0, le=100, description="Percent, over all stages")
    duration_s: float | None = Field(description="Known once a stage has read the file")
    width: int | None
    height: int | None
    labels: list[str] = Field(description="What can be seen in it, in alphabetical order")
    poster: str | None = Field(description="Presigned URL of an image, once there is one")


class VideoItem(_VideoHead):
    """A video in a list."""

    storyboard: bool = Field(description="There are pictures of it over time: `/storyboard.vtt`")
    stages: list[StageProgress]


class TotalCost(_View):
    """The total cost of a video's current results."""

    seconds: float = Field(description="Wall clock, summed over stages that run in parallel")
    cpu_seconds: float
    bytes_out: int
    elapsed_s: float | None = Field(
        description="From upload to the first completion; reprocessing leaves it as it is"
    )


class VideoView(_VideoHead):
    """A video in full."""

    revision: str
    bucket: str
    passthrough: JsonValue = Field(
        description="What its uploader gave along; null if nothing, or until a stage has read it"
    )
    probe: Probe | None = Field(description="What ffprobe found in the file")
    cost: TotalCost
    stages: list[StageView]
    captions: list[CaptionsView] = Field(description="Captions that were uploaded beside it")
    original_url: str | None = Field(
        description="Presigned URL at which a browser saves the uploaded file"
    )
    restorable_days: int | None = Field(description="Days in which a deletion can be undone")
    links: dict[str, str] = Field(
        description="Paths of this API to the rest; only of what exists already",
        examples=[{"self": "/videos/5c1e…", "transcript": "/videos/5c1e…/transcript"}],
    )


def unsigned(key: str, *, download_as: str | None = None) -> str:
    """Return an address for an ETag: the same as long as the file is."""
    return f"{key}?{download_as}"


def item(video: Video, sign: Sign) -> VideoItem:
    """Return the view of ``video`` in a list."""
    scenes = bool(artifact_view.of_video(video, role="storyboard_vtt"))
    return VideoItem(**_common(video, sign), storyboard=scenes, stages=states(video))


def detail(
    video: Video,
    sign: Sign,
    links: Mapping[str, str],
    captions: Iterable[Sidecar] = (),
    at_work: Mapping[str, int] | None = None,
    *,
    original_url: str | None = None,
    kept_days: int | None = None,
) -> VideoView:
    """Return the full view of a video.

    Args:
        video: the video.
        sign: signs the addresses of its files.
        links: its further content.
        captions: files that were uploaded beside it.
        at_work: number of ranges that workers do now, by stage.
        original_url: address of the uploaded file.
        kept_days: days for which the uploads bucket keeps deleted files, if it has versions.
    """
    working = at_work or {}
    return VideoView(
        **_common(video, sign),
        revision=video.revision,
        bucket=video.upload.bucket,
        passthrough=video.passthrough,
        probe=video.probe,
        cost=total_cost(video),
        stages=[_stage(video, run, sign, working.get(run.stage)) for run in video.stages.values()],
        captions=[CaptionsView.of(one, links.get("self")) for one in captions],
        original_url=original_url,
        restorable_days=kept_days if video.upload.version_id not in {None, "null"} else None,
        links=dict(links),
    )


def states(video: Video) -> list[StageProgress]:
    """Return the progress of each stage, in stage order."""
    return [StageProgress(**_state(run)) for run in video.stages.values()]


def progress(video: Video) -> float:
    """Return percent done over all stages; an ended stage counts as done, failed or not."""
    runs = video.stages.values()
    done = [100.0 if run.state in TERMINAL else run.percent for run in runs]
    return round(sum(done) / len(done), 1) if done else 100.0


def total_cost(video: Video) -> TotalCost:
    """Add up the cost of the current results."""
    costs = [run.current_result.cost for run in video.stages.values() if run.current_result]
    ends = [run.first_finish or _made(run).finished_at for run in video.stages.values()]
    known = [end for end in ends if end]
    # A result of the same content may be older than this upload.
    elapsed = max(0.0, (max(known) - video.upload.time).total_seconds()) if known else None
    return TotalCost(
        seconds=round(sum(cost.seconds for cost in costs), 3),
        cpu_seconds=round(sum(cost.cpu_seconds for cost in costs), 3),
        bytes_out=sum(cost.bytes_out for cost in costs),
        elapsed_s=elapsed if len(known) == len(ends) else None,
    )


def error(failure: Failure | None) -> ErrorView | None:
    """Return the view of ``failure``."""
    return ErrorView(**failure.model_dump()) if failure else None


def _common(video: Video, sign: Sign) -> dict[str, Any]:
    shown = video.probe.video if video.probe else None
    return {
        "video_id": video.video_id,
        "name": video.upload.name,
        "key": video.upload.key,
        "uploaded_at": video.upload.time,
        "bytes": video.upload.size,
        "status": video.status,
        "playable": video.playable,
        "progress": progress(video),
        "duration_s": video.probe.duration_s if video.probe else None,
        "width": shown.width if shown else None,
        "height": shown.height if shown else None,
        "labels": video.labels,
        "poster": _poster(video, sign),
    }


def _poster(video: Video, sign: Sign) -> str | None:
    for result, artifact in artifact_view.of_video(video, role="poster")[:1]:
        poster = artifact_view.middle_poster(result.artifacts) or artifact
        return sign(result.prefix + poster.name)
    return None


def _state(run: StageRun, at_work: int | None = None) -> dict[str, Any]:
    ended = run.state in {"succeeded", "skipped"}
    return {
        "stage": run.stage,
        "state": run.state,
        "progress": 100.0 if ended else run.percent,
        "parts": PartsView.of(run, at_work),
        "error": error(run.error),
        "stands_since": run.result.finished_at if run.stands and run.result else None,
    }


def _made(run: StageRun) -> StageRun | StageResult:
    """Return the source of times and attempt: the current result if there is one, else the run."""
    ended = run.state == "succeeded" or run.stands
    return run.current_result if run.current_result and ended else run


def _stage(video: Video, run: StageRun, sign: Sign, at_work: int | None) -> StageView:
    result = run.current_result
    made = _made(run)
    return StageView(
        **_state(run, at_work),
        attempt=made.attempt,
        queued_at=made.queued_at,
        started_at=made.started_at,
        finished_at=made.finished_at,
        warnings=result.warnings if result else [],
        labels=result.labels if result else [],
        summary=result.summary if result else {},
        cost=result.cost if result else None,
        models=result.identity if result else {},
        params=result.params if result else {},
        given=run.given,
        fingerprint=result.fingerprint if result else None,
        revision=run.revision,
        event_id=made.event_id,
        replay_id=events.replay_id(made.event_id),
        artifacts=[ArtifactView.of(video, result, one, sign) for one in result.artifacts]
        if result
        else [],
    )
