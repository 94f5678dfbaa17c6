"""Patches for moto's S3: its events, and the notification settings of a bucket."""

import itertools
import time
import uuid
from functools import wraps
from typing import Any
from xml.etree import ElementTree as ET

from moto.core.utils import unix_time
from moto.events.models import events_backends
from moto.s3 import notifications
from moto.s3.models import FakeBucket, FakeDeleteMarker, S3Backend
from moto.s3.responses import S3Response

from pipeline.hosts.local.moto_patches.patch import Function, Patch

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
_REASONS = {
    "s3:ObjectCreated:Put": "PutObject",
    "s3:ObjectCreated:Post": "POST Object",
    "s3:ObjectCreated:Copy": "CopyObject",
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
    "s3:ObjectRemoved:Delete": "DeleteObject",
    "s3:ObjectRemoved:DeleteMarkerCreated": "DeleteObject",
}
# Increases with every event, also after a restart. S3 orders only the events of one key.
_sequence = itertools.count(time.time_ns())


def send_events_as_s3_does(_: Function) -> Function:
    """Send the events of S3 with its own fields, to the default bus alone.

    moto's events have ``eTag``, no ``reason``, and a constant ``id``, ``sequencer`` and
    ``request-id``. moto sends them to every bus, and sends two for a multipart upload. Rules here
    listen to creation and deletion only, so no other event is sent.
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
    """Return the event in the form that S3 sends to EventBridge."""
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
        "detail-type": notifications._detail_type(event_name),  # noqa: SLF001 - moto's own names of the types
        "source": "aws.s3",
        "account": account_id,
        "time": unix_time(),
        "region": bucket.region_name,
        "resources": [bucket.arn],
        "detail": detail,
        "ingestion-time": unix_time(),
    }


def send_events_for_versioned_deletes(delete_object: Function) -> Function:
    """Send the events of deletes in a versioned bucket that moto does not send.

    These are new delete markers, and deleted versions of keys that have others left.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjectVersions.html
    """

    @wraps(delete_object)
    def patched(
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
            target = None  # removing a marker deletes nothing; moto sends one for the last version
        if target is not None:
            notifications.send_event(self.account_id, event, bucket, target)
        return done, meta

    return patched


def name_event_bridge_in_notifications(get_notification: Function) -> Function:
    """Name EventBridge in the notification settings of a bucket; moto leaves it out.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketNotificationConfiguration.html
    """

    @wraps(get_notification)
    def patched(self: S3Response) -> Any:
        status, headers, body = get_notification(self)
        found = self.backend.get_bucket_notification_configuration(self.bucket_name)
        if found is None or found.event_bridge is None:
            return status, headers, body
        answer = ET.fromstring(body)  # noqa: S314 - moto wrote it just now
        ET.SubElement(answer, "EventBridgeConfiguration")
        return status, headers, ET.tostring(answer)

    return patched


PATCHES = (
    Patch(notifications, "_send_event_bridge_message", send_events_as_s3_does),
    Patch(S3Backend, "delete_object", send_events_for_versioned_deletes),
    Patch(S3Response, "get_bucket_notification", name_event_bridge_in_notifications),
)
