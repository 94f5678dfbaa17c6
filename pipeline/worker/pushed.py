"""Events that are pushed to a handler by HTTP, where no queue is polled.

What a POST may hold, always JSON:

* Lambda's own event of SQS messages, as EventBridge Pipes and the like forward it;
* one EventBridge event, such as S3's "Object Created", as an API destination sends it;
* one CloudEvent, structured or binary, whose ``type`` and ``data`` are such an event's
  ``detail-type`` and ``detail``, or whose ``data`` is such an event
  (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md);
* a tick of a schedule, ``{"warm_up": true}`` and ``{}``, which handlers take as they are.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.errors import BadInput
from pipeline.worker.lane import Record

_SCHEDULES = {"aws.events", "aws.scheduler"}
_KEYS = ("messageId", "receiptHandle", "body", "attributes", "eventSourceARN")
_PLAIN: tuple[dict[str, Any], ...] = ({}, {"warm_up": True})


@dataclass(frozen=True)
class Pushed:
    """What a POST brought.

    Attributes:
        event: what the handler gets.
        records: the messages in it.
        single: its one record was made here of an event: whoever sent that knows nothing of
            batches, and is to be told by the status alone whether to send it again.
    """

    event: dict[str, Any]
    records: tuple[Record, ...] = ()
    single: bool = False


def read(body: bytes, headers: Mapping[str, str]) -> Pushed:
    """Read a POST.

    Args:
        body: as it was sent.
        headers: of the request, by lower-case name.

    Raises:
        BadInput: ``bad_event``: it is none of the above.
    """
    event = _opened(_object(body), headers)
    if "Records" in event:
        return Pushed(event, tuple(_checked(event["Records"])))
    if event in _PLAIN or event.get("source") in _SCHEDULES:
        return Pushed(event)
    if not (isinstance(event.get("detail-type"), str) and isinstance(event.get("id"), str)):
        raise _bad('it has neither "Records" nor "detail-type" and "id"')
    made = _record(event)
    return Pushed({"Records": [made]}, (made,), single=True)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError as error:
        raise _bad(f"it is not JSON ({error})") from error
    if not isinstance(found, dict):
        raise _bad("it is not a JSON object")
    return found


def _opened(event: dict[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    """The event in a CloudEvent, or what came without one."""
    if "ce-specversion" in headers:
        names = ("id", "source", "type", "time")
        about = {name: headers[f"ce-{name}"] for name in names if f"ce-{name}" in headers}
        data = event
    elif "specversion" in event:
        about, data = event, event.get("data", {})
    else:
        return event
    if not isinstance(data, dict):
        raise _bad('the "data" of the CloudEvent is not a JSON object')
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


def _checked(records: Any) -> list[Record]:
    if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
        raise _bad('"Records" is not a list of objects')
    if any("s3" in one for one in records):
        raise _bad("it is an S3 notification; have the bucket send its events to EventBridge")
    for one in records:
        if missing := [key for key in _KEYS if key not in one]:
            raise _bad(f"one of its records is no SQS message: {', '.join(missing)} missing")
    return records


def _record(event: dict[str, Any]) -> Record:
    """The message that SQS would have made of an event; without a receipt, as it has no queue."""
    return {
        "messageId": event["id"],
        "receiptHandle": "",
        "body": json.dumps(event),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": str(int(time.time() * 1000)),
        },
        "messageAttributes": {},
        "eventSource": "videodrop:http",
        "eventSourceARN": "",
    }


def _bad(why: str) -> BadInput:
    return BadInput("bad_event", f"This is not an event we know: {why}.")
