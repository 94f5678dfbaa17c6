"""The notifications of other stores than S3, as the EventBridge events that S3 would send.

Three forms are known: the records of S3's own notifications, which MinIO, VersityGW, Ceph and
others post to webhooks; CloudEvents in JSON around one of them; and EventBridge's envelopes.

Keys in S3's records are URL-encoded, in EventBridge's they are raw.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html,
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2s
from typing import Any
from urllib.parse import unquote_plus

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from pipeline.core import events
from pipeline.core.errors import BadInput

MOST = 1000
"""The most objects of one notification. AWS sends one, MinIO's batches have up to 1,000."""


class _Object(BaseModel):
    key: str = Field(min_length=1)
    size: int = 0
    etag: str = Field("", alias="eTag")
    version_id: str | None = Field(None, alias="versionId")
    sequencer: str | None = None


class _Bucket(BaseModel):
    name: str = Field(min_length=1)


class _Place(BaseModel):
    bucket: _Bucket
    object: _Object


class _Record(BaseModel):
    """A record of S3's notifications; unused fields are ignored."""

    name: str = Field(alias="eventName")
    time: AwareDatetime = Field(alias="eventTime")
    place: _Place = Field(alias="s3")


def parse(given: object, exists: Callable[[str, str], bool]) -> Iterator[dict[str, Any]]:
    """Yield the EventBridge event of each upload and deletion that a notification tells of.

    Events of other kinds, such as S3's test event, are left out.

    Args:
        given: the notification, parsed from JSON.
        exists: returns whether a bucket has a key. Some stores do not encode keys; one with a
            ``%`` or ``+`` is looked up.

    Raises:
        BadInput: ``bad_event``.
    """
    found = list(_unpacked(given))
    if len(found) > MOST:
        raise BadInput("bad_event", f"This notification has more than {MOST} records.")
    for one in found:
        event = one if "detail-type" in one else _event(one, exists)
        if event and event["detail-type"] in {"Object Created", "Object Deleted"}:
            events.parse(json.dumps(event))
            yield event


def _unpacked(given: Any) -> Iterator[dict[str, Any]]:
    """Yield the records and envelopes of a notification, however deep they lie."""
    waiting = [given]
    while waiting:
        match one := waiting.pop():
            case list():
                waiting += reversed(one)
            case {"Records": list(records)}:
                waiting += reversed(records)
            case {"specversion": str(), "data": dict() | list() as data}:
                waiting.append(data)
            case {"detail-type": str(), "detail": dict()} | {"eventName": str(), "s3": dict()}:
                yield one
            case {"Event": "s3:TestEvent"}:
                continue
            case _:
                raise BadInput(
                    "bad_event",
                    "This is not a notification of a store: neither S3's records, nor a "
                    "CloudEvent around them, nor an EventBridge event.",
                )


def _event(raw: Mapping[str, Any], exists: Callable[[str, str], bool]) -> dict[str, Any] | None:
    """Return the EventBridge event of a record; None for other changes than uploads and deletions.

    Equal records have equal events, because stores may send one twice.
    """
    try:
        record = _Record.model_validate(raw)
    except ValidationError as error:
        raise events.refused("This record is not one of S3's", error) from error
    kind, _, how = record.name.removeprefix("s3:").partition(":")
    if kind not in {"ObjectCreated", "ObjectRemoved"}:
        return None
    bucket, item = record.place.bucket.name, record.place.object
    detail: dict[str, Any] = {
        "bucket": {"name": bucket},
        "object": {"key": _key(bucket, item.key, exists)}
        | ({"version-id": item.version_id} if item.version_id else {})
        | ({"sequencer": item.sequencer} if item.sequencer else {}),
    }
    if kind == "ObjectCreated":
        detail["object"] |= {"size": item.size, "etag": item.etag.strip('"')}
    else:
        marked = how == "DeleteMarkerCreated"
        detail["deletion-type"] = "Delete Marker Created" if marked else "Permanently Deleted"
    at = record.time.isoformat()
    return {
        "version": "0",
        "id": blake2s(json.dumps([record.name, at, detail]).encode(), digest_size=16).hexdigest(),
        "detail-type": "Object Created" if kind == "ObjectCreated" else "Object Deleted",
        "source": "aws.s3",
        "time": at,
        "detail": detail,
    }


def _key(bucket: str, given: str, exists: Callable[[str, str], bool]) -> str:
    decoded = unquote_plus(given)
    if decoded == given or exists(bucket, decoded) or not exists(bucket, given):
        return decoded
    return given
