"""What moto does not do as AWS does, over HTTP: one test or more a correction."""

import hashlib
import json
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psutil
import pytest
from botocore.exceptions import ClientError

from pipeline.aws import clients as aws

MISSING_QUEUE = "arn:aws:sqs:us-east-1:123456789012:there-is-no-such-queue"
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
        """All messages waiting now: delivery happens within the request that caused it."""
        queue, bodies = queue or self.queue, []
        while found := self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            bodies += [json.loads(message["Body"]) for message in found]
        return bodies

    def put(self, key="k", body=b"body", **more):
        return self.s3.put_object(Bucket=self.name, Key=key, Body=body, **more)


@pytest.fixture
def bench(server):  # noqa: ARG001 - boto3's environment
    return Bench()


def test_an_upload_event_has_the_fields_of_s3(bench):
    bench.rule()
    etag = bench.put("videos/a+b é%20.mp4", b"x" * 10)["ETag"].strip('"')
    (event,) = bench.received()
    assert event["source"] == "aws.s3"
    assert event["detail-type"] == "Object Created"
    assert event["resources"] == [f"arn:aws:s3:::{bench.name}"]
    detail = event["detail"]
    assert detail["reason"] == "PutObject"
    assert detail["bucket"] == {"name": bench.name}
    item = dict(detail["object"])
    assert len(item.pop("sequencer")) == 16
    assert item == {"key": "videos/a+b é%20.mp4", "size": 10, "etag": etag}
    assert "ingestion-time" not in event


def test_events_differ_in_id_and_request_and_rise_in_sequence(bench):
    bench.rule()
    for _ in range(3):
        bench.put()
    events = bench.received()
    assert len({event["id"] for event in events}) == 3
    assert len({event["detail"]["request-id"] for event in events}) == 3
    sequence = [event["detail"]["object"]["sequencer"] for event in events]
    assert sequence == sorted(set(sequence))


def test_s3_events_go_to_the_default_bus_only(bench):
    bus = f"bus{uuid.uuid4().hex[:8]}"
    bench.events.create_event_bus(Name=bus)
    bench.rule(EventBusName=bus)
    bench.put()
    assert bench.received() == []


def test_a_multipart_upload_is_one_event(bench):
    bench.rule()
    upload = bench.s3.create_multipart_upload(Bucket=bench.name, Key="big")["UploadId"]
    where = {"Bucket": bench.name, "Key": "big", "UploadId": upload}
    part = bench.s3.upload_part(**where, PartNumber=1, Body=b"part")
    bench.s3.complete_multipart_upload(
        **where, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    )
    (event,) = bench.received()
    assert event["detail"]["reason"] == "CompleteMultipartUpload"
    assert event["detail"]["object"]["etag"].endswith("-1")


def test_a_copy_of_a_multipart_upload_is_one_event(bench):
    test_a_multipart_upload_is_one_event(bench)
    bench.s3.copy_object(
        Bucket=bench.name, Key="copy", CopySource={"Bucket": bench.name, "Key": "big"}
    )
    (event,) = bench.received()
    assert event["detail"]["reason"] == "CopyObject"
    assert bench.s3.get_object(Bucket=bench.name, Key="copy")["Body"].read() == b"part"


def test_tags_and_acls_are_no_events_here(bench):
    bench.rule()
    bench.put(Tagging="a=b")
    bench.s3.put_object_acl(Bucket=bench.name, Key="k", ACL="private")
    assert len(bench.received()) == 1


def test_a_delete_is_an_event_of_s3s_words(bench):
    bench.rule()
    bench.put()
    bench.s3.delete_object(Bucket=bench.name, Key="k")
    _, event = bench.received()
    assert event["detail-type"] == "Object Deleted"
    assert event["detail"]["reason"] == "DeleteObject"
    assert event["detail"]["deletion-type"] == "Permanently Deleted"
    assert set(event["detail"]["object"]) == {"key", "sequencer"}


