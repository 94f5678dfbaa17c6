"""Uploads and deletions that a store tells us of, or that are found in it, sent to the queues.

A store that sends nothing to EventBridge needs this. It takes the way of no rule, so EventBridge's
archive does not hold these events.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from pipeline.aws import clients as aws
from pipeline.aws import parts
from pipeline.aws.queues import Queue
from pipeline.core import events, intake, s3_records
from pipeline.core.errors import BadInput
from pipeline.core.settings import Settings
from pipeline.core.topology import EVENTS, JANITOR, Lane


class Taken(NamedTuple):
    """The numbers of events that were sent to the queues, and that concern other objects."""

    accepted: int
    ignored: int


class Notified:
    """The receiver of a store's notifications.

    Args:
        s3: a boto3 client.
        settings: the names of bucket and queues.
    """

    def __init__(self, s3: Any, settings: Settings) -> None:
        self._s3 = s3
        self._settings = settings
        names, stages = settings.names, settings.topology.stages
        self._created: dict[Lane, list[str]] = {
            "live": [names.queue(one) for one in (*stages, EVENTS)],
            "replay": [names.queue(one, "replay") for one in stages],
        }
        self._deleted = [names.queue(JANITOR)]

    def take(self, given: object) -> Taken:
        """Send the events of a notification to the queues; sending them again is safe.

        Args:
            given: the notification, parsed from JSON; see ``pipeline.core.s3_records``.

        Raises:
            BadInput: ``bad_event``.
            DependencyFailed: ``not_sent``.
        """
        found = list(s3_records.parse(given, self._exists))
        ours = [event for event in found if self._is_ours(*_place(event))]
        self.send(ours)
        return Taken(len(ours), len(found) - len(ours))

    def send(self, found: Iterable[dict[str, Any]], *, lane: Lane = "live") -> None:
        """Send EventBridge events of our uploads to the queues.

        Args:
            found: the events.
            lane: that of uploads, or of replays, which nobody else is told of.

        Raises:
            DependencyFailed: ``not_sent``.
        """
        by_video: dict[tuple[str, bool], list[str]] = defaultdict(list)
        for event in found:
            body = json.dumps(event)
            created = event["detail-type"] == "Object Created"
            by_video[events.video_id(*_place(event)), created].append(body)
        for (video, created), bodies in by_video.items():
            for name in self._created[lane] if created else self._deleted:
                Queue(name).send(bodies, group=video)

    def _is_ours(self, bucket: str, key: str) -> bool:
        ours, prefix = self._settings.names.uploads_bucket, self._settings.topology.uploads.prefix
        try:
            intake.check_place(bucket, key, ours=ours, prefix=prefix)
        except BadInput:
            return False
        return True

    def _exists(self, bucket: str, key: str) -> bool:
        if not self._is_ours(bucket, key):
            return False
        try:
            self._s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if aws.code(error) in parts.MISSING:
                return False
            raise
        return True


def _place(event: dict[str, Any]) -> tuple[str, str]:
    """Return the bucket and the key that an event is about."""
    detail = event["detail"]
    return detail["bucket"]["name"], detail["object"]["key"]
