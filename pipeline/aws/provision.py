"""The AWS resources of the topology: buckets, queues, rules, bus and table.

On AWS, Terraform makes the same ones. This module makes them on the embedded stack, or on any other
endpoint that boto3's environment names. It reads the present state first and changes only what
differs, so a second run changes nothing.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from botocore.exceptions import ClientError

from pipeline.aws.catalog import schema
from pipeline.aws.clients import client, code
from pipeline.core.errors import DependencyFailed
from pipeline.core.settings import Settings
from pipeline.core.topology import EVENTS, JANITOR, REPLAYS

if TYPE_CHECKING:
    from types_boto3_s3.literals import BucketLocationConstraintType
    from types_boto3_s3.type_defs import NotificationConfigurationTypeDef
    from types_boto3_sqs.literals import QueueAttributeNameType

_P = ParamSpec("_P")
_T = TypeVar("_T")

log = logging.getLogger(__name__)

_MISSING = {
    "404",
    "NoSuchBucket",
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
}


def ensure(settings: Settings) -> list[str]:
    """Make missing resources and correct those that differ.

    Returns:
        Descriptions of what was made or changed; empty if nothing was.

    Raises:
        botocore.exceptions.ClientError: a call failed, e.g. because a permission is missing.
        DependencyFailed: ``target_refused``: EventBridge rejected a queue as a rule's target.
        MissingDependency, DependencyFailed: see ``pipeline.aws.catalog.schema``.
    """
    return _Resources(settings).ensure()


@dataclass(frozen=True)
class _Feed:
    """A rule that sends to a queue."""

    rule: str
    pattern: dict[str, Any]
    bus: str = "default"


class _Resources:
    def __init__(self, settings: Settings) -> None:
        self._names = settings.names
        self._topology = settings.topology
        self._is_told = settings.is_told
        self._changed: list[str] = []

    def ensure(self) -> list[str]:
        names = self._names
        self._bucket(names.uploads_bucket)
        self._versions(names.uploads_bucket)
        self._bucket(names.artifacts_bucket)
        if not self._is_told:
            self._notifications(names.uploads_bucket)
        self._changed += schema.ensure(client("dynamodb"), names.table, self._topology.table)
        self._bus()
        uploads = names.uploads_bucket
        for stage, spec in self._topology.stages.items():
            live, replay = names.queue(stage), names.queue(stage, "replay")
            self._lanes(
                names.queue(stage, "dlq"),
                spec.timeout_s,
                {
                    live: [_Feed(live, names.upload_pattern("created", uploads))],
                    replay: [
                        _Feed(replay, names.reprocess_pattern(stage), names.bus),
                        _Feed(names.archive_rule(stage), names.upload_pattern("replayed", uploads)),
                    ],
                },
            )
        janitor, replays = names.queue(JANITOR), names.queue(REPLAYS)
        self._lanes(
            names.queue(JANITOR, "dlq"),
            self._topology.janitor.timeout_s,
            {janitor: [_Feed(janitor, names.upload_pattern("deleted", uploads))]},
        )
        self._lanes(
            names.queue(REPLAYS, "dlq"),
            self._topology.replays.timeout_s,
            {replays: [_Feed(replays, names.replays_pattern(), names.bus)]},
        )
        told = names.queue(EVENTS)
        self._lanes(
            names.queue(EVENTS, "dlq"),
            self._topology.events.timeout_s,
            {
                told: [
                    _Feed(told, names.events_pattern(), names.bus),
                    _Feed(names.uploads_rule, names.upload_pattern("created", uploads)),
                ],
                names.queue(EVENTS, "webhooks"): [],
            },
        )
        return self._changed

    def _lanes(self, dlq: str, timeout_s: int, lanes: dict[str, list[_Feed]]) -> None:
        """Make the queues of one function, the rules that feed them, and their dead-letter queue.

        A rule has one target: AWS allows five.
        """
        queues = self._topology.queues
        redrive = {
            "deadLetterTargetArn": self._queue(dlq, {}),
            "maxReceiveCount": queues.max_receive_count,
        }
        attributes: dict[QueueAttributeNameType, str] = {
            "VisibilityTimeout": str(timeout_s * queues.visibility_per_timeout),
            "RedrivePolicy": json.dumps(redrive),
        }
        for name, feeds in lanes.items():
            senders = [self._rule(feed) for feed in feeds]
            arn = self._queue(name, attributes, senders)
            for feed in feeds:
                self._target(feed, arn)

    def _bucket(self, name: str) -> None:
        if _found(client("s3").head_bucket, Bucket=name) is None:
            create_bucket(name)
            self._changed.append(f"bucket {name}")

    def _versions(self, bucket: str) -> None:
        """Have a bucket keep what is replaced or deleted, as on AWS, if the store can."""
        s3 = client("s3")
        try:
            if s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
                s3.put_bucket_versioning(
                    Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
                )
                self._changed.append(f"versions of bucket {bucket}")
        except ClientError as error:
            # Simple stores say it in their own ways.
            if code(error) == "AccessDenied" or not self._is_told:
                raise
            log.warning("%s keeps no earlier versions of files: deleting is for good", bucket)

    def _notifications(self, bucket: str) -> None:
        s3 = client("s3")
        found = s3.get_bucket_notification_configuration(Bucket=bucket)
        now = {name: value for name, value in found.items() if name != "ResponseMetadata"}
        if "EventBridgeConfiguration" not in now:
            new = cast("NotificationConfigurationTypeDef", now | {"EventBridgeConfiguration": {}})
            s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=new)
            self._changed.append(f"notifications of bucket {bucket}")

    def _bus(self) -> None:
        events = client("events")
        if _found(events.describe_event_bus, Name=self._names.bus) is None:
            events.create_event_bus(Name=self._names.bus)
            self._changed.append(f"event bus {self._names.bus}")

    def _rule(self, feed: _Feed) -> str:
        events = client("events")
        now = _found(events.describe_rule, Name=feed.rule, EventBusName=feed.bus)
        if now is not None and json.loads(now.get("EventPattern", "{}")) == feed.pattern:
            return now["Arn"]
        pattern = json.dumps(feed.pattern)
        made = events.put_rule(Name=feed.rule, EventBusName=feed.bus, EventPattern=pattern)
        self._changed.append(f"rule {feed.rule}")
        return made["RuleArn"]

    def _target(self, feed: _Feed, arn: str) -> None:
        events = client("events")
        now = events.list_targets_by_rule(Rule=feed.rule, EventBusName=feed.bus)["Targets"]
        if arn not in [target["Arn"] for target in now]:
            answer = events.put_targets(
                Rule=feed.rule, EventBusName=feed.bus, Targets=[{"Id": "queue", "Arn": arn}]
            )
            if failed := answer.get("FailedEntries"):
                why = f"{failed[0]['ErrorCode']}: {failed[0].get('ErrorMessage')}"
                raise DependencyFailed(
                    "target_refused", f"Rule {feed.rule} cannot send to {arn}: {why}"
                )
            self._changed.append(f"target of rule {feed.rule}")

    def _queue(
        self,
        name: str,
        attributes: "dict[QueueAttributeNameType, str]",
        senders: list[str] | None = None,
    ) -> str:
        """Make or correct a queue that the rules ``senders`` may send to; return its ARN."""
        sqs = client("sqs")
        wanted: dict[QueueAttributeNameType, str] = attributes | {
            "MaximumMessageSize": str(self._topology.queues.max_message_bytes),
            "MessageRetentionPeriod": str(self._topology.queues.retention_s),
            "SqsManagedSseEnabled": "true",
        }
        found = _found(sqs.get_queue_url, QueueName=name)
        url = (found or sqs.create_queue(QueueName=name, Attributes=wanted))["QueueUrl"]
        now = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        arn = str(now["QueueArn"])
        if senders:
            wanted["Policy"] = json.dumps(_policy(arn, senders))
        if different := {k: v for k, v in wanted.items() if _value(now.get(k)) != _value(v)}:
            sqs.set_queue_attributes(QueueUrl=url, Attributes=different)
        if different or not found:
            self._changed.append(f"queue {name}")
        return arn


def create_bucket(name: str) -> None:
    """Make a bucket in the region of this process's store."""
    s3 = client("s3")
    # Outside us-east-1 the request has to name the region; in us-east-1 it must not.
    if (region := s3.meta.region_name) == "us-east-1":
        s3.create_bucket(Bucket=name)
    else:
        place = cast("BucketLocationConstraintType", region)
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": place})


def _found(look: Callable[_P, _T], *args: _P.args, **what: _P.kwargs) -> _T | None:
    """Return the answer of ``look``, or None if the resource does not exist."""
    try:
        return look(*args, **what)
    except ClientError as error:
        if code(error) not in _MISSING:
            raise
        return None


def _value(attribute: str | None) -> Any:
    """Convert a queue attribute for comparison: JSON is parsed, as spacing and order may differ."""
    return json.loads(attribute) if attribute and attribute.startswith("{") else attribute


def _policy(queue: str, rules: list[str]) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue,
                "Condition": {"ArnEquals": {"aws:SourceArn": sorted(rules)}},
            }
        ],
    }