def test_deletes_in_a_versioned_bucket_are_events(bench):
    bench.rule()
    bench.s3.put_bucket_versioning(Bucket=bench.name, VersioningConfiguration={"Status": "Enabled"})
    first, second = (bench.put()["VersionId"] for _ in range(2))
    marker = bench.s3.delete_object(Bucket=bench.name, Key="k")["VersionId"]
    for version in (first, marker, second):
        bench.s3.delete_object(Bucket=bench.name, Key="k", VersionId=version)
    said = [
        (event["detail"].get("deletion-type"), event["detail"]["object"]["version-id"])
        for event in bench.received()
    ]
    assert said == [
        (None, first),
        (None, second),
        ("Delete Marker Created", marker),
        ("Permanently Deleted", first),
        ("Permanently Deleted", second),
    ]


@pytest.mark.parametrize(
    "fields", [{"State": "DISABLED"}, {"EventPattern": "", "ScheduleExpression": "rate(1 day)"}]
)
def test_a_rule_that_should_not_fire_does_not(bench, fields):
    bench.rule(**fields)
    bench.put()
    assert bench.received() == []


def test_a_failing_target_stops_neither_other_targets_nor_later_rules(bench):
    bench.rule(MISSING_QUEUE, bench.arn)
    bench.rule()
    bench.put()
    assert len(bench.received()) == 2


def test_each_target_gets_the_whole_event(bench):
    queue, arn = bench.new_queue()
    bench.rule(bench.arn, arn)
    bench.put()
    assert bench.received() == bench.received(queue) != []


def test_an_archive_does_not_stop_delivery(bench):
    bench.events.create_archive(
        ArchiveName=f"a{bench.name}",
        EventSourceArn="arn:aws:events:us-east-1:123456789012:event-bus/default",
        EventPattern=json.dumps(bench.pattern),
    )
    bench.rule()
    bench.put()
    assert len(bench.received()) == 1
    bench.events.delete_archive(ArchiveName=f"a{bench.name}")


def test_input_transformers_work_for_s3_events(bench):
    transformer = {"InputPathsMap": {"k": "$.detail.object.key"}, "InputTemplate": '{"key": "<k>"}'}
    bench.rule({"Arn": bench.arn, "InputTransformer": transformer})
    bench.put("it")
    assert bench.received() == [{"key": "it"}]


def test_our_own_events_carry_no_ingestion_time(bench):
    bench.rule(EventPattern=json.dumps({"source": [bench.name]}))
    entry = {"Source": bench.name, "DetailType": "T", "Detail": "{}"}
    bench.events.put_events(Entries=[entry])
    (event,) = bench.received()
    assert "ingestion-time" not in event


def test_a_bucket_says_that_its_events_go_to_event_bridge(bench):
    found = bench.s3.get_bucket_notification_configuration(Bucket=bench.name)
    assert found["EventBridgeConfiguration"] == {}
    bench.s3.put_bucket_notification_configuration(Bucket=bench.name, NotificationConfiguration={})
    found = bench.s3.get_bucket_notification_configuration(Bucket=bench.name)
    assert "EventBridgeConfiguration" not in found


def test_message_counts_are_right_when_asked_for(bench):
    for delay in (0, 0, 0, 900):
        bench.sqs.send_message(QueueUrl=bench.queue, MessageBody="{}", DelaySeconds=delay)
    bench.sqs.receive_message(QueueUrl=bench.queue, VisibilityTimeout=600)
    one = bench.sqs.get_queue_attributes(
        QueueUrl=bench.queue, AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert one["Attributes"] == {"ApproximateNumberOfMessages": "2"}
    found = bench.sqs.get_queue_attributes(QueueUrl=bench.queue, AttributeNames=["All"])
    assert found["Attributes"]["ApproximateNumberOfMessages"] == "2"
    assert found["Attributes"]["ApproximateNumberOfMessagesDelayed"] == "1"
    assert found["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "1"
    assert found["Attributes"]["VisibilityTimeout"] == "30"


def test_setting_one_attribute_leaves_the_policy(bench):
    policy = {"Version": "2012-10-17", "Statement": [{"Sid": "s", "Effect": "Allow"}]}
    for attributes in ({"Policy": json.dumps(policy)}, {"VisibilityTimeout": "9"}):
        bench.sqs.set_queue_attributes(QueueUrl=bench.queue, Attributes=attributes)
    found = bench.sqs.get_queue_attributes(QueueUrl=bench.queue, AttributeNames=["All"])
    assert json.loads(found["Attributes"]["Policy"]) == policy


def test_redrive_policies_read_as_they_were_written(bench):
    dead_letters, arn = bench.new_queue()
    redrive = f'{{"deadLetterTargetArn":"{arn}","maxReceiveCount":3}}'
    allow = json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [bench.arn]})
    for queue, name, policy in (
        (bench.queue, "RedrivePolicy", redrive),
        (dead_letters, "RedriveAllowPolicy", allow),
    ):
        bench.sqs.set_queue_attributes(QueueUrl=queue, Attributes={name: policy})
        for asked in ([name], ["All"]):
            found = bench.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=asked)
            assert found["Attributes"][name] == policy
        found = bench.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        assert list(found["Attributes"]) == ["QueueArn"]


