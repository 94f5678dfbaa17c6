"""EventBridge events as AWS sends them, field for field; the reference for event parsing.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

import json
from typing import Any


def created(
    key: str = "videos/a.mp4",
    *,
    bucket: str = "uploads",
    sequencer: str = "00617F08299329D189",
    etag: str = "b1946ac92492d2347c6235b4d2611184",
    size: int = 6,
    version_id: str | None = None,
    reason: str = "PutObject",
    event_id: str = "17793124-05d4-b198-2fde-7ededc63b103",
    time: str = "2021-11-12T00:00:00Z",
    **more: Any,
) -> str:
    item = {"key": key, "size": size, "etag": etag, "sequencer": sequencer}
    if version_id:
        item["version-id"] = version_id
    return _s3("Object Created", bucket, item, event_id, time, {"reason": reason}, **more)


def deleted(
    key: str = "videos/a.mp4",
    *,
    bucket: str = "uploads",
    sequencer: str = "00617F08299329D18A",
    version_id: str | None = None,
    deletion_type: str = "Permanently Deleted",
    event_id: str = "2ee9cc15-d022-99ea-1fb8-1b1bac4850f9",
    time: str = "2021-11-12T00:01:00Z",
) -> str:
    item: dict[str, Any] = {"key": key, "sequencer": sequencer}
    if version_id:
        item["version-id"] = version_id
    reason = {"reason": "DeleteObject", "deletion-type": deletion_type}
    return _s3("Object Deleted", bucket, item, event_id, time, reason)


def reprocess(
    video_id: str,
    stage: str,
    params: dict[str, Any] | None = None,
    *,
    event_id: str = "9a1b1a4c-0f0e-4c5e-8f47-6c1c5b1f7a11",
    reset: bool = False,
) -> str:
    asked = {"video_id": video_id, "stage": stage, "params": params or {}, "reset": reset}
    return json.dumps(
        {
            "version": "0",
            "id": event_id,
            "detail-type": "Reprocess Requested",
            "source": "videodrop",
            "account": "111122223333",
            "time": "2021-11-13T00:00:00Z",
            "region": "ca-central-1",
            "resources": [],
            "detail": asked,
        }
    )


def delivered(entry: dict[str, Any]) -> str:
    """Return what a rule sends to a queue for an entry of ``PutEvents``."""
    return json.dumps(
        {
            "detail-type": entry["DetailType"],
            "source": entry["Source"],
            "time": entry["Time"].isoformat(),
            "detail": json.loads(entry["Detail"]),
        }
    )


def _s3(
    kind: str,
    bucket: str,
    item: dict[str, Any],
    event_id: str,
    time: str,
    detail: dict[str, Any],
    **more: Any,
) -> str:
    return json.dumps(
        {
            "version": "0",
            "id": event_id,
            "detail-type": kind,
            "source": "aws.s3",
            "account": "111122223333",
            "time": time,
            "region": "ca-central-1",
            "resources": [f"arn:aws:s3:::{bucket}"],
            "detail": {
                "version": "0",
                "bucket": {"name": bucket},
                "object": item,
                "request-id": "N4N7GDK58NMKJ12R",
                "requester": "123456789012",
                "source-ip-address": "1.2.3.4",
                **detail,
            },
            **more,
        }
    )
