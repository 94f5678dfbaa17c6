"""The events that this project sends: what is in each, and its id.

The same change of a record gives the same id, so an event that is published again after a crash is
known as a copy.
"""

import json
from datetime import UTC, datetime
from hashlib import blake2s
from typing import Any, Literal, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from pipeline.core import events
from pipeline.core.errors import BadInput
from pipeline.core.events import Upload
from pipeline.core.range_request import SOURCE
from pipeline.core.records import Failure, StageRun, Video
from pipeline.core.status import StageState, VideoStatus

DetailType = Literal[
    "Stage Succeeded",
    "Stage Skipped",
    "Stage Failed",
    "Video Uploaded",
    "Video Ready",
    "Video Failed",
    "Video Deleted",
]
EventType = Literal[
    "stage.succeeded",
    "stage.skipped",
    "stage.failed",
    "video.uploaded",
    "video.ready",
    "video.failed",
    "video.deleted",
]
DETAIL_TYPES: dict[EventType, DetailType] = dict(
    zip(get_args(EventType), get_args(DetailType), strict=True)
)
"""The events by their names in webhooks and in ``GET /events``."""

DELIVERY_REQUESTED = "Delivery Requested"

_OF_STAGE: dict[StageState, EventType] = {
    "succeeded": "stage.succeeded",
    "skipped": "stage.skipped",
    "failed": "stage.failed",
}


class _Detail(BaseModel):
    model_config = ConfigDict(frozen=True)

    id: str = Field(description="Id of the event: a copy has the same")
    video_id: str
    revision: str = Field(description="The upload that it is about")


class StageDetail(_Detail):
    """The ``detail`` of the events of a stage."""

    stage: str
    attempt: int = Field(description="Number of the run; it rises with each run of the stage")
    fingerprint: str | None = Field(description="The current result, if there is one")
    error: Failure | None = Field(description="Why the run failed")
    event_id: str | None = Field(description="The event that requested the run")
    replay_id: str | None = Field(description="The replay that requested the run")


class StageNote(BaseModel):
    """The state of a stage in an event of its video."""

    model_config = ConfigDict(frozen=True)

    stage: str
    state: StageState
    fingerprint: str | None = Field(description="The current result, if there is one")
    error: str | None = Field(description="Code of the error, if it failed")


class VideoDetail(_Detail):
    """The ``detail`` of the events of a video."""

    name: str = Field(description="File name of the upload")
    key: str = Field(description="Key in the uploads bucket")
    status: VideoStatus = Field(description="As in `GET /videos/{id}`")
    duration_s: float | None = Field(None, description="Length, once it is known")
    stages: list[StageNote] = Field([], description="The stages, once all have ended")
    passthrough: JsonValue = Field(None, description="The uploader's own data")


class DeliveryRequest(BaseModel):
    """The ``detail`` of "Delivery Requested", which is sent to the queue of deliveries."""

    webhook_id: str
    delivery_id: str


class _DeliveryEnvelope(BaseModel):
    detail: DeliveryRequest


class Outgoing(BaseModel):
    """An event that this project sends.

    Attributes:
        type: its name in webhooks and in ``GET /events``.
        time: the moment of its publication.
        detail: its content.
    """

    model_config = ConfigDict(frozen=True)

    type: EventType
    time: AwareDatetime
    detail: StageDetail | VideoDetail

    @property
    def id(self) -> str:
        """Return the id, which a copy has too."""
        return self.detail.id

    @property
    def payload(self) -> dict[str, JsonValue]:
        """Return the content of a webhook, in the form of Standard Webhooks."""
        return {
            "type": self.type,
            "timestamp": self.time.isoformat(),
            "data": self.detail.model_dump(mode="json"),
        }

    def entry(self, bus: str) -> dict[str, Any]:
        """Return the ``PutEvents`` entry."""
        return {
            "Source": SOURCE,
            "DetailType": DETAIL_TYPES[self.type],
            "Detail": self.detail.model_dump_json(),
            "EventBusName": bus,
            "Time": self.time,
        }


