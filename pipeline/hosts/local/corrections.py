"""Where moto 5.2.5 differs from AWS, and what is done about it: one function per difference.

Each takes moto's own function and gives the one that replaces it; ``apply`` puts them in place. The
addresses point to AWS's description of the behaviour.
"""

import base64
import copy
import itertools
import json
import logging
import time
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any
from xml.etree import ElementTree as ET

from moto.core.serialize import JSONSerializer
from moto.core.utils import unix_time
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.events.models import Rule, events_backends
from moto.s3 import notifications
from moto.s3.models import FakeBucket, FakeDeleteMarker, S3Backend
from moto.s3.responses import S3Response
from moto.sqs.models import Message, Queue, SQSBackend

from pipeline.hosts.local.monitor import STATE, WRITTEN

log = logging.getLogger(__name__)

Function = Callable[..., Any]

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
_REASONS = {
    "s3:ObjectCreated:Put": "PutObject",
    "s3:ObjectCreated:Post": "POST Object",
    "s3:ObjectCreated:Copy": "CopyObject",
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
    "s3:ObjectRemoved:Delete": "DeleteObject",
    "s3:ObjectRemoved:DeleteMarkerCreated": "DeleteObject",
}
_COUNTS = {
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
}
_ALLOW = "RedriveAllowPolicy"
# The partition key and the index of the query that is being answered.
_QUERIED: ContextVar[tuple[DynamoType, str | None] | None] = ContextVar("queried", default=None)
# Rises with every event, also over a restart. S3 promises an order within one key only.
_sequence = itertools.count(time.time_ns())


def s3_events_are_s3s_own(_: Function) -> Function:
    """Send S3's events as S3 does: its fields, its words, and to the default bus alone.

    moto's have ``eTag``, no ``reason`` of S3's, and one constant ``id``, ``sequencer`` and
    ``request-id``; they go to every bus; and a multipart upload has two. Only creation and deletion
    are sent, which is all that rules here listen to.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """

    def send(account_id: str, bucket: FakeBucket, event_name: str, key: Any) -> None:
        event_name = getattr(event_name, "value", event_name)
        joined = event_name == "s3:ObjectCreated:Put" and key.multipart is not None
        if event_name not in _REASONS or joined:
            return
        default = events_backends[account_id][bucket.region_name].event_buses["default"]
        event = _s3_event(account_id, bucket, event_name, key)
        for rule in default.rules.values():
            rule.send_to_targets(event)

    return send


def _s3_event(account_id: str, bucket: FakeBucket, event_name: str, key: Any) -> Any:
    item = {"key": key.name, "sequencer": f"{next(_sequence):016X}"}
    if bucket.is_versioned:
        item["version-id"] = key.version_id
    detail = {
        "version": "0",
        "bucket": {"name": bucket.name},
        "object": item,
        "request-id": uuid.uuid4().hex[:16].upper(),
        "requester": account_id,
        "source-ip-address": "127.0.0.1",
        "reason": _REASONS[event_name],
    }
    if event_name.startswith("s3:ObjectRemoved:"):
        marker = event_name.endswith("DeleteMarkerCreated")
        detail["deletion-type"] = "Delete Marker Created" if marker else "Permanently Deleted"
    else:
        item |= {"size": key.size, "etag": key.etag.strip('"')}
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": notifications._detail_type(event_name),  # noqa: SLF001 - moto's own words
        "source": "aws.s3",
        "account": account_id,
        "time": unix_time(),
        "region": bucket.region_name,
        "resources": [bucket.arn],
        "detail": detail,
        "ingestion-time": unix_time(),
    }


def versioned_deletes_are_events(delete_object: Function) -> Function:
    """Tell of deletes in a versioned bucket: markers, and versions that leave others behind.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjectVersions.html
    """

    @wraps(delete_object)
    def corrected(
        self: S3Backend, bucket_name: str, key_name: str, version_id: str | None = None, **more: Any
    ) -> tuple[bool, dict[str, Any]]:
        bucket = self.get_bucket(bucket_name)
        before = bucket.keys.getlist(key_name, [])
        target = next((key for key in before if str(key.version_id) == str(version_id)), None)
        done, meta = delete_object(self, bucket_name, key_name, version_id=version_id, **more)
        if not (done and bucket.is_versioned):
            return done, meta
        event = notifications.S3NotificationEvent.OBJECT_REMOVED_DELETE_EVENT
        if version_id is None:
            target = bucket.keys[key_name]
            event = notifications.S3NotificationEvent.OBJECT_REMOVED_DELETE_MARKER_CREATED_EVENT
        elif isinstance(target, FakeDeleteMarker) or key_name not in bucket.keys:
            target = None  # removing a marker deletes nothing, and moto tells of the last version
        if target is not None:
            notifications.send_event(self.account_id, event, bucket, target)
        return done, meta

    return corrected


