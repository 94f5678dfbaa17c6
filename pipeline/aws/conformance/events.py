"""The checks of EventBridge, and of the events that S3 sends to it."""

import json
from contextlib import ExitStack, suppress
from typing import Any

from pipeline.aws import clients as aws
from pipeline.aws.conformance.check import Check, Differs, awaited, expect
from pipeline.aws.provision import create_bucket

_SOON_S = 8.0
_KEY = "videos/a b+c%.mp4"
_ALONE = (
    "Set VIDEODROP_WATCH_S, or have the store post to /events/s3 (docs/how-to/use-any-store.md)."
)


def checks(name: str, leaving: ExitStack) -> list[Check]:
    """Make what the checks need until ``leaving`` ends, each of this name, and return them."""
    bench = _Bench(f"{name}-events")
    leaving.callback(bench.remove)
    bench.make()
    return [
        Check("an event of ours reaches a queue by its rule", bench.own, "Replays do not start."),
        Check("an event of another pattern does not", bench.other, "Stages do others' work."),
        Check("S3 tells of uploads", bench.uploads, _ALONE, needed=False),
        Check("their keys are raw, and their sequencers rise", bench.order, _WEAK, needed=False),
        Check("S3 tells of deletions", bench.deletions, _ALONE, needed=False),
    ]


_WEAK = (
    "Uploads to one key are put in order by their times: of two within one instant, the earlier "
    "may win."
)


class _Bench:
    def __init__(self, name: str) -> None:
        self._name = name
        self._events, self._sqs, self._s3 = (
            aws.client("events"),
            aws.client("sqs"),
            aws.client("s3"),
        )
        self._url = ""
        self._seen: list[dict[str, Any]] = []

    def make(self) -> None:
        self._url = self._sqs.create_queue(QueueName=self._name)["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        target = arn["Attributes"]["QueueArn"]
        self._events.create_event_bus(Name=self._name)
        ours = {"source": ["videodrop"], "detail": {"stage": ["detect"]}}
        stored = {
            "source": ["aws.s3"],
            "detail": {
                "bucket": {"name": [self._name]},
                "object": {"key": [{"prefix": "videos/"}]},
            },
        }
        senders = []
        for bus, pattern in ((self._name, ours), ("default", stored)):
            made = self._events.put_rule(
                Name=self._name, EventBusName=bus, EventPattern=json.dumps(pattern)
            )
            senders.append(made["RuleArn"])
            self._events.put_targets(
                Rule=self._name, EventBusName=bus, Targets=[{"Id": "queue", "Arn": target}]
            )
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "events.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": target,
                    "Condition": {"ArnEquals": {"aws:SourceArn": senders}},
                }
            ],
        }
        self._sqs.set_queue_attributes(
            QueueUrl=self._url, Attributes={"Policy": json.dumps(policy)}
        )

    def remove(self) -> None:
        for bus in (self._name, "default"):
            with suppress(*aws.ERRORS):
                self._events.remove_targets(Rule=self._name, EventBusName=bus, Ids=["queue"])
            with suppress(*aws.ERRORS):
                self._events.delete_rule(Name=self._name, EventBusName=bus)
        with suppress(*aws.ERRORS):
            self._events.delete_event_bus(Name=self._name)
        if self._url:
            with suppress(*aws.ERRORS):
                self._sqs.delete_queue(QueueUrl=self._url)
        with suppress(*aws.ERRORS):
            self._s3.delete_object(Bucket=self._name, Key=_KEY)
        with suppress(*aws.ERRORS):
            self._s3.delete_bucket(Bucket=self._name)

    def _send(self, stage: str) -> None:
        self._events.put_events(
            Entries=[
                {
                    "Source": "videodrop",
                    "DetailType": "Reprocess Requested",
                    "Detail": json.dumps({"stage": stage}),
                    "EventBusName": self._name,
                }
            ]
        )

    def _receive(self) -> list[dict[str, Any]]:
        found = self._sqs.receive_message(
            QueueUrl=self._url, WaitTimeSeconds=1, MaxNumberOfMessages=10
        ).get("Messages", [])
        for one in found:
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=one["ReceiptHandle"])
        return [json.loads(one["Body"]) for one in found]

    def own(self) -> None:
        self._send("detect")
        found = awaited(self._receive, _SOON_S) or [{}]
        expect(found[0].get("detail"), {"stage": "detect"}, "The event")

    def other(self) -> None:
        self._send("transcode")
        expect(awaited(self._receive, 1.0), [], "What came")

    def uploads(self) -> None:
        create_bucket(self._name)
        self._s3.put_bucket_notification_configuration(
            Bucket=self._name, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        for _ in range(2):
            self._s3.put_object(Bucket=self._name, Key=_KEY, Body=b"video")
            if not (found := awaited(self._receive, _SOON_S)):
                raise Differs("No event came.")
            self._seen += found
        kinds = [one.get("detail-type") for one in self._seen]
        expect(kinds, ["Object Created"] * 2, "What came")

    def order(self) -> None:
        if not self._seen:
            raise Differs("No event came.")
        objects = [one["detail"]["object"] for one in self._seen]
        expect({one["key"] for one in objects}, {_KEY}, "The key")
        places = [one.get("sequencer", "").ljust(40, "0") for one in objects]
        expect(len(set(places)) == len(places) and places == sorted(places), True, "Rising")

    def deletions(self) -> None:
        self._s3.delete_object(Bucket=self._name, Key=_KEY)
        found = awaited(self._receive, _SOON_S) or [{}]
        expect(found[0].get("detail-type"), "Object Deleted", "What came")
