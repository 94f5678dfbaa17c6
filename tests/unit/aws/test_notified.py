"""Notifications about objects that are not ours, and a store that does not answer."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.aws.notified import Notified
from pipeline.core.settings import Settings

SETTINGS = Settings()
OURS = SETTINGS.names.uploads_bucket


class Store:
    """S3 that rejects each look at an object, and keeps what it was asked for."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.asked: list[dict[str, str]] = []

    def head_object(self, **asked: str) -> None:
        self.asked.append(asked)
        raise ClientError({"Error": {"Code": self.code}}, "HeadObject")


def record(bucket: str, key: str) -> dict[str, Any]:
    item = {"key": key, "size": 6, "eTag": "b1946ac92492d2347c6235b4d2611184"}
    place = {"bucket": {"name": bucket}, "object": item}
    return {"eventName": "ObjectCreated:Put", "eventTime": "2026-11-01T12:00:00Z", "s3": place}


@pytest.mark.parametrize(
    ("bucket", "key"), [("another", "videos/a+b.mp4"), (OURS, "private/a+b.mp4"), (OURS, "a+b.mp4")]
)
def test_an_object_of_another_bucket_or_prefix_is_neither_taken_nor_looked_at(
    bucket: str, key: str
):
    store = Store("403")
    taken = Notified(store, SETTINGS).take([record(bucket, key)])
    assert taken == (0, 1)
    assert store.asked == []


def test_a_notification_is_not_taken_while_its_keys_cannot_be_looked_up():
    store = Store("SlowDown")
    with pytest.raises(ClientError, match="SlowDown"):
        Notified(store, SETTINGS).take([record(OURS, "videos/a+b.mp4")])
    assert store.asked == [{"Bucket": OURS, "Key": "videos/a b.mp4"}]