def each_target_on_its_own(send_to_targets: Function) -> Function:
    """Let a rule fire only when it should, and a target fail without harm to the others.

    moto fires disabled rules and schedules at every event, ends at the first target that fails,
    ignores input transformers for S3's events, and adds an ``ingestion-time`` that EventBridge
    offers to transformers only.
    """

    @wraps(send_to_targets)
    def corrected(self: Rule, event: dict[str, Any], **_: Any) -> None:
        scheduled = self.scheduled_expression and not self.event_pattern.get_pattern()
        if self.state == "DISABLED" or scheduled:
            return
        for target in list(self.targets):
            one = copy.copy(self)
            one.targets = [target]
            transforms = "InputTransformer" in target
            own = copy.deepcopy(event)
            if not transforms:
                own.pop("ingestion-time", None)
            try:
                send_to_targets(one, own, transform_input=transforms)
            except Exception:
                # Delivery is asynchronous on AWS: the sender never hears of it.
                log.exception("EventBridge rule %s could not reach %s", self.name, target["Arn"])

    return corrected


def counts_on_request(get_attributes: Function) -> Function:
    """Count a queue's messages only when asked: moto does for every send and receive."""

    @wraps(get_attributes)
    def corrected(self: SQSBackend, queue_name: str, names: list[str]) -> dict[str, Any]:
        wanted = _COUNTS if "All" in names else _COUNTS.intersection(names)
        others = [name for name in names if name not in _COUNTS]
        found: dict[str, Any] = get_attributes(self, queue_name, others)
        messages = self.get_queue(queue_name)._messages if wanted else []  # noqa: SLF001
        delayed = sum(m.delayed for m in messages)
        hidden = sum(not m.visible for m in messages)
        counts = {
            "ApproximateNumberOfMessages": len(messages) - delayed - hidden,
            "ApproximateNumberOfMessagesDelayed": delayed,
            "ApproximateNumberOfMessagesNotVisible": hidden,
        }
        return found | {name: counts[name] for name in wanted}

    return corrected


def policy_survives_other_changes(set_attributes: Function) -> Function:
    """Change only what a request names: moto drops the policy whenever it is not named."""

    @wraps(set_attributes)
    def corrected(self: SQSBackend, queue_name: str, attributes: dict[str, Any]) -> Queue:
        kept = {"Policy": self.get_queue(queue_name).policy}
        queue: Queue = set_attributes(self, queue_name, kept | attributes)
        return queue

    return corrected


def redrive_policies_read_as_on_aws(get_attributes: Function) -> Function:
    """Tell what becomes of dead letters: where from, without spaces, and where to.

    moto writes a ``RedrivePolicy`` in its own way, and refuses to be asked for a
    ``RedriveAllowPolicy``.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
    """

    @wraps(get_attributes)
    def corrected(self: SQSBackend, queue_name: str, names: list[str]) -> dict[str, Any]:
        others = [name for name in names if name != _ALLOW]
        found: dict[str, Any] = get_attributes(self, queue_name, others)
        if found.get("RedrivePolicy"):
            policy = json.loads(found["RedrivePolicy"])
            found["RedrivePolicy"] = json.dumps(policy, separators=(",", ":"))
        # A request to set it reaches the queue, where moto forgets it.
        allowed = getattr(self.get_queue(queue_name), "redrive_allow_policy", None)
        if allowed and {_ALLOW, "All"}.intersection(names):
            found[_ALLOW] = allowed
        return found

    return corrected


def waiting_lets_others_in(receive: Function) -> Function:
    """Give a message to one receiver, and wait outside the monitor while there is none.

    moto's receive takes no lock, so two receivers at once may get the same message, and while it
    waits it would keep every other request out.
    """

    @wraps(receive)
    def corrected(
        self: SQSBackend, queue_name: str, count: int, wait_s: int, *more: Any
    ) -> list[Message]:
        end = time.monotonic() + wait_s
        while True:
            messages: list[Message] = receive(self, queue_name, count, 0, *more)
            left = end - time.monotonic()
            if messages:
                WRITTEN.set()
            if messages or left <= 0:
                return messages
            # Time alone makes delayed and timed-out messages visible: look again now and then.
            STATE.wait(min(left, 0.5))

    return corrected


def arrival_wakes_receivers(add_message: Function) -> Function:
    """Wake the receivers that wait in the monitor (see ``waiting_lets_others_in``)."""

    @wraps(add_message)
    def corrected(self: Queue, message: Message) -> None:
        add_message(self, message)
        STATE.notify_all()

    return corrected


def notifications_name_event_bridge(get_notification: Function) -> Function:
    """Say that a bucket sends its events to EventBridge: moto's answer leaves that out.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketNotificationConfiguration.html
    """

    @wraps(get_notification)
    def corrected(self: S3Response) -> Any:
        status, headers, body = get_notification(self)
        found = self.backend.get_bucket_notification_configuration(self.bucket_name)
        if found is None or found.event_bridge is None:
            return status, headers, body
        answer = ET.fromstring(body)  # noqa: S314 - moto wrote it just now
        ET.SubElement(answer, "EventBridgeConfiguration")
        return status, headers, ET.tostring(answer)

    return corrected


