"""The event contract: what reaches a stage's queue, parsed and checked.

Three kinds of event arrive, all as EventBridge envelopes: S3 "Object Created", S3 "Object
Deleted", and our own "Reprocess Requested". Fields that we do not use are ignored, so a new
version of S3's event changes nothing. An event that an archive replays keeps its ``id`` and gains
a ``replay-name``: it is an event of its own here, or the replay would pass for a repetition.

S3 keys in EventBridge events are raw: they are never URL-decoded here.
"""

import json
from datetime import UTC, datetime
from hashlib import blake2s
from typing import Any, Literal

from pydantic import (
    AliasChoices,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from pipeline.core.errors import BadInput

# Sequencers differ in length; S3's documentation has them right-padded with zeros and compared
# as strings, within one key only.
_SEQUENCER_DIGITS = 40
# What tells the ids of replayed events from EventBridge's own, which are UUIDs.
_REPLAY, _ARCHIVE = "replay:", "@"


def video_id(bucket: str, key: str) -> str:
    """The id of a video: the same for every upload to one key. 20 hexadecimal digits."""
    return blake2s(f"{bucket}\0{key}".encode(), digest_size=10).hexdigest()


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True)


class _ObjectEvent(_Event):
    event_id: str
    time: AwareDatetime
    bucket: str
    key: str
    sequencer: str = Field(description="Right-padded with zeros: compare as strings")
    version_id: str | None = None

    @property
    def video_id(self) -> str:
        """Stable for (bucket, key)."""
        return video_id(self.bucket, self.key)


class Upload(_ObjectEvent):
    """An object was created: one revision of one video."""

    size: int
    etag: str

    @property
    def revision(self) -> str:
        """Names this upload among all to its key. 12 hexadecimal digits."""
        return blake2s((self.version_id or self.sequencer).encode(), digest_size=6).hexdigest()

    @property
    def content_id(self) -> str:
        """Equal only for equal bytes, and known without reading them.

        An ETag is the MD5 of a plain upload, a hash of hashes for a multipart one, and unique for
        an encrypted one: never falsely equal.
        """
        return f"{self.etag}-{self.size}"

    @property
    def name(self) -> str:
        """The file name its uploader knows it by."""
        return self.key.rsplit("/", 1)[-1]


class Deletion(_ObjectEvent):
    """An object was deleted, or one version of it for good.

    Attributes:
        version_id: the version that is gone; None when the key itself was deleted, by a delete
            marker or in a bucket without versions.
    """


class Reprocess(_Event):
    """A request to run one stage of one video again, with other parameters if given.

    Attributes:
        event_id: the same for every copy of one replay's request: its driver may send it twice.
        revision: the upload that is meant; without one, the latest.
        shadow: keep the result for comparison; the current one stays.
    """

    event_id: str
    time: AwareDatetime
    video_id: str
    stage: str
    params: dict[str, Any] = {}
    revision: str | None = None
    replay_id: str | None = None
    shadow: bool = False


Event = Upload | Deletion | Reprocess


def lane(event_id: str | None) -> Literal["live", "replay"]:
    """By which lane the event came that a run is recorded under."""
    if event_id and (event_id.startswith(_REPLAY) or _ARCHIVE in event_id):
        return "replay"
    return "live"


def replay_id(event_id: str | None) -> str | None:
    """The replay that asked for a run, by the event that it is recorded under."""
    if event_id is None or not event_id.startswith(_REPLAY):
        return None
    return event_id.removeprefix(_REPLAY)


class _S3Object(BaseModel):
    key: str
    sequencer: str = Field(min_length=1)
    version_id: str | None = Field(None, alias="version-id")

    @field_validator("version_id")
    @classmethod
    def _named(cls, version_id: str | None) -> str | None:
        # Where versions are suspended, every upload to a key has the version "null".
        return None if version_id == "null" else version_id


class _S3Created(_S3Object):
    size: int
    # AWS says "etag"; moto, a local stand-in for S3, says "eTag".
    etag: str = Field(min_length=1, validation_alias=AliasChoices("etag", "eTag"))


class _S3Bucket(BaseModel):
    name: str


class _CreatedDetail(BaseModel):
    bucket: _S3Bucket
    object: _S3Created


class _DeletedDetail(BaseModel):
    bucket: _S3Bucket
    object: _S3Object
    deletion_type: str = Field("", alias="deletion-type")


