"""The resources of the topology: what is made, and what is left as it is."""

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.aws import provision
from pipeline.core.settings import Settings


def rejected(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code}}, "HeadBucket")


def failing(error: Exception) -> Any:
    def call(**_: Any) -> None:
        raise error

    return call


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a client of S3 whose calls a test sets."""
    client = SimpleNamespace(meta=SimpleNamespace(region_name="us-east-1"))
    monkeypatch.setattr(provision, "client", lambda _: client)
    return client


def test_what_may_not_be_looked_at_is_not_taken_for_missing():
    assert provision._found(failing(rejected("NoSuchBucket"))) is None
    with pytest.raises(ClientError):
        provision._found(failing(rejected("AccessDenied")))


@pytest.mark.parametrize(
    ("region", "more"),
    [
        ("us-east-1", {}),
        ("eu-west-1", {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}),
    ],
)
def test_a_bucket_is_made_in_the_region_of_its_store(s3: Any, region: str, more: dict[str, Any]):
    made: list[dict[str, Any]] = []
    s3.meta.region_name = region
    s3.create_bucket = lambda **given: made.append(given)
    provision.create_bucket("uploads")
    assert made == [{"Bucket": "uploads"} | more]


def test_notifications_that_a_bucket_has_already_stay(s3: Any):
    queues = [{"QueueArn": "arn:aws:sqs:us-east-1:1:other", "Events": ["s3:ObjectCreated:*"]}]
    sent: list[dict[str, Any]] = []
    s3.get_bucket_notification_configuration = lambda **_: {
        "QueueConfigurations": queues,
        "ResponseMetadata": {},
    }
    s3.put_bucket_notification_configuration = lambda **given: sent.append(given)
    provision._Resources(Settings())._notifications("uploads")
    (given,) = sent
    assert given["NotificationConfiguration"] == {
        "QueueConfigurations": queues,
        "EventBridgeConfiguration": {},
    }


@pytest.mark.parametrize(
    ("code", "watch_s"), [("AccessDenied", 1), ("AccessDenied", None), ("InternalError", None)]
)
def test_a_bucket_that_could_keep_versions_has_to(s3: Any, code: str, watch_s: float | None):
    s3.get_bucket_versioning = failing(rejected(code))
    with pytest.raises(ClientError):
        provision._Resources(Settings(watch_s=watch_s))._versions("uploads")


def test_messages_are_encrypted_and_kept_as_long_as_sqs_keeps_any(
    monkeypatch: pytest.MonkeyPatch,
):
    made: dict[str, str] = {}

    def create(**given: Any) -> dict[str, str]:
        made.update(given["Attributes"])
        return {"QueueUrl": "url"}

    sqs = SimpleNamespace(
        get_queue_url=failing(rejected("QueueDoesNotExist")),
        create_queue=create,
        get_queue_attributes=lambda **_: {"Attributes": {"QueueArn": "arn", **made}},
    )
    monkeypatch.setattr(provision, "client", lambda _: sqs)
    assert provision._Resources(Settings())._queue("toy", {}) == "arn"
    assert made["SqsManagedSseEnabled"] == "true"
    assert made["MessageRetentionPeriod"] == str(14 * 86400)
