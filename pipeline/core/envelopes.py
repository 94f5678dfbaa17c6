"""EventBridge's envelopes of the events that stages receive, as they are parsed.

Only the fields in use are declared.
"""

from typing import Any, Literal

from pydantic import AliasChoices, AwareDatetime, BaseModel, Field, field_validator

ARCHIVE_MARK = "@"
"""Marks the ids of events that an archive replays. EventBridge's ids are UUIDs, without it."""


class S3Object(BaseModel):
    """An object in an event of S3.

    Attributes:
        sequencer: None from stores that send none; see ``pipeline.core.sequence``.
    """

    key: str
    sequencer: str | None = Field(None, min_length=1)
    version_id: str | None = Field(None, alias="version-id")

    @field_validator("version_id")
    @classmethod
    def _named(cls, version_id: str | None) -> str | None:
        # Where versions are suspended, every upload to a key has the version "null".
        return None if version_id == "null" else version_id


class S3Created(S3Object):
    """A created object."""

    size: int
    # AWS writes "etag"; moto, the local emulation of S3, writes "eTag".
    etag: str = Field(min_length=1, validation_alias=AliasChoices("etag", "eTag"))


class S3Bucket(BaseModel):
    """The bucket of an object."""

    name: str


class CreatedDetail(BaseModel):
    """The ``detail`` of "Object Created"."""

    bucket: S3Bucket
    object: S3Created


class DeletedDetail(BaseModel):
    """The ``detail`` of "Object Deleted"."""

    bucket: S3Bucket
    object: S3Object
    deletion_type: str = Field("", alias="deletion-type")


class ReprocessDetail(BaseModel):
    """The ``detail`` of "Reprocess Requested".

    Attributes:
        reset: True if parameters of earlier replays do not apply.
    """

    video_id: str
    stage: str
    params: dict[str, Any] = {}
    reset: bool = False
    revision: str | None = None
    replay_id: str | None = None
    shadow: bool = False


class RangeDetail(BaseModel):
    """The ``detail`` of "Range Requested".

    Attributes:
        event_id: the event that requested the run.
        attempt: attempt number of the run.
        range: the range; None for all that have not ended.
    """

    # These form the prefix below which the files of a run that is over are deleted.
    video_id: str = Field(pattern="^[0-9a-f]{20}$")
    revision: str = Field(pattern="^[0-9a-f]{12}$")
    fingerprint: str = Field(pattern="^[0-9a-f]{32}$")
    stage: str
    event_id: str
    attempt: int
    range: str | None = None
    shadow: bool = False


class Envelope(BaseModel):
    """An event of one of the four kinds."""

    id: str
    replay_name: str = Field("", alias="replay-name")
    time: AwareDatetime
    detail_type: Literal[
        "Object Created", "Object Deleted", "Reprocess Requested", "Range Requested"
    ] = Field(alias="detail-type")
    detail: dict[str, Any]

    @property
    def event_id(self) -> str:
        """Return the id of the event; an archive's replay of an event has another one."""
        return f"{self.id}{ARCHIVE_MARK}{self.replay_name}" if self.replay_name else self.id
