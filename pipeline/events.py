"""The event contract: what reaches a stage's queue, parsed and checked.

Three kinds of event arrive, all as EventBridge envelopes: S3 "Object Created", S3 "Object
Deleted", and our own "Reprocess Requested". Fields that we do not use are ignored, so a new
version of S3's event, or the ``replay-name`` that an archive adds, changes nothing.

S3 keys in EventBridge events are raw: they are never URL-decoded here.
"""

import json
from datetime import UTC, datetime
from hashlib import blake2s
from typing import Any, Literal

from pydantic import AliasChoices, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import BadInput

# Sequencers differ in length; S3's documentation has them right-padded with zeros and compared
# as strings, within one key only.
_SEQUENCER_DIGITS = 40


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
    """An object was deleted."""


class Reprocess(_Event):
    """A request to run one stage of one video again, with other parameters if given."""

    event_id: str
    time: AwareDatetime
    video_id: str
    stage: str
    params: dict[str, Any] = {}
    replay_id: str | None = None


Event = Upload | Deletion | Reprocess


class _S3Object(BaseModel):
    key: str
    sequencer: str = ""
    size: int = 0
    # AWS says "etag"; moto, a local stand-in for S3, says "eTag".
    etag: str = Field("", validation_alias=AliasChoices("etag", "eTag"))
    version_id: str | None = Field(None, alias="version-id")


class _S3Bucket(BaseModel):
    name: str


class _S3Detail(BaseModel):
    bucket: _S3Bucket
    object: _S3Object


class _ReprocessDetail(BaseModel):
    video_id: str
    stage: str
    params: dict[str, Any] = {}
    replay_id: str | None = None


class _Envelope(BaseModel):
    id: str
    time: AwareDatetime
    detail_type: Literal["Object Created", "Object Deleted", "Reprocess Requested"] = Field(
        alias="detail-type"
    )
    detail: dict[str, Any]


def parse(body: str | bytes) -> Event:
    """Read an EventBridge event as it stands in an SQS message body.

    Raises:
        BadInput: ``bad_event``, when it is none of the three kinds we know.
    """
    try:
        envelope = _Envelope.model_validate_json(body)
        if envelope.detail_type == "Reprocess Requested":
            request = _ReprocessDetail.model_validate(envelope.detail)
            return Reprocess(event_id=envelope.id, time=envelope.time, **request.model_dump())
        detail = _S3Detail.model_validate(envelope.detail)
    except ValidationError as error:
        where = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in error.errors()
        )
        raise BadInput("bad_event", f"This message is not an event we know: {where}.") from error
    item = detail.object
    common = {
        "event_id": envelope.id,
        "time": envelope.time,
        "bucket": detail.bucket.name,
        "key": item.key,
        "sequencer": item.sequencer.ljust(_SEQUENCER_DIGITS, "0"),
        "version_id": item.version_id,
    }
    if envelope.detail_type == "Object Deleted":
        return Deletion(**common)
    return Upload(**common, size=item.size, etag=item.etag.strip('"'))


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
