"""The state of the embedded AWS after restarts and crashes of its server."""

import json
import threading
import time
from datetime import datetime

import pytest
from botocore.exceptions import BotoCoreError

from pipeline.aws import clients as aws
from pipeline.aws import provision as resources
from pipeline.core.settings import Settings
from pipeline.hosts.local.snapshot import SAVE_EVERY_S
from tests.conftest import topology_with


@pytest.fixture
def config(tmp_path):
    # One stage, because each has six queues and rules, created twice in a test.
    topology = topology_with(
        {"detect": "tests.fakes.toystage"}, tmp_path / "topology.json", only=True
    )
    return Settings(name="kept").model_copy(update={"topology_path": topology})


def queue_url(config, stage="detect"):
    return aws.client("sqs").get_queue_url(QueueName=config.names.queue(stage))["QueueUrl"]


def until(condition, timeout_s=20.0):
    end = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)
    return found


def test_all_state_is_restored_after_a_stop(tmp_path, start_server, point_to):
    config = Settings(name="kept")
    with start_server(tmp_path / "aws") as server, point_to(server):
        assert server.message is None
        resources.ensure(config)
        s3 = aws.client("s3")
        bucket, key = config.names.uploads_bucket, "videos/ä+b c.mp4"
        s3.put_object(
            Bucket=bucket, Key=key, Body=b"film", Metadata={"a": "b"}, ContentType="video/mp4"
        )
        aws.table(config.names.table).put_item(Item={"pk": "p", "sk": "s", "label": "cat"})
        taken = aws.client("sqs").receive_message(
            QueueUrl=queue_url(config), VisibilityTimeout=600
        )["Messages"][0]
    with start_server(tmp_path / "aws") as server, point_to(server):
        assert server.message is None
        assert resources.ensure(config) == []
        found = aws.client("s3").get_object(Bucket=bucket, Key=key)
        assert found["Body"].read() == b"film"
        assert found["Metadata"] == {"a": "b"}
        assert found["ContentType"] == "video/mp4"
        item = aws.table(config.names.table).get_item(Key={"pk": "p", "sk": "s"})["Item"]
        assert item["label"] == "cat"
        sqs, url = aws.client("sqs"), queue_url(config)
        # A message in flight stays in flight, and its receiver can still delete it.
        assert "Messages" not in sqs.receive_message(QueueUrl=url)
        sqs.change_message_visibility(
            QueueUrl=url, ReceiptHandle=taken["ReceiptHandle"], VisibilityTimeout=0
        )
        again = sqs.receive_message(QueueUrl=url)["Messages"][0]
        assert again["MessageId"] == taken["MessageId"]
        # Queues, rules and buckets are not only listed, they work.
        aws.client("s3").put_object(Bucket=bucket, Key="videos/2", Body=b"")
        assert sqs.receive_message(QueueUrl=url)["Messages"]


def test_a_kill_loses_at_most_ten_seconds_with_a_warning(tmp_path, start_server, point_to, config):
    server = start_server(tmp_path / "aws")
    acknowledged, stop = {}, threading.Event()
    with point_to(server):
        resources.ensure(config)
        s3, table = aws.client("s3"), aws.table(config.names.table)

        def write():
            number = 0
            while not stop.is_set():
                try:
                    s3.put_object(
                        Bucket=config.names.uploads_bucket, Key=f"videos/{number}", Body=b"x" * 999
                    )
                    table.put_item(Item={"pk": str(number), "sk": "s"})
                except BotoCoreError:
                    return
                acknowledged[number] = time.time()
                number += 1
                stop.wait(0.02)

        writer = threading.Thread(target=write)
        writer.start()
        saves = [tmp_path / "aws" / "state.pickle"]
        first = until(lambda: saves[0].exists() and saves[0].stat().st_mtime_ns)
        until(lambda: saves[0].stat().st_mtime_ns != first)
        server.cut()
        cut_at = time.time()
        stop.set()
        writer.join()
    with start_server(tmp_path / "aws") as server, point_to(server):
        assert "was cut off" in server.message
        assert "10 s" in server.message
        s3, table = aws.client("s3"), aws.table(config.names.table)
        old = [number for number, at in acknowledged.items() if at < cut_at - 10]
        kept = [
            number
            for number in acknowledged
            if "Item" in table.get_item(Key={"pk": str(number), "sk": "s"})
        ]
        assert len(kept) > 0
        assert set(old) <= set(kept)
        assert kept == list(range(len(kept)))  # one consistent state
        for number in kept:
            body = s3.get_object(Bucket=config.names.uploads_bucket, Key=f"videos/{number}")
            assert body["Body"].read() == b"x" * 999
        # The messages of the uploads still wait.
        counts = aws.client("sqs").get_queue_attributes(
            QueueUrl=queue_url(config), AttributeNames=["ApproximateNumberOfMessages"]
        )
        assert int(counts["Attributes"]["ApproximateNumberOfMessages"]) >= len(kept)
    # A clean stop ends the warning.
    assert start_server(tmp_path / "aws").message is None


def test_the_save_interval_is_below_the_documented_limit():
    assert SAVE_EVERY_S <= 5


