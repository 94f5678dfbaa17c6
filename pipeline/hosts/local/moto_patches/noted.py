"""Patches that note which parts of moto's state a request may change (see ``changes``).

Each part is reached through one of these functions. What is noted and stays the same does no harm.
"""

from collections.abc import Iterator
from functools import wraps
from typing import Any, cast

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table
from moto.events.models import EventBus, EventsBackend, Rule
from moto.s3.models import FakeBucket, S3Backend, s3_backends
from moto.s3.utils import _VersionedKeyStore
from moto.sqs.models import Message, Queue, SQSBackend

from pipeline.hosts.local.changes import note, present
from pipeline.hosts.local.moto_patches.patch import Function, Patch


def note_result(function: Function) -> Function:
    """Note the queue, table, bucket, bus or rule that a function returns."""

    @wraps(function)
    def patched(*args: Any, **more: Any) -> Any:
        result = function(*args, **more)
        match result:
            case Queue():
                note("queue", result.account_id, result.region, result.name)
            case Table():
                note("table", result.account_id, result.region_name, result.name)
            case FakeBucket():
                note("bucket", result.account_id, result.partition, result.name)
            case EventBus():
                note("bus", result.account_id, result.region, result.name)
            case Rule():
                where = (result.account_id, result.region_name, result.event_bus_name)
                note("rule", *where, result.name)
        return result

    return patched


# -- DynamoDB --------------------------------------------------------------------------------------


def note_item(get: Function) -> Function:
    """Note the item that is looked up: so begins every write of one."""

    @wraps(get)
    def patched(self: Table, hash_key: Any, range_key: Any = None, *args: Any) -> Any:
        if range_key is not None or not self.has_range_key:
            note("item", self.account_id, self.region_name, self.name, hash_key, range_key)
        return get(self, hash_key, range_key, *args)

    return patched


# -- EventBridge -----------------------------------------------------------------------------------


def note_rule(function: Function) -> Function:
    """Note the rule that a function is called with."""

    @wraps(function)
    def patched(self: EventsBackend, name: str, event_bus_arn: str | None, *args: Any) -> Any:
        bus = self._normalize_event_bus_arn(event_bus_arn)
        note("rule", self.account_id, self.region_name, bus, name)
        return function(self, name, event_bus_arn, *args)

    return patched


def note_bus(delete: Function) -> Function:
    """Note the bus that is deleted."""

    @wraps(delete)
    def patched(self: EventsBackend, name: str) -> Any:
        note("bus", self.account_id, self.region_name, name)
        return delete(self, name)

    return patched


# -- S3 --------------------------------------------------------------------------------------------


def note_object(get: Function) -> Function:
    """Note the key that is looked up: so begins every access to a bucket's content."""

    @wraps(get)
    def patched(self: Any, key: str) -> Any:
        if present():
            for place in _buckets_with(self):
                note("object", *place, key)
        return get(self, key)

    return patched


def _buckets_with(keys: Any) -> Iterator[tuple[str, str, str]]:
    """Return where the bucket is that has this content."""
    for account, partition, backend in s3_backends.iter_backends():
        for name, bucket in cast("S3Backend", backend).buckets.items():
            if bucket.keys is keys:
                yield account, partition, name


def note_new_upload(create: Function) -> Function:
    """Note the multipart upload that begins."""

    @wraps(create)
    def patched(self: S3Backend, bucket_name: str, *args: Any, **more: Any) -> Any:
        upload = create(self, bucket_name, *args, **more)
        note("upload", *_where(self.get_bucket(bucket_name)), upload.id)
        return upload

    return patched


def note_upload(function: Function) -> Function:
    """Note the multipart upload that a function is called with."""

    @wraps(function)
    def patched(self: S3Backend, bucket_name: str, multipart_id: str, *args: Any) -> Any:
        note("upload", *_where(self.get_bucket(bucket_name)), multipart_id)
        return function(self, bucket_name, multipart_id, *args)

    return patched


def note_part(upload: Function) -> Function:
    """Note the part of a multipart upload that a function is called with."""

    @wraps(upload)
    def patched(
        self: S3Backend, bucket: str, multipart_id: str, part_id: int, *args: Any, **more: Any
    ) -> Any:
        note("part", *_where(self.get_bucket(bucket)), multipart_id, part_id)
        return upload(self, bucket, multipart_id, part_id, *args, **more)

    return patched