class _ReprocessDetail(BaseModel):
    video_id: str
    stage: str
    params: dict[str, Any] = {}
    revision: str | None = None
    replay_id: str | None = None
    shadow: bool = False


class _Envelope(BaseModel):
    id: str
    replay_name: str = Field("", alias="replay-name")
    time: AwareDatetime
    detail_type: Literal["Object Created", "Object Deleted", "Reprocess Requested"] = Field(
        alias="detail-type"
    )
    detail: dict[str, Any]

    @property
    def event_id(self) -> str:
        return f"{self.id}{_ARCHIVE}{self.replay_name}" if self.replay_name else self.id


def parse(body: str | bytes) -> Event:
    """Read an EventBridge event as it stands in an SQS message body.

    Raises:
        BadInput: ``bad_event``, when it is none of the three kinds we know.
    """
    try:
        envelope = _Envelope.model_validate_json(body)
        match envelope.detail_type:
            case "Reprocess Requested":
                return _reprocess(envelope)
            case "Object Created":
                return _upload(envelope)
            case "Object Deleted":
                return _deletion(envelope)
    except ValidationError as error:
        raise refused("This message is not an event we know", error) from error


def refused(what: str, error: ValidationError) -> BadInput:
    """``bad_event``, in a sentence.

    Args:
        what: was found of the event.
        error: what is wrong with it.
    """
    where = "; ".join(
        f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in error.errors()
    )
    return BadInput("bad_event", f"{what}: {where}.")


def _reprocess(envelope: _Envelope) -> Reprocess:
    request = _ReprocessDetail.model_validate(envelope.detail)
    event_id = replay_event_id(request.replay_id) if request.replay_id else envelope.event_id
    return Reprocess(event_id=event_id, time=envelope.time, **request.model_dump())


def _upload(envelope: _Envelope) -> Upload:
    detail = _CreatedDetail.model_validate(envelope.detail)
    item = detail.object
    return Upload(
        event_id=envelope.event_id,
        time=envelope.time,
        bucket=detail.bucket.name,
        key=item.key,
        sequencer=_padded(item.sequencer),
        version_id=item.version_id,
        size=item.size,
        etag=item.etag.strip('"'),
    )


def _deletion(envelope: _Envelope) -> Deletion:
    detail = _DeletedDetail.model_validate(envelope.detail)
    item = detail.object
    # A delete marker has a version id of its own, which names no upload.
    of_version = detail.deletion_type == "Permanently Deleted"
    return Deletion(
        event_id=envelope.event_id,
        time=envelope.time,
        bucket=detail.bucket.name,
        key=item.key,
        sequencer=_padded(item.sequencer),
        version_id=item.version_id if of_version else None,
    )


def _padded(sequencer: str) -> str:
    return sequencer.ljust(_SEQUENCER_DIGITS, "0")


def replay_event_id(replay_id: str) -> str:
    """The event that a run of this replay is recorded under."""
    return f"{_REPLAY}{replay_id}"


class WakeUp(_Event):
    """Who gets this shall drive a replay.

    Attributes:
        replay_id: which.
        attempt: of its latest driver when this was sent: once another one has sat there since,
            this is old news, and so any number of wake-ups makes for one turn. None from a
            stranger, whose word always counts.
    """

    replay_id: str
    attempt: int | None = None


class _WakeUpEnvelope(BaseModel):
    detail_type: Literal["Replay Requested"] = Field(alias="detail-type")
    detail: WakeUp


def replay_requested(body: str | bytes) -> WakeUp:
    """What a "Replay Requested" event says.

    Raises:
        BadInput: ``bad_event``.
    """
    try:
        return _WakeUpEnvelope.model_validate_json(body).detail
    except ValidationError as error:
        raise refused("This message asks for no replay", error) from error


def reprocess_entry(
    request: Reprocess, *, source: str, detail_type: str, bus: str
) -> dict[str, Any]:
    """The ``PutEvents`` entry that asks for ``request``."""
    detail = request.model_dump(mode="json", exclude={"event_id", "time"}, exclude_none=True)
    return {
        "Source": source,
        "DetailType": detail_type,
        "Detail": json.dumps(detail),
        "EventBusName": bus,
        "Time": datetime.now(UTC),
    }


DETAILS: dict[str, type[BaseModel]] = {
    "Object Created": _CreatedDetail,
    "Object Deleted": _DeletedDetail,
    "Reprocess Requested": _ReprocessDetail,
    "Replay Requested": WakeUp,
}
"""What we read of each event's ``detail``, by its ``detail-type``."""
