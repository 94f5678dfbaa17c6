"""The events that S3 sends, and the notification settings of a bucket, over HTTP."""

import uuid
from concurrent.futures import ThreadPoolExecutor


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


def test_events_have_their_own_ids_and_an_increasing_sequence(bench):
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


def test_tags_and_acls_send_no_events(bench):
    bench.rule()
    bench.put(Tagging="a=b")
    bench.s3.put_object_acl(Bucket=bench.name, Key="k", ACL="private")
    assert len(bench.received()) == 1


def test_a_delete_event_has_the_fields_of_s3(bench):
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


def test_a_bucket_reports_that_its_events_go_to_event_bridge(bench):
    found = bench.s3.get_bucket_notification_configuration(Bucket=bench.name)
    assert found["EventBridgeConfiguration"] == {}
    bench.s3.put_bucket_notification_configuration(Bucket=bench.name, NotificationConfiguration={})
    found = bench.s3.get_bucket_notification_configuration(Bucket=bench.name)
    assert "EventBridgeConfiguration" not in found


def test_metadata_is_there_when_the_event_is(bench):
    bench.rule()
    for number in range(20):
        key = f"videos/{number}"
        with ThreadPoolExecutor(1) as pool:
            pool.submit(bench.put, key, Metadata={"videodrop-language": "de"})
            bench.sqs.receive_message(QueueUrl=bench.queue, WaitTimeSeconds=10)
            head = bench.s3.head_object(Bucket=bench.name, Key=key)
        assert head["Metadata"] == {"videodrop-language": "de"}
