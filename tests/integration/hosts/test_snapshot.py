"""The state of the embedded AWS after restarts and crashes of its server."""

import json
import shutil
import socket
import time
from datetime import datetime

import pytest
from boto3.dynamodb.conditions import Key

from pipeline.aws import clients as aws
from pipeline.aws import provision as resources
from pipeline.core.errors import MissingDependency
from pipeline.core.settings import Settings
from pipeline.hosts.local.network import ANY
from pipeline.hosts.local.server import listen, main
from pipeline.hosts.local.store import Store
from tests.conftest import topology_with
from tests.integration.hosts.conftest import Server, pointed_to


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    # One stage, because each has six queues and rules.
    path = tmp_path_factory.mktemp("topology") / "topology.json"
    topology = topology_with({"detect": "tests.fakes.toystage"}, path, only=True)
    return Settings(name="kept").model_copy(update={"topology_path": topology})


@pytest.fixture(scope="module")
def stopped(tmp_path_factory, config):
    """Return the folder of a stopped server that had every resource and one object."""
    folder = tmp_path_factory.mktemp("stopped") / "aws"
    with Server(folder) as server, pointed_to(server):
        assert server.message is None
        resources.ensure(config)
        aws.client("s3").put_object(
            Bucket=config.names.uploads_bucket,
            Key="videos/ä+b c.mp4",
            Body=b"film",
            Metadata={"a": "b"},
            ContentType="video/mp4",
        )
        aws.table(config.names.table).put_item(Item={"pk": "p", "sk": "s", "label": "cat"})
    return folder


@pytest.fixture
def folder(stopped, tmp_path):
    """Return a copy of that folder."""
    return shutil.copytree(stopped, tmp_path / "aws")


def queue_url(config, stage="detect"):
    return aws.client("sqs").get_queue_url(QueueName=config.names.queue(stage))["QueueUrl"]


def test_reading_writes_nothing_and_receiving_a_message_is_saved(
    folder, start_server, point_to, config
):
    state = folder / "state.pickle"
    saved_at = state.stat().st_mtime_ns
    with start_server(folder) as server, point_to(server):
        assert resources.ensure(config) == []
        aws.table(config.names.table).get_item(Key={"pk": "p", "sk": "s"})
        aws.client("sqs").receive_message(QueueUrl=queue_url(config, "janitor"))
    assert state.stat().st_mtime_ns == saved_at
    with start_server(folder) as server, point_to(server):
        sqs = aws.client("sqs")
        sqs.receive_message(QueueUrl=queue_url(config), VisibilityTimeout=600)["Messages"]
    assert state.stat().st_mtime_ns > saved_at


def test_what_has_expired_is_gone_after_a_start(folder, start_server, point_to, config):
    now = int(time.time())
    lives = {"old": now - 10, "young": now + 1000, "text": "soon"}
    with start_server(folder) as server, point_to(server):
        table = aws.table(config.names.table)
        for sk, until in lives.items():
            table.put_item(Item={"pk": "e", "sk": sk, "expires_at": until})
    with start_server(folder) as server, point_to(server):
        table = aws.table(config.names.table)
        assert "Item" in table.get_item(Key={"pk": "p", "sk": "s"})
        found = table.query(KeyConditionExpression=Key("pk").eq("e"))["Items"]
    assert [one["sk"] for one in found] == ["text", "young"]


def test_all_state_is_restored_after_a_stop(folder, start_server, point_to, config):
    bucket, key = config.names.uploads_bucket, "videos/ä+b c.mp4"
    with start_server(folder) as server, point_to(server):
        assert server.message is None
        assert resources.ensure(config) == []
        found = aws.client("s3").get_object(Bucket=bucket, Key=key)
        assert found["Body"].read() == b"film"
        assert found["Metadata"] == {"a": "b"}
        assert found["ContentType"] == "video/mp4"
        item = aws.table(config.names.table).get_item(Key={"pk": "p", "sk": "s"})["Item"]
        assert item["label"] == "cat"
        sqs, url = aws.client("sqs"), queue_url(config)
        taken = sqs.receive_message(QueueUrl=url, VisibilityTimeout=600)["Messages"][0]
        # Queues, rules and buckets are not only listed, they work.
        aws.client("s3").put_object(Bucket=bucket, Key="videos/2", Body=b"")
        assert sqs.receive_message(QueueUrl=url, VisibilityTimeout=600)["Messages"]
    with start_server(folder) as server, point_to(server):
        sqs, url = aws.client("sqs"), queue_url(config)
        # A message in flight stays in flight, and its receiver can still delete it.
        assert "Messages" not in sqs.receive_message(QueueUrl=url)
        sqs.change_message_visibility(
            QueueUrl=url, ReceiptHandle=taken["ReceiptHandle"], VisibilityTimeout=0
        )
        again = sqs.receive_message(QueueUrl=url)["Messages"][0]
        assert again["MessageId"] == taken["MessageId"]


def test_a_body_is_written_once_and_removed_when_nothing_refers_to_it(
    tmp_path, start_server, point_to
):
    bodies, bucket = tmp_path / "aws" / "bodies", "bucket"

    def files():
        return {path.name: path.stat().st_mtime_ns for path in bodies.iterdir()}

    with start_server(tmp_path / "aws") as server, point_to(server):
        s3 = aws.client("s3")
        s3.create_bucket(Bucket=bucket)
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
        aws.client("s3").put_object(Bucket=bucket, Key="videos/overwritten", Body=b"2")
        aws.client("s3").delete_object(Bucket=bucket, Key="videos/joined")
    after = files()
    assert len(after) == 2
    (kept,) = set(before) & set(after)
    assert (bodies / kept).read_bytes() == b"kept"
    assert before[kept] == after[kept]


def test_a_state_of_another_moto_is_rejected_and_not_changed(folder):
    state = folder / "state.pickle"
    header, pickled = state.read_bytes().split(b"\n", 1)
    state.write_bytes(json.dumps(json.loads(header) | {"moto": "4.0.0"}).encode() + b"\n" + pickled)
    before = state.read_bytes()
    with pytest.raises(MissingDependency, match=r"pip install moto==4\.0\.0"):
        Store(folder).load()
    assert state.read_bytes() == before


@pytest.mark.parametrize("which", ["", "state.pickle"])
def test_a_state_that_others_could_have_written_is_not_read(folder, which):
    (folder / which).chmod(0o770)
    with pytest.raises(MissingDependency, match="closed to others"):
        Store(folder).load()


def test_the_header_has_the_time(stopped):
    with (stopped / "state.pickle").open("rb") as file:
        assert datetime.fromisoformat(json.loads(file.readline())["saved_at"]).tzinfo


def test_a_port_in_use_is_replaced_by_a_free_one():
    with socket.create_server(("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        with listen(port) as second:
            assert second.getsockname()[1] != port


def test_a_port_in_use_beyond_loopback_is_an_error_because_others_have_its_address():
    with socket.create_server((ANY, 0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(MissingDependency, match=f"Cannot listen on port {port} of {ANY}"):
            listen(port, ANY)


def test_a_server_without_its_keys_says_which_one_is_missing(monkeypatch, tmp_path):
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    with pytest.raises(MissingDependency, match="Set AWS_SECRET_ACCESS_KEY"):
        main(tmp_path / "aws", 0)
