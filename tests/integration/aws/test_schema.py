"""The table grows with the topology."""

import boto3
import pytest
from boto3.dynamodb.conditions import Key

from pipeline.aws import clients as aws
from pipeline.aws.catalog import schema
from pipeline.core.errors import DependencyFailed, MissingDependency
from pipeline.core.settings import Settings
from pipeline.core.topology import TableSpec


@pytest.fixture
def spec(config: Settings) -> TableSpec:
    return config.topology.table


def without(spec: TableSpec, *indexes: str) -> TableSpec:
    kept = {name: index for name, index in spec.indexes.items() if name not in indexes}
    return spec.model_copy(update={"indexes": kept})


def test_a_table_of_an_earlier_version_gets_its_new_indexes_and_keeps_its_items(
    config: Settings, spec: TableSpec
):
    dynamodb, name = aws.client("dynamodb"), config.names.table
    schema.ensure(dynamodb, name, without(spec, "failures", "labels"))
    keys = {"pk": "v", "sk": "stage#toy", "failed_as": "bug", "failed_order": "2026"}
    aws.table(name).put_item(Item={**keys, "result": "is not written twice"})
    assert schema.ensure(dynamodb, name, spec) == [
        f"index labels of table {name}",
        f"index failures of table {name}",
    ]
    assert schema.ensure(dynamodb, name, spec) == []
    (found,) = aws.table(name).query(
        IndexName="failures", KeyConditionExpression=Key("failed_as").eq("bug")
    )["Items"]
    assert found == keys
    described = dynamodb.describe_table(TableName=name)["Table"]
    assert {one["AttributeName"] for one in described["AttributeDefinitions"]} == {
        key for keys in (spec, *spec.indexes.values()) for key in (keys.hash_key, keys.range_key)
    }


def test_a_dynamodb_that_adds_no_index_is_reported(
    config: Settings, spec: TableSpec, dynalite_endpoint: str
):
    dynamodb, name = boto3.client("dynamodb", endpoint_url=dynalite_endpoint), config.names.table
    schema.ensure(dynamodb, name, without(spec, "failures"))
    with pytest.raises(MissingDependency, match=r"lacks the index failures.*new table"):
        schema.ensure(dynamodb, name, spec)


class Filling:
    """A DynamoDB that fills an index slowly, and allows only one to be added at once."""

    def __init__(self, looks: int) -> None:
        self.looks = looks
        self.indexes: dict[str, int] = {}

    def describe_table(self, **_: str) -> dict:
        self.indexes = {name: left - 1 for name, left in self.indexes.items()}
        states = {name: "CREATING" if left > 0 else "ACTIVE" for name, left in self.indexes.items()}
        found = [{"IndexName": name, "IndexStatus": state} for name, state in states.items()]
        return {
            "Table": {
                "TableName": "t",
                "AttributeDefinitions": [],
                "GlobalSecondaryIndexes": found,
            }
        }

    def update_table(self, *, GlobalSecondaryIndexUpdates: list, **_: object) -> None:  # noqa: N803
        (update,) = GlobalSecondaryIndexUpdates
        assert all(left <= 0 for left in self.indexes.values())
        self.indexes[update["Create"]["IndexName"]] = self.looks

    def describe_time_to_live(self, **_: str) -> dict:
        return {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED"}}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Advance the clock by a minute at each pause."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", lambda _: now.__setitem__(0, now[0] + 60))


@pytest.mark.usefixtures("clock")
def test_each_index_is_filled_before_the_next_is_added(spec: TableSpec):
    dynamodb = Filling(looks=3)
    assert len(schema.ensure(dynamodb, "t", spec)) == len(spec.indexes)
    assert all(left <= 0 for left in dynamodb.indexes.values())


@pytest.mark.usefixtures("clock")
def test_an_index_that_takes_too_long_is_waited_for_by_the_next_run(spec: TableSpec):
    dynamodb = Filling(looks=20)
    with pytest.raises(DependencyFailed, match="still being filled"):
        schema.ensure(dynamodb, "t", spec)
    assert list(dynamodb.indexes) == ["uploads"]
    schema.ensure(dynamodb, "t", without(spec, *list(spec.indexes)[1:]))
    assert dynamodb.indexes["uploads"] <= 0
