"""The messages of a soak: copies of events, and events in the wrong order."""

import json
import random
import time
import uuid
from collections import defaultdict
from typing import Any

from pipeline.aws import clients as aws
from pipeline.core.events import video_id
from pipeline.core.settings import Settings

_PATIENCE_S = 60.0


class Copies:
    """Copies of all events of an installation, in a queue of its own.

    Args:
        settings: of the installation.

    Attributes:
        stages: its stages.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stages = list(settings.topology.stages)
        self._sqs = aws.client("sqs")
        self._url = self._sqs.create_queue(QueueName="soak")["QueueUrl"]
        found = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        target = {"Id": "soak", "Arn": found["Attributes"]["QueueArn"]}
        events = aws.client("events")
        for bus, source in (("default", "aws.s3"), (settings.names.bus, "videodrop")):
            pattern = json.dumps({"source": [source]})
            events.put_rule(Name=f"soak-{source}", EventBusName=bus, EventPattern=pattern)
            events.put_targets(Rule=f"soak-{source}", EventBusName=bus, Targets=[target])
        self._uploads: dict[str, dict[str, Any]] = {}
        self._succeeded: dict[tuple[str, str, str], set[str]] = defaultdict(set)

    def etag(self, key: str) -> str:
        """Return the ETag of an upload, from its event."""
        return str(self.event(key)["detail"]["object"]["etag"])

    def event(self, key: str) -> dict[str, Any]:
        """Return the event of an upload."""
        end = time.monotonic() + _PATIENCE_S
        while key not in self._uploads:
            self._receive()
            if time.monotonic() > end:
                raise TimeoutError(f"There is no event of {key}.")
        return self._uploads[key]

    def send_again(self, key: str, rng: random.Random) -> int:
        """Send the event of an upload to some of the stages again; return to how many."""
        chosen = rng.sample(self.stages, rng.randint(1, len(self.stages)))
        for stage in chosen:
            self.send(stage, self.event(key))
        return len(chosen)

    def send(self, stage: str, event: dict[str, Any]) -> None:
        """Send an event to a stage."""
        name = self.settings.names.queue(stage)
        url = self._sqs.get_queue_url(QueueName=name)["QueueUrl"]
        self._sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))

    def succeeded(self) -> dict[tuple[str, str, str], set[str]]:
        """Return the ids of the events of results, by video, revision and stage."""
        while self._receive():
            pass
        return dict(self._succeeded)

    def _receive(self) -> int:
        found = self._sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=1
        ).get("Messages", [])
        for message in found:
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
            event = json.loads(message["Body"])
            detail = event["detail"]
            if event["detail-type"] == "Object Created":
                self._uploads[detail["object"]["key"]] = event
            elif event["detail-type"] == "Stage Succeeded":
                place = detail["video_id"], detail["revision"], detail["stage"]
                # EventBridge gives each sending an id of its own; the detail is the same.
                self._succeeded[place].add(json.dumps(detail, sort_keys=True))
        return len(found)


class Revisions:
    """Uploads of two revisions of a key, whose events arrive in the wrong order.

    Args:
        settings: of the installation.
        copies: sends events.
    """

    def __init__(self, settings: Settings, copies: Copies) -> None:
        self._bucket = settings.names.uploads_bucket
        self._copies = copies

    def drop(self, key: str, first: bytes, second: bytes) -> tuple[str, str]:
        """Upload a key twice, and send its events, the later first.

        Returns:
            the video's id, and the ETag of the second.
        """
        s3 = aws.client("s3")
        s3.put_bucket_notification_configuration(Bucket=self._bucket, NotificationConfiguration={})
        try:
            events = [self._put(key, content) for content in (first, second)]
        finally:
            on: Any = {"EventBridgeConfiguration": {}}
            s3.put_bucket_notification_configuration(
                Bucket=self._bucket, NotificationConfiguration=on
            )
        for event in reversed(events):
            for stage in self._copies.stages:
                self._copies.send(stage, event)
        return video_id(self._bucket, key), str(events[1]["detail"]["object"]["etag"])

    def _put(self, key: str, content: bytes) -> dict[str, Any]:
        put = aws.client("s3").put_object(Bucket=self._bucket, Key=key, Body=content)
        thing = {
            "key": key,
            "size": len(content),
            "etag": put["ETag"].strip('"'),
            "version-id": put.get("VersionId"),
            "sequencer": f"{time.time_ns():016X}",
        }
        return {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Object Created",
            "source": "aws.s3",
            "account": "000000000000",
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "region": "us-east-1",
            "resources": [f"arn:aws:s3:::{self._bucket}"],
            "detail": {
                "version": "0",
                "bucket": {"name": self._bucket},
                "object": {name: value for name, value in thing.items() if value},
                "request-id": "soak",
                "requester": "000000000000",
                "reason": "PutObject",
            },
        }