def attribute_values_are_sent_as_they_are(serialize: Function) -> Function:
    """Send DynamoDB's values as they stand, in the form that they have in JSON anyway.

    moto asks every value in an item for each of the ten types in turn: 9 ms for a stage's record,
    in which nobody else is served.
    """

    @wraps(serialize)
    def corrected(
        self: JSONSerializer, serialized: dict[str, Any], value: Any, shape: Any, key: str
    ) -> None:
        if shape.name == "AttributeValue":
            serialized[key] = _attribute(value)
        else:
            serialize(self, serialized, value, shape, key)

    return corrected


def _attribute(value: Any) -> dict[str, Any]:
    """A DynamoDB value as it is written in JSON."""
    if isinstance(value, DynamoType):
        value = {value.type: value.value}
    ((kind, inner),) = value.items()
    match kind, inner:
        case "M", _:
            return {kind: {name: _attribute(one) for name, one in inner.items()}}
        case "L", _:
            return {kind: [_attribute(one) for one in inner]}
        case "BS", _:
            return {kind: [_base64(one) for one in inner]}
        case "B", _:
            return {kind: _base64(inner)}
        case _:
            return {kind: inner}


def queries_know_their_partition(query: Function) -> Function:
    """Have a query look at the items that have its key, and sort those alone.

    moto sorts the whole table for each: with a library of 500 videos tens of milliseconds, in which
    nobody else is served.
    """

    @wraps(query)
    def corrected(self: Table, hash_key: DynamoType, *args: Any, **more: Any) -> Any:
        index_name = more.get("index_name", args[6] if len(args) > 6 else None)  # noqa: PLR2004 - moto's order
        token = _QUERIED.set((hash_key, index_name))
        try:
            return query(self, hash_key, *args, **more)
        finally:
            _QUERIED.reset(token)

    return corrected


def items_of_a_query(all_items: Function) -> Function:
    """The other half: what moto's query takes for all there is. It sorts what it finds itself."""

    @wraps(all_items)
    def corrected(self: Table) -> Any:
        queried = _QUERIED.get()
        if queried is None or not self.range_key_attr:
            return all_items(self)
        hash_key, index_name = queried
        if index_name is None:
            return list(self.items.get(hash_key, {}).values())
        return [item for partition in self.items.values() for item in partition.values()]

    return corrected


def projections_pick(project: Function) -> Function:
    """Give the attributes asked for by picking them.

    moto copies the whole item once for each of them: of 30 attributes of a hundred items a second's
    work, in which nobody else is served.
    """

    @wraps(project)
    def corrected(self: Item, paths: list[list[str]]) -> Any:
        if any("[" in part for path in paths for part in path):
            return project(self, paths)  # an element of a list
        picked: dict[str, Any] = {}
        for path in paths:
            _pick(path, self.attrs, picked)
        item = Item(self.hash_key, self.range_key, {})
        for name, value in picked.items():
            dict.__setitem__(item.attrs, name, value)  # moto's own weighs all there is each time
        return item

    return corrected


def _pick(path: list[str], attributes: dict[str, Any], into: dict[str, Any]) -> None:
    """Copy the attribute at ``path`` to the same place, if there is one."""
    first, *rest = path
    value = attributes.get(first)
    if value is None:
        return
    if not rest:
        into[first] = value
    elif value.is_map():
        known = into.get(first) or DynamoType({"M": {}})
        _pick(rest, value.value, known.value)
        if known.value:
            into[first] = known


def _base64(value: bytes | str) -> str:
    """Bytes as they are written in JSON, which moto has done with some of them."""
    return value if isinstance(value, str) else base64.b64encode(value).decode()


_CORRECTIONS: tuple[tuple[Any, str, Callable[[Function], Function]], ...] = (
    (notifications, "_send_event_bridge_message", s3_events_are_s3s_own),
    (S3Backend, "delete_object", versioned_deletes_are_events),
    (S3Response, "get_bucket_notification", notifications_name_event_bridge),
    (Rule, "send_to_targets", each_target_on_its_own),
    (SQSBackend, "get_queue_attributes", counts_on_request),
    (SQSBackend, "get_queue_attributes", redrive_policies_read_as_on_aws),
    (SQSBackend, "set_queue_attributes", policy_survives_other_changes),
    (SQSBackend, "receive_message", waiting_lets_others_in),
    (Queue, "add_message", arrival_wakes_receivers),
    (JSONSerializer, "_serialize_type_structure", attribute_values_are_sent_as_they_are),
    (Item, "project", projections_pick),
    (Table, "query", queries_know_their_partition),
    (Table, "all_items", items_of_a_query),
)


def apply() -> None:
    """Correct the moto of this process."""
    for owner, name, correct in _CORRECTIONS:
        setattr(owner, name, correct(getattr(owner, name)))
    Queue.BASE_ATTRIBUTES = [name for name in Queue.BASE_ATTRIBUTES if name not in _COUNTS]
