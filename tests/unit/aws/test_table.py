from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.aws.catalog.table import Table, epoch_key, iso, partition


class Stingy:
    """A DynamoDB that returns at most sixty items, and the keys that are left."""

    name = "table"

    def __init__(self, items: int = 0) -> None:
        self.meta = SimpleNamespace(client=self)
        self.asked: list[int] = []
        self._items = [{"pk": "p", "sk": f"{number:03}"} for number in range(items)]

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3's
        request = RequestItems[self.name]
        assert request["ConsistentRead"]
        keys = request["Keys"]
        self.asked.append(len(keys))
        left = {self.name: request | {"Keys": keys[60:]}} if keys[60:] else {}
        return {"Responses": {self.name: keys[:60]}, "UnprocessedKeys": left}

    def query(self, *, ExclusiveStartKey: int = 0, **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's
        self.asked.append(ExclusiveStartKey)
        end = ExclusiveStartKey + 60
        more = {"LastEvaluatedKey": end} if end < len(self._items) else {}
        return {"Items": self._items[ExclusiveStartKey:end], **more}


def test_what_a_batch_left_out_is_asked_for_again(monkeypatch: pytest.MonkeyPatch):
    pauses: list[float] = []
    monkeypatch.setattr("pipeline.aws.catalog.table.time.sleep", pauses.append)
    dynamodb, keys = Stingy(), [("p", f"{number:03}") for number in range(130)]
    found = list(Table(dynamodb).get_many(keys))
    assert [(item["pk"], item["sk"]) for item in found] == keys
    assert dynamodb.asked == [100, 40, 30]
    assert len(pauses) == 1  # DynamoDB asks for one before what is left


def test_a_query_goes_on_page_after_page_as_it_is_read():
    dynamodb = Stingy(items=130)
    found = Table(dynamodb).query(IndexName="index", KeyConditionExpression=partition("pk", "a"))
    assert next(found)["sk"] == "000"
    assert dynamodb.asked == [0]
    assert len(list(found)) == 129
    assert dynamodb.asked == [0, 60, 120]


def test_times_sort_as_strings_whatever_their_zone():
    early = datetime(2024, 1, 1, 23, 30, tzinfo=timezone(timedelta(hours=2)))
    late = datetime(2024, 1, 1, 22, 0, 0, 5000, tzinfo=UTC)
    assert iso(early) == "2024-01-01T21:30:00.000Z"
    assert iso(early) < iso(late) == "2024-01-01T22:00:00.005Z"


def test_epoch_seconds_sort_as_strings():
    moments = [0, 9.5, 10, 999_999_999.999, 1_732_000_000.25, 1_732_000_000.3]
    assert [epoch_key(m) for m in moments] == sorted(epoch_key(m) for m in moments)
    assert all(float(epoch_key(m)) == m for m in moments)


def test_an_empty_limit_of_a_query_is_no_limit():
    # DynamoDB rejects an empty string as the value of a key.
    assert partition("pk", "p", below="") == partition("pk", "p")
    assert partition("pk", "p", below="1") != partition("pk", "p")
