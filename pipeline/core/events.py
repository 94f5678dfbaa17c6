"""The event contract: the messages of a stage's queue, parsed and checked.

Four kinds of event arrive, all as EventBridge envelopes: S3 "Object Created", S3 "Object
Deleted", and our own "Reprocess Requested" and "Range Requested". Unused fields are ignored, so a
new version of S3's event changes nothing.

An event that an archive replays keeps its ``id`` and gains a ``replay-name``. Both form the event
id here: with ``id`` alone, the replay would be taken for a duplicate.

S3 keys in EventBridge events are raw: they are never URL-decoded here.
"""

import json
from datetime import UTC, datetime
from hashlib import blake2s
from typing import Any, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from pipeline.core import sequence
from pipeline.core.envelopes import (
    ARCHIVE_MARK,
    CreatedDetail,
    DeletedDetail,
    Envelope,
    RangeDetail,
    ReprocessDetail,
)
from pipeline.core.errors import BadInput
from pipeline.core.range_request import SOURCE, RangeRequest

# Marks the ids of our replays' events. EventBridge's own ids are UUIDs, which never contain it.
_REPLAY = "replay:"


def video_id(bucket: str, key: str) -> str:
    """Return the id of a video, the same for every upload to one key: 20 hexadecimal digits."""
    return blake2s(f"{bucket}\0{key}".encode(), digest_size=10).hexdigest()


def revision_of(version: str) -> str:
    """Return the id of an upload, from its S3 version or its sequencer: 12 hexadecimal digits."""
    return blake2s(version.encode(), digest_size=6).hexdigest()


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True)


class _ObjectEvent(_Event):
    # See ``Reprocess``: only a request can ask for a shadow run.
    shadow: ClassVar[bool] = False

    event_id: str
    time: AwareDatetime
    bucket: str
    key: str
    sequencer: str = Field(description="Right-padded with zeros: compare as strings")
    version_id: str | None = None

    @property
    def video_id(self) -> str:
        """Return the id of the video, which depends on the bucket and the key alone."""
        return video_id(self.bucket, self.key)


class Upload(_ObjectEvent):
    """A created object: one revision of one video."""

    size: int
    etag: str

    @property
    def revision(self) -> str:
        """Return the id of this upload among all to its key: 12 hexadecimal digits."""
        return revision_of(self.version_id or self.sequencer)

    @property
    def content_id(self) -> str:
        """Return an id of the content, from ETag and size: equal only for equal bytes.

        An ETag is the MD5 of a plain upload and a hash of hashes for a multipart one. For an
        encrypted one it is unique. It is equal for different bytes only if one uploader made both
        of them so (``docs/decisions/results-by-content.md``).
        """
        return f"{self.etag}-{self.size}"

    @property
    def name(self) -> str:
        """Return the file name that the uploader gave."""
        return self.key.rsplit("/", 1)[-1]


class Deletion(_ObjectEvent):
    """A deleted object, or one version of it permanently deleted.

    Attributes:
        version_id: the deleted version; None when the key itself was deleted, by a delete
            marker or in a bucket without versions.
    """


class Reprocess(_Event):
    """A request to run one stage of one video again, with other parameters if given.

    Attributes:
        event_id: the same for all of a replay's requests, because its driver may send one twice.
        revision: the upload to process; None for the latest.
        shadow: keep the result for comparison, and leave the current one in place.
        reset: drop the parameters of earlier replays, which otherwise stay.
    """

    event_id: str
    time: AwareDatetime
    video_id: str
    stage: str
    params: dict[str, Any] = {}
    revision: str | None = None
    replay_id: str | None = None
    shadow: bool = False
    reset: bool = False


Event = Upload | Deletion | Reprocess | RangeRequest


def lane(asked_by: Event | str | None) -> Literal["live", "replay"]:
    """Return the lane that an event comes by.

    Args:
        asked_by: the event, or the id of the event that a run is recorded under.
    """
    if isinstance(asked_by, Reprocess):
        return "replay"
    event_id = asked_by if isinstance(asked_by, str | None) else asked_by.event_id
    again = event_id and (event_id.startswith(_REPLAY) or ARCHIVE_MARK in event_id)
    return "replay" if again else "live"


def replay_id(event_id: str | None) -> str | None:
    """Return the replay that requested a run, from the event that the run is recorded under."""
    if event_id is None or not event_id.startswith(_REPLAY):
        return None
    return event_id.removeprefix(_REPLAY)