def stage_ended(video_id: str, run: StageRun) -> Outgoing | None:
    """Return the event of a run that has ended; None if nobody is told of such an end."""
    kind = _OF_STAGE.get(run.state)
    if kind is None:
        return None
    result = run.current_result
    detail = StageDetail(
        id=_id(video_id, run.revision, run.stage, run.attempt, run.state),
        video_id=video_id,
        revision=run.revision,
        stage=run.stage,
        attempt=run.attempt,
        fingerprint=result.fingerprint if result else None,
        error=run.error if run.state == "failed" else None,
        event_id=run.event_id,
        replay_id=events.replay_id(run.event_id),
    )
    return _now(kind, detail)


def video_settled(video: Video) -> Outgoing | None:
    """Return the event of a video none of whose stages is in progress; None for any other."""
    if video.status in {"processing", "deleted"}:
        return None
    runs = video.stages.values()
    states = [f"{run.stage} {run.attempt} {run.state}" for run in runs]
    detail = VideoDetail(
        id=_id(video.video_id, video.revision, video.status, *states),
        video_id=video.video_id,
        revision=video.revision,
        name=video.upload.name,
        key=video.upload.key,
        status=video.status,
        duration_s=video.probe.duration_s if video.probe else None,
        stages=[_note(run) for run in runs],
        passthrough=video.passthrough,
    )
    return _now("video.failed" if video.status == "failed" else "video.ready", detail)


def video_uploaded(upload: Upload) -> Outgoing:
    """Return the event of a new upload."""
    return _now("video.uploaded", _of_upload(upload, "processing"))


def video_deleted(upload: Upload) -> Outgoing:
    """Return the event of a deletion.

    Args:
        upload: the latest upload of the video.
    """
    return _now("video.deleted", _of_upload(upload, "deleted"))


def parse(body: str | bytes) -> Outgoing:
    """Parse an event of ours as EventBridge delivers it.

    Raises:
        BadInput: ``bad_event``.
    """
    try:
        found = json.loads(body)
        kinds = {name: kind for kind, name in DETAIL_TYPES.items()}
        kind = kinds.get(found["detail-type"])
        given = {"type": kind, "time": found["time"], "detail": found["detail"]}
        return Outgoing.model_validate(given)
    except ValidationError as error:
        raise events.refused("This message is not an event of ours", error) from error
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput("bad_event", f"This message is not an event of ours: {error!r}.") from error


def check(body: str | bytes) -> str:
    """Return the ``detail-type`` of a message that the function ``events`` can handle.

    Raises:
        BadInput: ``bad_event``.
    """
    try:
        kind = str(json.loads(body)["detail-type"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput("bad_event", "This message has no detail-type.") from error
    if kind == "Object Created":
        events.parse(body)
    elif kind == DELIVERY_REQUESTED:
        delivery_requested(body)
    else:
        parse(body)
    return kind


def delivery_requested(body: str | bytes) -> DeliveryRequest:
    """Parse a request to deliver an event.

    Raises:
        BadInput: ``bad_event``.
    """
    try:
        return _DeliveryEnvelope.model_validate_json(body).detail
    except ValidationError as error:
        raise events.refused("This message requests no delivery", error) from error


def delivery_body(webhook_id: str, delivery_id: str) -> str:
    """Return the message that ``delivery_requested`` reads."""
    detail = {"webhook_id": webhook_id, "delivery_id": delivery_id}
    return json.dumps({"source": SOURCE, "detail-type": DELIVERY_REQUESTED, "detail": detail})


def _of_upload(upload: Upload, status: VideoStatus) -> VideoDetail:
    return VideoDetail(
        id=_id(upload.video_id, upload.revision, status),
        video_id=upload.video_id,
        revision=upload.revision,
        name=upload.name,
        key=upload.key,
        status=status,
    )


def _note(run: StageRun) -> StageNote:
    result = run.current_result
    return StageNote(
        stage=run.stage,
        state=run.state,
        fingerprint=result.fingerprint if result else None,
        error=run.error.code if run.error and run.state == "failed" else None,
    )


def _now(kind: EventType, detail: StageDetail | VideoDetail) -> Outgoing:
    return Outgoing(type=kind, time=datetime.now(UTC), detail=detail)


def _id(*parts: object) -> str:
    digest = blake2s("\0".join(map(str, parts)).encode(), digest_size=12).hexdigest()
    return f"evt_{digest}"