def test_a_body_is_written_once_and_removed_when_nothing_refers_to_it(
    tmp_path, start_server, point_to, config
):
    bodies, bucket = tmp_path / "aws" / "bodies", config.names.uploads_bucket

    def files():
        return {path.name: path.stat().st_mtime_ns for path in bodies.iterdir()}

    with start_server(tmp_path / "aws") as server, point_to(server):
        resources.ensure(config)
        s3 = aws.client("s3")
        s3.put_object(Bucket=bucket, Key="videos/kept", Body=b"kept")
        s3.put_object(Bucket=bucket, Key="videos/overwritten", Body=b"1")
        upload = s3.create_multipart_upload(Bucket=bucket, Key="videos/joined")["UploadId"]
        where = {"Bucket": bucket, "Key": "videos/joined", "UploadId": upload}
        part = s3.upload_part(**where, PartNumber=1, Body=b"part")
        parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
        s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    before = files()
    assert len(before) == 3  # the part is gone
    with start_server(tmp_path / "aws") as server, point_to(server):
        s3 = aws.client("s3")
        for key, body in (("videos/overwritten", b"2"), ("videos/joined", None)):
            (old,) = s3.list_object_versions(Bucket=bucket, Prefix=key)["Versions"]
            if body:
                s3.put_object(Bucket=bucket, Key=key, Body=body)
            s3.delete_object(Bucket=bucket, Key=key, VersionId=old["VersionId"])
    after = files()
    assert len(after) == 2
    (kept,) = set(before) & set(after)
    assert (bodies / kept).read_bytes() == b"kept"
    assert before[kept] == after[kept]


def test_reading_writes_nothing(tmp_path, start_server, point_to, config):
    state = tmp_path / "aws" / "state.pickle"
    with start_server(tmp_path / "aws") as server, point_to(server):
        resources.ensure(config)
    saved_at = state.stat().st_mtime_ns
    with start_server(tmp_path / "aws") as server, point_to(server):
        assert resources.ensure(config) == []
        aws.client("sqs").receive_message(QueueUrl=queue_url(config))
        aws.table(config.names.table).get_item(Key={"pk": "p", "sk": "s"})
    assert state.stat().st_mtime_ns == saved_at


def test_receiving_a_message_is_saved(tmp_path, start_server, point_to):
    with start_server(tmp_path / "aws") as server, point_to(server):
        url = aws.client("sqs").create_queue(QueueName="q")["QueueUrl"]
        aws.client("sqs").send_message(QueueUrl=url, MessageBody="body")
    for messages in (1, 0):
        with start_server(tmp_path / "aws") as server, point_to(server):
            sqs = aws.client("sqs")
            url = sqs.get_queue_url(QueueName="q")["QueueUrl"]
            found = sqs.receive_message(QueueUrl=url, VisibilityTimeout=600)
            assert len(found.get("Messages", [])) == messages


def test_a_state_of_another_moto_is_rejected_and_not_changed(
    tmp_path, start_server, point_to, config
):
    state = tmp_path / "aws" / "state.pickle"
    with start_server(tmp_path / "aws") as server, point_to(server):
        resources.ensure(config)
    header, pickled = state.read_bytes().split(b"\n", 1)
    state.write_bytes(json.dumps(json.loads(header) | {"moto": "4.0.0"}).encode() + b"\n" + pickled)
    before = state.read_bytes()
    refused = start_server(tmp_path / "aws")
    assert "pip install moto==4.0.0" in refused.said["error"]
    assert refused.child.wait(10) == 1
    assert state.read_bytes() == before


@pytest.mark.parametrize("which", ["aws", "aws/state.pickle"])
def test_a_state_that_others_could_have_written_is_not_read(
    tmp_path, start_server, point_to, config, which
):
    with start_server(tmp_path / "aws") as server, point_to(server):
        resources.ensure(config)
    (tmp_path / which).chmod(0o770)
    assert "closed to others" in start_server(tmp_path / "aws").said["error"]


def test_the_header_has_the_time(tmp_path, start_server, point_to, config):
    with start_server(tmp_path / "aws") as server, point_to(server):
        resources.ensure(config)
    with (tmp_path / "aws" / "state.pickle").open("rb") as file:
        assert datetime.fromisoformat(json.loads(file.readline())["saved_at"]).tzinfo


def test_a_port_in_use_is_replaced_by_a_free_one(tmp_path, start_server):
    first = start_server(tmp_path / "a")
    port = int(first.endpoint.rpartition(":")[2])
    assert start_server(tmp_path / "b", port).endpoint != first.endpoint


def test_replaced_and_deleted_objects_survive_a_restart(tmp_path, start_server, point_to, config):
    bucket = config.names.uploads_bucket
    with start_server(tmp_path / "aws") as server, point_to(server):
        resources.ensure(config)
        s3 = aws.client("s3")
        first = s3.put_object(Bucket=bucket, Key="a", Body=b"first")["VersionId"]
        second = s3.put_object(Bucket=bucket, Key="a", Body=b"second")["VersionId"]
        s3.delete_object(Bucket=bucket, Key="a")
    with start_server(tmp_path / "aws") as server, point_to(server):
        s3 = aws.client("s3")
        for version, body in ((first, b"first"), (second, b"second")):
            found = s3.get_object(Bucket=bucket, Key="a", VersionId=version)
            assert found["Body"].read() == body
        assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