def parse(body: str | bytes) -> Event:
    """Parse an EventBridge event from an SQS message body.

    Raises:
        BadInput: ``bad_event``, when it is none of the four kinds.
    """
    try:
        envelope = Envelope.model_validate_json(body)
        match envelope.detail_type:
            case "Reprocess Requested":
                return _reprocess(envelope)
            case "Range Requested":
                return _range(envelope)
            case "Object Created":
                return _upload(envelope)
            case "Object Deleted":
                return _deletion(envelope)
    except ValidationError as error:
        raise refused("This message is not a known event", error) from error


def refused(what: str, error: ValidationError) -> BadInput:
    """Return a ``bad_event`` error with a readable message.

    Args:
        what: start of the message.
        error: the validation error; its fields and reasons follow in the message.
    """
    where = "; ".join(
        f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in error.errors()
    )
    return BadInput("bad_event", f"{what}: {where}.")


def _reprocess(envelope: Envelope) -> Reprocess:
    request = ReprocessDetail.model_validate(envelope.detail)
    event_id = replay_event_id(request.replay_id) if request.replay_id else envelope.event_id
    return Reprocess(event_id=event_id, time=envelope.time, **request.model_dump())


def _range(envelope: Envelope) -> RangeRequest:
    request = RangeDetail.model_validate(envelope.detail)
    return RangeRequest(time=envelope.time, **request.model_dump())


def _upload(envelope: Envelope) -> Upload:
    detail = CreatedDetail.model_validate(envelope.detail)
    item = detail.object
    return Upload(
        event_id=envelope.event_id,
        time=envelope.time,
        bucket=detail.bucket.name,
        key=item.key,
        sequencer=sequence.of(item.sequencer, envelope.time, item.version_id or item.etag),
        version_id=item.version_id,
        size=item.size,
        etag=item.etag.strip('"'),
    )


def _deletion(envelope: Envelope) -> Deletion:
    detail = DeletedDetail.model_validate(envelope.detail)
    item = detail.object
    # The version id of a delete marker is its own, not that of an upload.
    of_version = detail.deletion_type == "Permanently Deleted"
    return Deletion(
        event_id=envelope.event_id,
        time=envelope.time,
        bucket=detail.bucket.name,
        key=item.key,
        sequencer=sequence.of(item.sequencer, envelope.time, item.version_id or ""),
        version_id=item.version_id if of_version else None,
    )


def replay_event_id(replay_id: str) -> str:
    """Return the event id that runs of this replay are recorded under."""
    return f"{_REPLAY}{replay_id}"


class WakeUp(_Event):
    """A request to drive a replay.

    Attributes:
        replay_id: the replay.
        attempt: attempt number of the latest driver when this was sent. The request is stale once
            a later driver has run, so duplicates start one turn only. None, from other senders,
            is never stale.
    """

    replay_id: str
    attempt: int | None = None


class _WakeUpEnvelope(BaseModel):
    detail_type: Literal["Replay Requested"] = Field(alias="detail-type")
    detail: WakeUp


def replay_requested(body: str | bytes) -> WakeUp:
    """Parse a "Replay Requested" event.

    Raises:
        BadInput: ``bad_event``.
    """
    try:
        return _WakeUpEnvelope.model_validate_json(body).detail
    except ValidationError as error:
        raise refused("This message does not request a replay", error) from error


def reprocess_body(request: Reprocess) -> str:
    """Return the message that ``parse`` reads as ``request``."""
    detail = request.model_dump(mode="json", exclude={"event_id", "time"}, exclude_none=True)
    return json.dumps(
        {
            "version": "0",
            "id": request.event_id,
            "detail-type": "Reprocess Requested",
            "source": SOURCE,
            "time": request.time.isoformat(),
            "detail": detail,
        }
    )


def reprocess_entry(
    request: Reprocess, *, source: str, detail_type: str, bus: str
) -> dict[str, Any]:
    """Return the ``PutEvents`` entry for ``request``."""
    detail = request.model_dump(mode="json", exclude={"event_id", "time"}, exclude_none=True)
    return {
        "Source": source,
        "DetailType": detail_type,
        "Detail": json.dumps(detail),
        "EventBusName": bus,
        "Time": datetime.now(UTC),
    }


DETAILS: dict[str, type[BaseModel]] = {
    "Object Created": CreatedDetail,
    "Object Deleted": DeletedDetail,
    "Reprocess Requested": ReprocessDetail,
    "Range Requested": RangeDetail,
    "Replay Requested": WakeUp,
}
"""The parsed fields of each event's ``detail``, by its ``detail-type``."""
