"""The AWS resources that the topology names: buckets, queues, rules, bus and table.

Terraform makes the same on AWS; this makes them on the embedded stack, or on any other endpoint
that boto3's environment points to. Everything is looked at first and changed only if it differs,
so a second run changes nothing.
"""

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from pipeline.aws import client, code
from pipeline.settings import Settings

_MISSING = {
    "404",
    "NoSuchBucket",
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
}
JANITOR = "janitor"


def ensure(settings: Settings) -> list[str]:
    """Make what is missing and mend what differs.

    Returns:
        What was made or changed, in words; empty when all was as it should be.

    Raises:
        botocore.exceptions.ClientError: the endpoint refused, e.g. for want of permission.
    """
    return _Resources(settings).ensure()


class _Resources:
    def __init__(self, settings: Settings) -> None:
        self._names = settings.names
        self._topology = settings.topology
        self._changed: list[str] = []

    def ensure(self) -> list[str]:
        names = self._names
        self._bucket(names.uploads_bucket)
        self._bucket(names.artifacts_bucket)
        self._notifications(names.uploads_bucket)
        self._table()
        self._bus()
        created = names.upload_pattern("created", names.uploads_bucket)
        for stage, spec in self._topology.stages.items():
            dlq = self._queue(names.queue(stage, "dlq"), {})
            self._lane(names.queue(stage), spec.timeout_s, dlq, created)
            replay, pattern = names.queue(stage, "replay"), names.reprocess_pattern(stage)
            self._lane(replay, spec.timeout_s, dlq, pattern, bus=names.bus)
        deleted = names.upload_pattern("deleted", names.uploads_bucket)
        dlq = self._queue(names.queue(JANITOR, "dlq"), {})
        self._lane(names.queue(JANITOR), self._topology.janitor.timeout_s, dlq, deleted)
        return self._changed

    def _lane(
        self, name: str, timeout_s: int, dlq: str, pattern: dict[str, Any], bus: str = "default"
    ) -> None:
        """A queue and the rule of the same name that feeds it: AWS allows five targets a rule."""
        rule = self._rule(name, pattern, bus)
        queues = self._topology.queues
        redrive = {"deadLetterTargetArn": dlq, "maxReceiveCount": queues.max_receive_count}
        attributes = {
            "VisibilityTimeout": str(timeout_s * queues.visibility_per_timeout),
            "RedrivePolicy": json.dumps(redrive),
        }
        arn = self._queue(name, attributes, sender=rule)
        self._target(name, arn, bus)

    def _bucket(self, name: str) -> None:
        s3 = client("s3")
        if _found(s3.head_bucket, Bucket=name) is None:
            region = s3.meta.region_name
            place = {} if region == "us-east-1" else {"LocationConstraint": region}
            s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": place} if place else {}))
            self._changed.append(f"bucket {name}")

    def _notifications(self, bucket: str) -> None:
        s3 = client("s3")
        now = s3.get_bucket_notification_configuration(Bucket=bucket)
        now.pop("ResponseMetadata")
        if "EventBridgeConfiguration" not in now:
            s3.put_bucket_notification_configuration(
                Bucket=bucket,
                NotificationConfiguration=now | {"EventBridgeConfiguration": {}},
            )
            self._changed.append(f"notifications of bucket {bucket}")

    def _bus(self) -> None:
        events = client("events")
        if _found(events.describe_event_bus, Name=self._names.bus) is None:
            events.create_event_bus(Name=self._names.bus)
            self._changed.append(f"event bus {self._names.bus}")

    def _rule(self, name: str, pattern: dict[str, Any], bus: str) -> str:
        events = client("events")
        now = _found(events.describe_rule, Name=name, EventBusName=bus)
        if now is None or json.loads(now.get("EventPattern", "{}")) != pattern:
            now = events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(pattern))
            self._changed.append(f"rule {name}")
            return str(now["RuleArn"])
        return str(now["Arn"])

    def _target(self, rule: str, arn: str, bus: str) -> None:
        events = client("events")
        now = events.list_targets_by_rule(Rule=rule, EventBusName=bus)["Targets"]
        if arn not in [target["Arn"] for target in now]:
            events.put_targets(Rule=rule, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
            self._changed.append(f"target of rule {rule}")

    def _queue(self, name: str, attributes: dict[str, str], sender: str | None = None) -> str:
        """Make or mend a queue that the rule ``sender`` may send to; its ARN."""
        sqs = client("sqs")
        wanted = attributes | {
            "MessageRetentionPeriod": str(self._topology.queues.retention_s),
            "SqsManagedSseEnabled": "true",
        }
        found = _found(sqs.get_queue_url, QueueName=name)
        url = (found or sqs.create_queue(QueueName=name, Attributes=wanted))["QueueUrl"]
        now = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        arn = str(now["QueueArn"])
        if sender:
            wanted["Policy"] = json.dumps(_policy(arn, sender))
        if different := {k: v for k, v in wanted.items() if _value(now.get(k)) != _value(v)}:
            sqs.set_queue_attributes(QueueUrl=url, Attributes=different)
        if different or not found:
            self._changed.append(f"queue {name}")
        return arn

    def _table(self) -> None:
        dynamodb, name, spec = client("dynamodb"), self._names.table, self._topology.table
        if _found(dynamodb.describe_table, TableName=name) is None:
            keys = [(spec.hash_key, spec.range_key)]
            keys += [(index.hash_key, index.range_key) for index in spec.indexes.values()]
            attributes = sorted({key for pair in keys for key in pair})
            dynamodb.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                KeySchema=_key_schema(spec.hash_key, spec.range_key),
                AttributeDefinitions=[
                    {"AttributeName": attribute, "AttributeType": "S"} for attribute in attributes
                ],
                GlobalSecondaryIndexes=[
                    {
                        "IndexName": index_name,
                        "KeySchema": _key_schema(index.hash_key, index.range_key),
                        "Projection": {"ProjectionType": "ALL"},
                    }
                    for index_name, index in spec.indexes.items()
                ],
            )
            dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
            self._changed.append(f"table {name}")
        self._expiry(name, spec.ttl)

    def _expiry(self, table: str, attribute: str) -> None:
        """Let items expire, where the implementation can; nothing relies on it."""
        dynamodb = client("dynamodb")
        try:
            now = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
            if now["TimeToLiveStatus"] == "DISABLED":
                dynamodb.update_time_to_live(
                    TableName=table,
                    TimeToLiveSpecification={"Enabled": True, "AttributeName": attribute},
                )
                self._changed.append(f"expiry in table {table}")
        except ClientError as error:
            if code(error) != "UnknownOperationException":
                raise


def _found(look: Callable[..., dict[str, Any]], **what: str) -> dict[str, Any] | None:
    """What ``look`` gives, or None when there is no such thing."""
    try:
        return look(**what)
    except ClientError as error:
        if code(error) not in _MISSING:
            raise
        return None


def _value(attribute: str | None) -> Any:
    """A queue attribute to compare: JSON by its content, whatever its spacing and order."""
    return json.loads(attribute) if attribute and attribute.startswith("{") else attribute


def _policy(queue: str, rule: str) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue,
                "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
            }
        ],
    }


def _key_schema(hash_key: str, range_key: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": hash_key, "KeyType": "HASH"},
        {"AttributeName": range_key, "KeyType": "RANGE"},
    ]
