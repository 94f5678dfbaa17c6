"""SQS messages of a handler's records."""

import base64
import logging
import re
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import blake2s
from typing import Any

from pipeline.aws import clients as aws

log = logging.getLogger(__name__)

# https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
_ID = "1-[0-9a-f]{8}-[0-9a-f]{24}"
_TRACE = re.compile(rf"(Self={_ID};)?Root={_ID}(;\w{{1,16}}=[\w.:|?-]{{0,256}}){{0,8}}", re.ASCII)


def queue_name(record: dict[str, Any]) -> str:
    """Return the name of the queue that a record's message came from."""
    return str(record["eventSourceARN"]).rsplit(":", 1)[-1]


def receipt(record: dict[str, Any]) -> str:
    """Return an id of one delivery of a message; each delivery has another."""
    # A pushed event has no receipt, but a time of arrival.
    came = record["attributes"].get("ApproximateFirstReceiveTimestamp")
    parts = (record["messageId"], record["receiptHandle"], came)
    return blake2s("\n".join(map(str, parts)).encode(), digest_size=12).hexdigest()


def extender(record: dict[str, Any]) -> Callable[[int], None]:
    """Return a function that sets the remaining visibility timeout of a record's message, seconds.

    For a pushed event, which has no queue, the function does nothing.
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
            # The lease still protects the work; at worst the message is received once more.
            log.warning("visibility of %s not extended", record["messageId"], exc_info=True)

    return extend


def trace_header(attributes: Mapping[str, Any]) -> str | None:
    """Return the X-Ray trace header of a message, from its system attributes.

    None if there is none, or it is malformed: it is sent as an HTTP header, so a line break would
    be an injection.
    """
    given = attributes.get("AWSTraceHeader")
    return given if isinstance(given, str) and _TRACE.fullmatch(given) else None


def copied(record: dict[str, Any]) -> dict[str, Any]:
    """Return arguments of ``SendMessage`` that copy a message with attributes, group and trace."""
    attributes = record.get("messageAttributes", {})
    request = {
        "MessageBody": record["body"],
        "MessageAttributes": {name: _attribute(value) for name, value in attributes.items()},
        **trace_attributes(record),
    }
    if group := record["attributes"].get("MessageGroupId"):
        request["MessageGroupId"] = group
    return request


def trace_attributes(record: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of ``SendMessage`` that continue the trace of a record's message."""
    trace = trace_header(record["attributes"])
    if trace is None:
        return {}
    header = {"DataType": "String", "StringValue": trace}
    return {"MessageSystemAttributes": {"AWSTraceHeader": header}}


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {"DataType": value["dataType"]}
    if "stringValue" in value:
        given["StringValue"] = value["stringValue"]
    if "binaryValue" in value:
        given["BinaryValue"] = base64.b64decode(value["binaryValue"])
    return given


@cache
def queue_url(name: str) -> str:
    """Return the URL of a queue, looked up once a process."""
    return str(aws.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])
