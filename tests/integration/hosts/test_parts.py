"""Whatever a request changes: the journal brings all of moto's state back, to the last field."""

import json
import threading
from contextlib import suppress

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from werkzeug.serving import make_server

from pipeline.hosts.local import server
from pipeline.hosts.local.fork import Fork
from pipeline.hosts.local.gate import SERVICES, dispatcher
from pipeline.hosts.local.monitor import STATE, monitored
from tests.fakes import stored

MIB = 1 << 20


def same_after_a_kill(folder, *requests):
    """Check that a server which is killed after ``requests`` leaves all that they changed."""

    def work():
        store = stored.opened(folder)
        app = monitored(dispatcher(SERVICES), store)
        handler = server._Quiet
        local = make_server("127.0.0.1", 0, app, threaded=True, request_handler=handler)
        threading.Thread(target=local.serve_forever, daemon=True).start()
        session = boto3.Session("test", "test", region_name="us-east-1")
        options = {
            "endpoint_url": f"http://127.0.0.1:{local.server_port}",
            "config": Config(retries={"total_max_attempts": 1}),
        }
        for one in requests:
            one(lambda name: session.client(name, **options))
        with STATE:
            return stored.everything()

    live = Fork(work).result(120)
    assert live != Fork(lambda: stored.opened(folder / "none") and stored.everything()).result(60)
    assert Fork(lambda: stored.opened(folder) and stored.everything()).result(60) == live


def objects(client):
    s3 = client("s3")
    s3.create_bucket(Bucket="box")
    s3.put_object(Bucket="box", Key="a", Body=b"x", Metadata={"a": "b"}, Tagging="x=y")
    s3.put_object(Bucket="box", Key="gone", Body=b"")
    s3.put_object(Bucket="box", Key="big", Body=b"x" * 6 * MIB)
    s3.copy_object(Bucket="box", Key="copy", CopySource="box/a")
    s3.put_object_acl(Bucket="box", Key="a", ACL="public-read")
    s3.delete_object(Bucket="box", Key="gone")
    s3.delete_objects(Bucket="box", Delete={"Objects": [{"Key": "copy"}, {"Key": "none"}]})
    s3.create_bucket(Bucket="gone")
    s3.put_bucket_tagging(Bucket="box", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.delete_bucket(Bucket="gone")


def versions(client):
    s3 = client("s3")
    s3.create_bucket(Bucket="versions")
    s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    made = [s3.put_object(Bucket="versions", Key="k", Body=b"%d" % n) for n in range(3)]
    s3.delete_object(Bucket="versions", Key="k", VersionId=made[1]["VersionId"])
    s3.delete_object(Bucket="versions", Key="k")


def uploads_in_parts(client):
    s3 = client("s3")
    s3.create_bucket(Bucket="parts")
    s3.put_object(Bucket="parts", Key="source", Body=b"x" * 100)

    def begun(key):
        upload = s3.create_multipart_upload(Bucket="parts", Key=key)["UploadId"]
        where = {"Bucket": "parts", "Key": key, "UploadId": upload}
        return where, s3.upload_part(**where, PartNumber=1, Body=b"p" * 5 * MIB)["ETag"]

    ranged = {"CopySource": "parts/source", "CopySourceRange": "bytes=0-9"}
    s3.upload_part_copy(**begun("left open")[0], PartNumber=2, **ranged)
    s3.abort_multipart_upload(**begun("aborted")[0])
    where, first = begun("joined")
    last = s3.upload_part_copy(**where, PartNumber=2, **ranged)["CopyPartResult"]["ETag"]
    parts = [{"PartNumber": 1, "ETag": first}, {"PartNumber": 2, "ETag": last}]
    with suppress(ClientError):
        s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts[:1] + parts[:1]})
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})


def records(client):
    table = client("dynamodb")
    for name in ("both", "gone"):
        table.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")
            ],
        )
    table.delete_table(TableName="gone")

    def item(sk, **more):
        return {"pk": {"S": "p"}, "sk": {"S": sk}} | more

    def refused(call, **more):
        with pytest.raises(ClientError):
            call(**more)

    inner = {"M": {"l": {"L": [{"N": "1"}, {"B": b"x"}]}}}
    table.put_item(TableName="both", Item=item("1", m=inner, s={"SS": ["x", "y"]}))
    once = {"ConditionExpression": "attribute_not_exists(pk)"}
    refused(table.put_item, TableName="both", Item=item("1"), **once)
    for sk in ("1", "new"):
        table.update_item(
            TableName="both",
            Key=item(sk),
            UpdateExpression="SET q = :q ADD n :n",
            ExpressionAttributeValues={":q": {"S": "q"}, ":n": {"N": "2"}},
        )
    batch = [{"PutRequest": {"Item": item(f"b{n}")}} for n in range(3)]
    table.batch_write_item(RequestItems={"both": batch})
    table.delete_item(TableName="both", Key=item("b0"))
    put = {"Put": {"TableName": "both", "Item": item("t")}}
    delete = {"Delete": {"TableName": "both", "Key": item("b1")}}
    table.transact_write_items(TransactItems=[put, delete])
    again = {"Put": {"TableName": "both", "Item": item("t2")}}, {"Put": put["Put"] | once}
    refused(table.transact_write_items, TransactItems=again)


