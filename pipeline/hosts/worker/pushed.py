"""Events that are pushed to a handler by HTTP, without a queue to poll.

A POST holds one of these, as JSON:

* one EventBridge event, such as S3's "Object Created", as an API destination sends it;
* one CloudEvent, structured or binary, whose ``type`` and ``data`` are such an event's
  ``detail-type`` and ``detail``, or whose ``data`` is such an event
  (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md);
* one message of Google's Pub/Sub, whose data is any of these; Eventarc sends it as a CloudEvent
  (https://cloud.google.com/pubsub/docs/push);
* one message of SQS, or an array of them, as EventBridge Pipes sends them
  (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-sqs.html);
* Lambda's own event of such messages, ``{"Records": […]}``;
* ``{"warm_up": true}`` or ``{"warm_up": "imports"}`` for a stage; a scheduled event, or ``{}``, for
  the janitor.

Events that no handler accepts are rejected here with a status that senders do not retry.
"""

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from pydantic import Base64Bytes, BaseModel, Field, ValidationError
from pydantic_core import from_json

from pipeline.core import events, outgoing
from pipeline.core.errors import BadInput
from pipeline.core.topology import EVENTS, JANITOR, REPLAYS
from pipeline.hosts.worker.lane import Record

# Receive counts and timestamps have fewer digits.
_NUMBER = "^[0-9]{1,16}$"


@dataclass(frozen=True)
class Pushed:
    """The content of a POST.

    Attributes:
        event: the handler's event.
        records: the messages in it.
        batch: whether the sender reads the failed messages from the answer's body, as Lambda's
            event source mapping does. Other senders use the status alone.
    """

    event: dict[str, Any]
    records: tuple[Record, ...] = ()
    batch: bool = False


class _System(BaseModel):
    receives: str = Field(alias="ApproximateReceiveCount", pattern=_NUMBER)
    sent_ms: str | None = Field(None, alias="SentTimestamp", pattern=_NUMBER)


class _Attribute(BaseModel):
    data_type: str = Field(alias="dataType")
    text: str = Field("", alias="stringValue")
    binary: Base64Bytes = Field(b"", alias="binaryValue")


class _Message(BaseModel):
    """The fields of a message that are read, here and in handlers."""

    id: str = Field(alias="messageId", min_length=1)
    receipt: str = Field(alias="receiptHandle")
    body: str
    system: _System = Field(alias="attributes")
    attributes: dict[str, _Attribute] = Field({}, alias="messageAttributes")
    queue: str = Field(alias="eventSourceARN")


def read(body: bytes, headers: Mapping[str, str], function: str) -> Pushed:
    """Read a POST.

    Args:
        body: as it was sent.
        headers: of the request, by lower-case name.
        function: the hosted function: a stage, ``janitor`` or ``replays``.

    Raises:
        BadInput: ``bad_event``: it is none of the above, or not for this function.
    """
    match _unwrap(_json(body), headers):
        case {"Records": list(records)}:
            return Pushed({"Records": records}, _checked(records), batch=True)
        case {"warm_up": True | "imports"} as event if function not in {JANITOR, REPLAYS, EVENTS}:
            return Pushed(event)
        case {"source": "aws.events" | "aws.scheduler"} as event if function == JANITOR:
            return Pushed(event)
        case dict(event) if function == JANITOR and not event:
            return Pushed(event)
        case list(records):
            return _known(_checked(records), function)
        case {"messageId": _} as record:
            return _known(_checked([record]), function)
        case {"detail-type": str(), "id": str(identity)} as event:
            return _known((_record(identity, event),), function)
    raise _bad('it has neither "Records" nor "detail-type" and "id"')


def _json(body: bytes) -> Any:
    try:
        return from_json(body)  # unlike json's, it limits the nesting of arrays
    except ValueError as error:
        raise _bad(f"it is not JSON ({error})") from error


def _unwrap(found: Any, headers: Mapping[str, str]) -> Any:
    """Return the event of a CloudEvent or of Pub/Sub; ``found`` if it is neither."""
    if "ce-specversion" in headers:
        names = ("id", "source", "type", "time")
        given = {name: headers.get(f"ce-{name}") for name in names}
        about: dict[str, Any] = {name: unquote(value) for name, value in given.items() if value}
        data = found
    elif isinstance(found, dict) and "specversion" in found:
        about, data = found, found.get("data")
    elif isinstance(found, dict) and "message" in found:
        return _published(found["message"])
    else:
        return found
    if not isinstance(data, dict):
        raise _bad('the "data" of the CloudEvent is not a JSON object')
    if "message" in data:
        return _unwrap(data, {})
    if "detail-type" in data or "Records" in data:
        return data
    return {
        "version": "0",
        "id": about.get("id"),
        "detail-type": about.get("type"),
        "source": about.get("source"),
        "time": about.get("time"),
        "detail": data,
    }


def _published(message: Any) -> Any:
    """Return the event in a message of Pub/Sub, which reads nothing but the status."""
    try:
        data = base64.b64decode(message["data"], validate=True)
    except (KeyError, TypeError, ValueError) as error:
        raise _bad('the "message" of Pub/Sub has no "data" in base64') from error
    found = _unwrap(_json(data), {})
    return found["Records"] if isinstance(found, dict) and "Records" in found else found


def _checked(records: list[Any]) -> tuple[Record, ...]:
    """Return ``records`` after checking that handlers can read them."""
    if any(isinstance(one, dict) and "s3" in one for one in records):
        raise _bad("it is an S3 notification; have the bucket send its events to EventBridge")
    try:
        for one in records:
            _Message.model_validate(one)
    except ValidationError as error:
        raise events.refused("This is not a message of SQS", error) from error
    return tuple(records)


def _known(records: tuple[Record, ...], function: str) -> Pushed:
    """Return ``records`` as an event after checking that the function accepts each body."""
    for one in records:
        if function == REPLAYS:
            events.replay_requested(one["body"])
        elif function == EVENTS:
            outgoing.check(one["body"])
        else:
            events.parse(one["body"])
    return Pushed({"Records": list(records)}, records)


def _record(identity: str, event: dict[str, Any]) -> Record:
    """Return the message that SQS would send for an event, without a receipt handle."""
    return {
        "messageId": identity,
        "receiptHandle": "",
        "body": json.dumps(event),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "ApproximateFirstReceiveTimestamp": str(int(time.time() * 1000)),
        },
        "messageAttributes": {},
        "eventSource": "videodrop:http",
        "eventSourceARN": "",
    }


def _bad(why: str) -> BadInput:
    return BadInput("bad_event", f"This is not a known event: {why}.")