def _where(bucket: FakeBucket) -> tuple[str, str, str]:
    return bucket.account_id, bucket.partition, bucket.name


# -- SQS -------------------------------------------------------------------------------------------


def note_added_message(add: Function) -> Function:
    """Note the message that comes into a queue."""

    @wraps(add)
    def patched(self: Queue, message: Message) -> None:
        _note_message(self, message)
        add(self, message)

    return patched


def note_deleted_message(delete: Function) -> Function:
    """Note the message with a receipt handle, and all its handles: they stay valid for deletion."""

    @wraps(delete)
    def patched(self: Queue, receipt_handle: str) -> None:
        for message in self._messages:
            if message.had_receipt_handle(receipt_handle):
                _note_message(self, message)
                for handle in message.all_receipt_handles:
                    note("deleted", self.account_id, self.region, self.name, handle)
        delete(self, receipt_handle)

    return patched


def note_received_messages(receive: Function) -> Function:
    """Note the messages that are received, and those that go to the dead-letter queue instead."""

    @wraps(receive)
    def patched(self: SQSBackend, queue_name: str, *args: Any) -> Any:
        queue = self.get_queue(queue_name)
        before = [(one, one.approximate_receive_count) for one in queue._messages]  # noqa: SLF001
        try:
            return receive(self, queue_name, *args)
        finally:
            left = set(queue._messages)  # noqa: SLF001
            for message, count in before:
                if message.approximate_receive_count != count or message not in left:
                    _note_message(queue, message)

    return patched


def note_changed_visibility(change: Function) -> Function:
    """Note the message with a receipt handle."""

    @wraps(change)
    def patched(
        self: SQSBackend, queue_name: str, receipt_handle: str, *args: Any, **more: Any
    ) -> Any:
        queue = self.get_queue(queue_name)
        for message in queue._messages:  # noqa: SLF001
            if message.had_receipt_handle(receipt_handle):
                _note_message(queue, message)
        return change(self, queue_name, receipt_handle, *args, **more)

    return patched


def note_all_messages(purge: Function) -> Function:
    """Note the messages of a queue that is emptied."""

    @wraps(purge)
    def patched(self: SQSBackend, queue_name: str) -> None:
        queue = self.get_queue(queue_name)
        for message in queue._messages:  # noqa: SLF001
            _note_message(queue, message)
        purge(self, queue_name)

    return patched


def _note_message(queue: Queue, message: Message) -> None:
    note("message", queue.account_id, queue.region, queue.name, message.id)


PATCHES = (
    Patch(DynamoDBBackend, "get_table", note_result),
    Patch(DynamoDBBackend, "create_table", note_result),
    Patch(Table, "get_item", note_item),
    Patch(EventsBackend, "_get_event_bus", note_result),
    Patch(EventsBackend, "create_event_bus", note_result),
    Patch(EventsBackend, "delete_event_bus", note_bus),
    Patch(EventsBackend, "put_rule", note_result),
    Patch(EventsBackend, "delete_rule", note_rule),
    Patch(EventsBackend, "disable_rule", note_rule),
    Patch(EventsBackend, "enable_rule", note_rule),
    Patch(EventsBackend, "put_targets", note_rule),
    Patch(EventsBackend, "remove_targets", note_rule),
    Patch(S3Backend, "get_bucket", note_result),
    Patch(S3Backend, "create_bucket", note_result),
    Patch(_VersionedKeyStore, "__sgetitem__", note_object),
    Patch(S3Backend, "create_multipart_upload", note_new_upload),
    Patch(S3Backend, "complete_multipart_upload", note_upload),
    Patch(S3Backend, "abort_multipart_upload", note_upload),
    Patch(S3Backend, "upload_part", note_part),
    Patch(S3Backend, "upload_part_copy", note_part),
    Patch(SQSBackend, "get_queue", note_result),
    Patch(SQSBackend, "create_queue", note_result),
    Patch(Queue, "add_message", note_added_message),
    Patch(Queue, "delete_message", note_deleted_message),
    Patch(SQSBackend, "receive_message", note_received_messages),
    Patch(SQSBackend, "change_message_visibility", note_changed_visibility),
    Patch(SQSBackend, "purge_queue", note_all_messages),
)