def a_table_without_a_range_key(client):
    table = client("dynamodb")
    table.create_table(
        TableName="single",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
    )
    for key in ("1", "2"):
        table.put_item(TableName="single", Item={"k": {"S": key}})
    table.delete_item(TableName="single", Key={"k": {"S": "1"}})
    ttl = {"Enabled": True, "AttributeName": "x"}
    table.update_time_to_live(TableName="single", TimeToLiveSpecification=ttl)


def messages(client):
    sqs = client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
    redrive = {"deadLetterTargetArn": found["Attributes"]["QueueArn"], "maxReceiveCount": 1}
    attributes = {"RedrivePolicy": json.dumps(redrive)}
    url = sqs.create_queue(QueueName="live", Attributes=attributes)["QueueUrl"]
    for number in range(6):
        sqs.send_message(QueueUrl=url, MessageBody=str(number), MessageGroupId=str(number % 2))
    entries = [{"Id": str(n), "MessageBody": "b", "DelaySeconds": 60 * n} for n in range(2)]
    sqs.send_message_batch(QueueUrl=url, Entries=entries)

    def received(**more):
        return sqs.receive_message(QueueUrl=url, **more).get("Messages", [])

    first, second, third, _ = received(MaxNumberOfMessages=4, VisibilityTimeout=600)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    handle = {"QueueUrl": url, "ReceiptHandle": second["ReceiptHandle"]}
    sqs.change_message_visibility(**handle, VisibilityTimeout=0)
    received(MaxNumberOfMessages=10, VisibilityTimeout=600)  # the second goes to the other queue
    handle = {"QueueUrl": url, "ReceiptHandle": third["ReceiptHandle"]}
    sqs.change_message_visibility(**handle, VisibilityTimeout=500)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "7"})
    sqs.tag_queue(QueueUrl=url, Tags={"a": "b"})
    gone = sqs.create_queue(QueueName="gone")["QueueUrl"]
    sqs.send_message(QueueUrl=gone, MessageBody="gone")
    sqs.delete_queue(QueueUrl=gone)
    sqs.create_queue(QueueName="gone")
    emptied = sqs.create_queue(QueueName="emptied")["QueueUrl"]
    sqs.send_message(QueueUrl=emptied, MessageBody="purged")
    sqs.purge_queue(QueueUrl=emptied)
    sqs.send_message(QueueUrl=emptied, MessageBody="after it")


def rules(client):
    events, s3 = client("events"), client("s3")
    arn = "arn:aws:sqs:us-east-1:123456789012:heard"
    client("sqs").create_queue(QueueName="heard")
    events.create_event_bus(Name="own")
    events.create_event_bus(Name="gone")
    events.delete_event_bus(Name="gone")
    pattern = json.dumps({"source": ["aws.s3", "us"]})
    for bus in ("own", "default"):
        for name in ("plain", "kept", "off", "idle", "gone"):
            events.put_rule(Name=name, EventBusName=bus, EventPattern=pattern)
            target = {"Id": "1", "Arn": arn}
            events.put_targets(Rule=name, EventBusName=bus, Targets=[target])
        for name in ("off", "kept"):
            events.disable_rule(Name=name, EventBusName=bus)
        events.enable_rule(Name="kept", EventBusName=bus)
        for name in ("idle", "gone"):
            events.remove_targets(Rule=name, EventBusName=bus, Ids=["1"])
        events.delete_rule(Name="gone", EventBusName=bus)
    events.put_events(
        Entries=[{"EventBusName": "own", "Source": "us", "DetailType": "t", "Detail": "{}"}]
    )
    s3.create_bucket(Bucket="heard")
    s3.put_bucket_notification_configuration(
        Bucket="heard", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    s3.put_object(Bucket="heard", Key="k", Body=b"film")


def things_that_nothing_uses(client):
    client("s3").create_bucket(Bucket="unused")
    client("sqs").create_queue(QueueName="unused")
    client("events").create_event_bus(Name="unused")
    client("events").put_rule(Name="unused", EventPattern="{}")
    client("dynamodb").create_table(
        TableName="unused",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
    )


def a_tag(client):
    events = client("events")
    arn = events.describe_rule(Name="kept")["Arn"]
    events.tag_resource(ResourceARN=arn, Tags=[{"Key": "a", "Value": "b"}])


ALL = (
    objects,
    versions,
    uploads_in_parts,
    records,
    a_table_without_a_range_key,
    messages,
    rules,
    things_that_nothing_uses,
)


def test_all_that_requests_change_is_there_after_a_kill(tmp_path):
    same_after_a_kill(tmp_path, *ALL)


def test_a_snapshot_and_the_journal_behind_it_have_the_same_state(tmp_path):
    # Tags are not noted, so that a snapshot is taken.
    same_after_a_kill(tmp_path, versions, messages, rules, a_tag, objects)
