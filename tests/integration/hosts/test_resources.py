"""The resources of the topology, and their messages."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from pipeline.aws import clients as aws
from pipeline.aws import provision as resources
from pipeline.core.errors import DependencyFailed
from pipeline.core.settings import Settings
from tests.conftest import topology_with
from tests.integration.hosts.conftest import pointed_to

STAGES = {"transcode": "tests.fakes.toystage", "detect": "tests.fakes.toystage"}


@pytest.fixture(scope="module")
def topology(tmp_path_factory):
    """Return a topology of two stages, because each has six queues and rules."""
    return topology_with(STAGES, tmp_path_factory.mktemp("two") / "topology.json", only=True)


@pytest.fixture(scope="module")
def made(shared_server, topology):
    settings = Settings(name="made").model_copy(update={"topology_path": topology})
    with pointed_to(shared_server):
        resources.ensure(settings)
    return settings


@pytest.fixture
def installed(made, server):  # noqa: ARG001 - boto3's environment
    """Return settings of an installation that tests share and leave as it is."""
    return made


def waiting(settings, function, lane="live"):
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName=settings.names.queue(function, lane))["QueueUrl"]
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in found]


def attributes(settings, function, lane="live"):
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName=settings.names.queue(function, lane))["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]


def test_a_second_run_changes_nothing(settings, topology):
    settings = settings.model_copy(update={"topology_path": topology})
    assert len(resources.ensure(settings)) > 30
    assert resources.ensure(settings) == []


def test_an_upload_reaches_every_stage_and_a_deletion_the_janitor(installed):
    s3, bucket = aws.client("s3"), installed.names.uploads_bucket
    s3.put_object(Bucket=bucket, Key="videos/a.mp4", Body=b"a")
    s3.put_object(Bucket=bucket, Key="elsewhere/a.mp4", Body=b"a")
    s3.delete_object(Bucket=bucket, Key="videos/a.mp4")
    for stage in installed.topology.stages:
        (event,) = waiting(installed, stage)
        assert event["detail"]["object"]["key"] == "videos/a.mp4"
        assert waiting(installed, stage, "replay") == []
    (event,) = waiting(installed, "janitor")
    assert event["detail-type"] == "Object Deleted"


def test_a_request_to_reprocess_reaches_the_replay_lane_of_its_stage(installed):
    entry = {
        "Source": installed.topology.reprocess.source,
        "DetailType": installed.topology.reprocess.detail_type,
        "Detail": json.dumps({"stage": "detect", "video_id": "v"}),
        "EventBusName": installed.names.bus,
    }
    aws.client("events").put_events(Entries=[entry])
    assert len(waiting(installed, "detect", "replay")) == 1
    assert waiting(installed, "detect") == []
    assert waiting(installed, "transcode", "replay") == []


def test_an_archived_event_reaches_only_the_replay_lanes(installed):
    events, names = aws.client("events"), installed.names
    bus = events.describe_event_bus()["Arn"]
    pattern = names.upload_pattern("created", names.uploads_bucket)
    archive = events.create_archive(
        ArchiveName=names.archive, EventSourceArn=bus, EventPattern=json.dumps(pattern)
    )["ArchiveArn"]
    aws.client("s3").put_object(Bucket=names.uploads_bucket, Key="videos/a.mp4", Body=b"a")
    for stage in installed.topology.stages:
        assert len(waiting(installed, stage)) == 1
        assert waiting(installed, stage, "replay") == []
    now = datetime.now(UTC)
    events.start_replay(
        ReplayName=names.prefix,
        EventSourceArn=archive,
        EventStartTime=now - timedelta(hours=1),
        EventEndTime=now,
        Destination={"Arn": bus},
    )
    for stage in installed.topology.stages:
        (event,) = waiting(installed, stage, "replay")
        assert event["replay-name"] == names.prefix
        assert event["detail"]["object"]["key"] == "videos/a.mp4"
        assert waiting(installed, stage) == []


def test_a_request_for_a_replay_reaches_only_its_driver(installed):
    spec = installed.topology.replays
    entry = {
        "Source": spec.source,
        "DetailType": spec.detail_type,
        "Detail": json.dumps({"replay_id": "r"}),
        "EventBusName": installed.names.bus,
    }
    aws.client("events").put_events(Entries=[entry])
    assert len(waiting(installed, "replays")) == 1
    assert waiting(installed, "detect", "replay") == []
    found = attributes(installed, "replays")[1]
    dlq = attributes(installed, "replays", "dlq")[1]["QueueArn"]
    assert json.loads(found["RedrivePolicy"])["deadLetterTargetArn"] == dlq
    assert int(found["VisibilityTimeout"]) >= spec.timeout_s


def test_manual_changes_are_reverted(installed):
    url, before = attributes(installed, "detect")
    aws.client("sqs").set_queue_attributes(
        QueueUrl=url, Attributes={"VisibilityTimeout": "1", "Policy": "", "RedrivePolicy": ""}
    )
    name = installed.names.queue("detect")
    aws.client("events").remove_targets(Rule=name, Ids=["queue"])
    aws.client("events").put_rule(Name=name, EventPattern='{"source": ["other"]}')
    assert resources.ensure(installed) == [
        f"rule {name}",
        f"queue {name}",
        f"target of rule {name}",
    ]
    after = attributes(installed, "detect")[1]
    for attribute in ("VisibilityTimeout", "Policy", "RedrivePolicy"):
        assert after[attribute] == before[attribute]


def test_a_rejected_target_is_an_error(settings, monkeypatch):
    # EventBridge reports it in an answer of status 200.
    refused = {"TargetId": "queue", "ErrorCode": "InternalFailure", "ErrorMessage": "Not today"}
    answer = {"FailedEntryCount": 1, "FailedEntries": [refused]}
    monkeypatch.setattr(aws.client("events"), "put_targets", lambda **_: answer)
    with pytest.raises(DependencyFailed, match=r"cannot send .* Not today") as failed:
        resources.ensure(settings)
    assert failed.value.code == "target_refused"


def test_an_equivalent_policy_is_not_changed(installed):
    url, before = attributes(installed, "detect")
    redrive = json.loads(before["RedrivePolicy"])
    reordered = json.dumps(dict(reversed(redrive.items())), indent=1)
    aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": reordered})
    assert attributes(installed, "detect")[1]["RedrivePolicy"] != before["RedrivePolicy"]
    assert resources.ensure(installed) == []


def test_queues_have_their_visibility_timeout_and_dead_letter_queue(installed):
    spec, queues = installed.topology.stages["detect"], installed.topology.queues
    for lane in ("live", "replay"):
        found = attributes(installed, "detect", lane)[1]
        redrive = json.loads(found["RedrivePolicy"])
        assert (
            redrive["deadLetterTargetArn"] == attributes(installed, "detect", "dlq")[1]["QueueArn"]
        )
        assert redrive["maxReceiveCount"] == queues.max_receive_count
        assert int(found["VisibilityTimeout"]) == spec.timeout_s * queues.visibility_per_timeout
        assert int(found["MessageRetentionPeriod"]) == queues.retention_s
        assert int(found["MaximumMessageSize"]) == queues.max_message_bytes
        assert found["SqsManagedSseEnabled"] == "true"


def rule_arn(name, bus="default"):
    return aws.client("events").describe_rule(Name=name, EventBusName=bus)["Arn"]


def test_only_its_own_rules_may_send_to_a_queue(installed):
    names = installed.names
    live, replay = names.queue("detect"), names.queue("detect", "replay")
    for lane, rules in (
        ("live", [rule_arn(live)]),
        ("replay", [rule_arn(replay, names.bus), rule_arn(names.archive_rule("detect"))]),
    ):
        found = attributes(installed, "detect", lane)[1]
        (statement,) = json.loads(found["Policy"])["Statement"]
        assert statement["Resource"] == found["QueueArn"]
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": sorted(rules)}}


def test_the_table_has_its_keys_indexes_and_expiry(installed):
    dynamodb, spec = aws.client("dynamodb"), installed.topology.table
    table = dynamodb.describe_table(TableName=installed.names.table)["Table"]
    keys = {index["IndexName"]: index["KeySchema"] for index in table["GlobalSecondaryIndexes"]}
    assert {name: [key["AttributeName"] for key in schema] for name, schema in keys.items()} == {
        name: [index.hash_key, index.range_key] for name, index in spec.indexes.items()
    }
    assert [key["AttributeName"] for key in table["KeySchema"]] == [spec.hash_key, spec.range_key]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    ttl = dynamodb.describe_time_to_live(TableName=installed.names.table)
    assert ttl["TimeToLiveDescription"]["AttributeName"] == spec.ttl


def test_a_simple_store_needs_no_versions_and_sends_no_events(server, topology):  # noqa: ARG001
    """Such a store rejects what it does not know, each in its own way."""
    settings = Settings(name="simple", watch_s=1).model_copy(update={"topology_path": topology})
    s3 = aws.client("s3")
    rejected = []

    def reject(model, **_):
        rejected.append(model.name)
        error = {"Error": {"Code": "BucketAlreadyExists", "Message": "It exists."}}
        return SimpleNamespace(status_code=409), error

    for name in ("PutBucketVersioning", "PutBucketNotificationConfiguration"):
        s3.meta.events.register(f"before-call.s3.{name}", reject)
    assert f"bucket {settings.names.uploads_bucket}" in resources.ensure(settings)
    assert rejected == ["PutBucketVersioning"]
