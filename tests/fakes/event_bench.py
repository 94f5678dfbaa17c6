"""A bucket and a queue in the embedded AWS, to see which events one sends to the other."""

import json
import uuid

from pipeline.aws import clients as aws

EVERY_S3_EVENT = {"source": ["aws.s3"]}


class Bench:
    """A bucket whose events go to a queue."""

    def __init__(self):
        self.s3, self.sqs, self.events = (aws.client(name) for name in ("s3", "sqs", "events"))
        self.name = f"b{uuid.uuid4().hex[:10]}"
        self.pattern = EVERY_S3_EVENT | {"detail": {"bucket": {"name": [self.name]}}}
        self.s3.create_bucket(Bucket=self.name)
        self.s3.put_bucket_notification_configuration(
            Bucket=self.name, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        self.queue, self.arn = self.new_queue()

    def new_queue(self, **attributes):
        name = f"q{uuid.uuid4().hex[:10]}"
        url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return url, found["Attributes"]["QueueArn"]

    def rule(self, *targets, **fields):
        name = f"r{uuid.uuid4().hex[:10]}"
        bus = fields.get("EventBusName", "default")
        fields = {"EventPattern": json.dumps(self.pattern)} | fields
        self.events.put_rule(Name=name, **fields)
        targets = [
            target if isinstance(target, dict) else {"Arn": target}
            for target in targets or [self.arn]
        ]
        self.events.put_targets(
            Rule=name,
            EventBusName=bus,
            Targets=[{"Id": str(i)} | target for i, target in enumerate(targets)],
        )

    def received(self, queue=None):
        """Return all waiting messages: delivery happens within the request that caused it."""
        queue, bodies = queue or self.queue, []
        while found := self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            bodies += [json.loads(message["Body"]) for message in found]
        return bodies

    def put(self, key="k", body=b"body", **more):
        return self.s3.put_object(Bucket=self.name, Key=key, Body=body, **more)
