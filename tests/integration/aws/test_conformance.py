"""The checks of endpoints: the embedded AWS holds all, and each difference is found."""

import json
from contextlib import ExitStack

import pytest
from botocore.exceptions import ClientError

from pipeline.aws import clients as aws
from pipeline.aws import conformance
from pipeline.aws.conformance import queue, store, table
from pipeline.aws.conformance.check import Differs

pytestmark = pytest.mark.usefixtures("aws_env")


def test_the_embedded_aws_holds_everything_and_keeps_nothing():
    found = list(conformance.examine())
    assert [(one.what, one.detail) for one in found if not one.holds] == []
    assert {one.service for one in found} == {"S3", "DynamoDB", "SQS", "EventBridge"}
    assert not [
        one
        for one in aws.client("s3").list_buckets()["Buckets"]
        if one["Name"].startswith("videodrop-conform")
    ]
    for names in (
        aws.client("dynamodb").list_tables()["TableNames"],
        aws.client("sqs").list_queues().get("QueueUrls", []),
        [bus["Name"] for bus in aws.client("events").list_event_buses()["EventBuses"]],
        [rule["Name"] for rule in aws.client("events").list_rules()["Rules"]],
    ):
        assert "videodrop-conform" not in json.dumps(names)


def differences(group, what: str) -> str | None:
    """Return what a check of a group says; None if it holds."""
    with ExitStack() as leaving:
        one = next(
            one for one in group.checks("videodrop-conform-test", leaving) if what in one.what
        )
        try:
            one.run()
        except (Differs, KeyError, ClientError) as error:
            return str(error)
    return None


def without(name: str):
    """Return a hook of boto3 that takes a parameter away, like a server that ignores it."""

    def drop(params, **_):
        params.pop(name, None)

    return drop


@pytest.mark.parametrize(
    ("operation", "parameter", "what"),
    [
        ("s3.GetObject", "IfMatch", "If-Match"),
        ("s3.GetObject", "Range", "range of bytes"),
        ("s3.PutObject", "Metadata", "metadata"),
        ("s3.PutBucketVersioning", "VersioningConfiguration", "earlier versions"),
        ("s3.GetObject", "VersionId", "earlier versions"),
    ],
)
def test_a_store_that_ignores_a_parameter_differs(operation, parameter, what):
    assert differences(store, what) is None
    s3 = aws.client("s3")
    s3.meta.events.register(f"provide-client-params.{operation}", without(parameter))
    assert differences(store, what)


@pytest.mark.parametrize("what", ["in one step", "changes nothing"])
def test_a_table_that_ignores_conditions_differs(what):
    def drop(params, **_):
        params.pop("ConditionExpression", None)
        params.get("ExpressionAttributeNames", {}).pop("#pk", None)
        params.get("ExpressionAttributeValues", {}).pop(":none", None)

    client = aws.table("videodrop-conform-test").meta.client
    client.meta.events.register("provide-client-params.dynamodb.UpdateItem", drop)
    assert differences(table, what)


def test_a_service_that_is_not_there_is_one_finding(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    aws.client.cache_clear()
    monkeypatch.setattr(conformance, "_GROUPS", [("SQS", queue.checks)])
    (found,) = conformance.examine()
    assert (found.holds, found.needed) == (False, True)
    assert "127.0.0.1:1" in found.detail
