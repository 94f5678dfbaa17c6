"""What handlers do with the messages that brought their events."""

import base64
import logging
import re
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import blake2s
from typing import Any

from pipeline.aws import clients as aws
from pipeline.core.settings import Settings
from pipeline.core.topology import LARGER, Lane

log = logging.getLogger(__name__)

# https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
_ID = "1-[0-9a-f]{8}-[0-9a-f]{24}"
_TRACE = re.compile(rf"(Self={_ID};)?Root={_ID}(;\w{{1,16}}=[\w.:|?-]{{0,256}}){{0,8}}", re.ASCII)


def queue_name(record: dict[str, Any]) -> str:
    """Return the name of the queue that a record's message came by."""
    return str(record["eventSourceARN"]).rsplit(":", 1)[-1]


def lane(record: dict[str, Any], function: str, settings: Settings) -> Lane:
    """Return the lane of a function that a record's message came by."""
    return settings.names.lane(function, queue_name(record))


def receipt(record: dict[str, Any]) -> str:
    """Return a name of one delivery of a message; the next delivery has another name."""
    # An event that was pushed has no receipt, but a moment at which it came.
    came = record["attributes"].get("ApproximateFirstReceiveTimestamp")
    told = (record["messageId"], record["receiptHandle"], came)
    return blake2s("\n".join(map(str, told)).encode(), digest_size=12).hexdigest()


def extender(record: dict[str, Any]) -> Callable[[int], None]:
    """Return a function that keeps a record's message invisible for so many seconds from now.

    For a record whose event was pushed it does nothing: it came from no queue.
    """
    if not record["receiptHandle"]:
        return lambda _: None

    def extend(seconds: int) -> None:
        try:
            aws.client("sqs").change_message_visibility(
                QueueUrl=queue_url(queue_name(record)),
                ReceiptHandle=record["receiptHandle"],
                VisibilityTimeout=seconds,
            )
        except aws.ERRORS:
            # A lease still protects the work; the message may merely be seen once more.
            log.warning("visibility of %s not extended", record["messageId"], exc_info=True)

    return extend


def trace_header(attributes: Mapping[str, Any]) -> str | None:
    """Return X-Ray's header of the trace that a message belongs to, by its system attributes.

    None if it has none or a malformed one: it is sent as an HTTP header, which a line break ends.
    """
    given = attributes.get("AWSTraceHeader")
    return given if isinstance(given, str) and _TRACE.fullmatch(given) else None


def copied(record: dict[str, Any]) -> dict[str, Any]:
    """Return what ``SendMessage`` takes to send a record's message again, with its trace."""
    attributes = record.get("messageAttributes", {})
    request = {
        "MessageBody": record["body"],
        "MessageAttributes": {name: _attribute(value) for name, value in attributes.items()},
    }
    if trace := trace_header(record["attributes"]):
        header = {"DataType": "String", "StringValue": trace}
        request["MessageSystemAttributes"] = {"AWSTraceHeader": header}
    return request


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {"DataType": value["dataType"]}
    if "stringValue" in value:
        given["StringValue"] = value["stringValue"]
    if "binaryValue" in value:
        given["BinaryValue"] = base64.b64decode(value["binaryValue"])
    return given


def sender(record: dict[str, Any], function: str, settings: Settings) -> Callable[[], None] | None:
    """Return a function that sends a record's message to the stage's lane for large jobs.

    None if the stage has no such lane, or the message came by it.
    """
    if function not in settings.large:
        return None
    larger = LARGER.get(lane(record, function, settings))
    if larger is None:
        return None

    def send() -> None:
        url = queue_url(settings.names.queue(function, larger))
        aws.client("sqs").send_message(QueueUrl=url, **copied(record))

    return send


@cache
def queue_url(name: str) -> str:
    """Look up the address of a queue, once a process."""
    return str(aws.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])