def test_versions_are_listed_with_sizes_of_their_own(bench):
    bench.s3.put_bucket_versioning(Bucket=bench.name, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"old", b"newer"):
        bench.put(body=body)
    found = bench.s3.list_object_versions(Bucket=bench.name)["Versions"]
    assert [(one["Size"], one["IsLatest"]) for one in found] == [(5, True), (3, False)]
    assert bench.s3.get_object(Bucket=bench.name, Key="k")["Body"].read() == b"newer"


def test_a_message_is_given_to_one_receiver(bench):
    sent = 300
    for start in range(0, sent, 10):
        entries = [{"Id": str(i), "MessageBody": str(start + i)} for i in range(10)]
        bench.sqs.send_message_batch(QueueUrl=bench.queue, Entries=entries)
    with ThreadPoolExecutor(8) as pool:
        received = pool.map(lambda _: bench.received(), range(8))
        bodies = [body for bodies in received for body in bodies]
    assert sorted(bodies) == list(range(sent))


def test_a_waiting_receiver_holds_nobody_up_and_wakes_at_once(bench):
    bench.rule()
    found = {}

    def wait():
        started = time.monotonic()
        found["messages"] = bench.sqs.receive_message(QueueUrl=bench.queue, WaitTimeSeconds=15)
        found["s"] = time.monotonic() - started

    waiter = threading.Thread(target=wait)
    waiter.start()
    bench.put()
    waiter.join()
    assert len(found["messages"]["Messages"]) == 1
    assert found["s"] < 10


@pytest.mark.usefixtures("server")
def test_of_conditional_writes_at_once_one_wins():
    dynamodb, name = aws.client("dynamodb"), f"t{uuid.uuid4().hex[:8]}"
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )

    def claim(key):
        try:
            dynamodb.put_item(
                TableName=name,
                Item={"pk": {"S": key}},
                ConditionExpression="attribute_not_exists(pk)",
            )
        except ClientError:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        for key in map(str, range(15)):
            assert sum(pool.map(claim, [key] * 8)) == 1


def test_metadata_is_there_when_the_event_is(bench):
    bench.rule()
    for number in range(20):
        key = f"videos/{number}"
        with ThreadPoolExecutor(1) as pool:
            pool.submit(bench.put, key, Metadata={"videodrop-language": "de"})
            bench.sqs.receive_message(QueueUrl=bench.queue, WaitTimeSeconds=10)
            head = bench.s3.head_object(Bucket=bench.name, Key=key)
        assert head["Metadata"] == {"videodrop-language": "de"}


md5 = partial(hashlib.md5, usedforsecurity=False)  # what S3's ETags are made of


class Multipart:
    """A multipart upload, part by part."""

    def __init__(self, bench, **more):
        self.s3 = bench.s3
        started = bench.s3.create_multipart_upload(Bucket=bench.name, Key="big", **more)
        self.where = {"Bucket": bench.name, "Key": "big", "UploadId": started["UploadId"]}
        self.more = {"ChecksumAlgorithm": more["ChecksumAlgorithm"]} if more else {}

    def part(self, number, body):
        etag = self.s3.upload_part(**self.where, PartNumber=number, Body=body, **self.more)["ETag"]
        return {"PartNumber": number, "ETag": etag}

    def complete(self, *parts):
        self.s3.complete_multipart_upload(**self.where, MultipartUpload={"Parts": list(parts)})
        bucket_and_key = {name: self.where[name] for name in ("Bucket", "Key")}
        return self.s3.get_object(**bucket_and_key)["Body"].read()


@pytest.mark.parametrize("more", [{}, {"ChecksumAlgorithm": "CRC32"}])
def test_parts_are_joined_in_their_order(bench, more):
    upload = Multipart(bench, **more)
    large, last = b"ab" * (5 << 19), b"end"
    second, first = upload.part(2, last), upload.part(1, large)
    assert upload.complete(first, second) == large + last
    head = bench.s3.head_object(Bucket=bench.name, Key="big")
    assert head["ETag"] == f'"{md5(md5(large).digest() + md5(last).digest()).hexdigest()}-2"'
    assert head["ContentLength"] == len(large + last)


def test_parts_that_s3_would_refuse_are_refused(bench):
    upload = Multipart(bench)
    small, last = upload.part(1, b"small"), upload.part(2, b"end")
    with pytest.raises(ClientError, match="EntityTooSmall"):
        upload.complete(small, last)
    with pytest.raises(ClientError, match="InvalidPart"):
        upload.complete(small | {"ETag": last["ETag"]})
    with pytest.raises(ClientError, match="InvalidPart"):
        upload.complete({"PartNumber": 7, "ETag": last["ETag"]})
    assert upload.complete(small) == b"small"


def test_bodies_and_ranges_of_them_come_whole(bench):
    body = bytes(range(256)) * 10_000  # several chunks
    bench.put(body=body)
    found = bench.s3.get_object(Bucket=bench.name, Key="k")
    assert found["ContentLength"] == len(body)
    assert found["Body"].read() == body
    ranges = {
        "0-9": body[:10],
        "0-": body,
        "7-2500000": body[7:2_500_001],
        "2559990-": body[-10:],
        "-3": body[-3:],
    }
    for asked, part in ranges.items():
        found = bench.s3.get_object(Bucket=bench.name, Key="k", Range=f"bytes={asked}")
        assert found["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert found["Body"].read() == part
    bench.put(body=b"")
    assert bench.s3.get_object(Bucket=bench.name, Key="k")["Body"].read() == b""


def test_a_part_can_be_copied_from_a_range(bench):
    body = bytes(range(256)) * 10_000
    bench.put(body=body)
    upload = Multipart(bench)
    source = {"Bucket": bench.name, "Key": "k"}
    copied = bench.s3.upload_part_copy(
        **upload.where, PartNumber=1, CopySource=source, CopySourceRange="bytes=7-2500000"
    )
    part = {"PartNumber": 1, "ETag": copied["CopyPartResult"]["ETag"]}
    assert upload.complete(part) == body[7:2_500_001]


def test_a_copy_shares_its_body_and_outlives_the_original(bench, shared_server):
    bodies = shared_server.folder / "bodies"
    bench.put("from", b"body of its own")
    before = {path.name for path in bodies.iterdir()}
    bench.s3.copy_object(
        Bucket=bench.name, Key="to", CopySource={"Bucket": bench.name, "Key": "from"}
    )
    assert {path.name for path in bodies.iterdir()} <= before
    bench.s3.delete_object(Bucket=bench.name, Key="from")
    assert bench.s3.get_object(Bucket=bench.name, Key="to")["Body"].read() == b"body of its own"


@pytest.mark.parametrize("more", [{}, {"Range": "bytes=0-"}])
def test_a_large_body_is_sent_without_being_held_in_memory(bench, shared_server, more):
    upload = Multipart(bench)
    parts = [upload.part(number, bytes(8 << 20)) for number in range(1, 9)]
    bench.s3.complete_multipart_upload(**upload.where, MultipartUpload={"Parts": parts})
    server = psutil.Process(shared_server.child.pid)

    def private():
        memory = server.memory_info()
        return memory.rss - memory.shared

    before, most, received = private(), 0, 0
    for chunk in bench.s3.get_object(Bucket=bench.name, Key="big", **more)["Body"].iter_chunks(
        1 << 20
    ):
        received += len(chunk)
        most = max(most, private())
    assert received == 64 << 20
    assert most - before < 16 << 20
