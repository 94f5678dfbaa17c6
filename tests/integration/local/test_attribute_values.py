"""DynamoDB's values, as the embedded AWS sends them."""

import uuid
from decimal import Decimal
from types import SimpleNamespace

import boto3
import pytest
from boto3.dynamodb.conditions import Key
from moto.core.serialize import JSONSerializer

from pipeline.local import corrections

ITEM = {
    "pk": "a",
    "string": "",
    "number": Decimal("1.5"),
    "bytes": b"\x00\xff",
    "false": False,
    "none": None,
    "strings": {"x", "ü"},
    "numbers": {Decimal(1), Decimal("2.5")},
    "blobs": {b"\x01", b"\xfe"},
    "list": [Decimal(1), "a", b"b", None, [], {"map": [{}]}],
    "map": {"empty": {}, "list": [], "bytes": b"b", "deep": {"number": Decimal(3)}},
}


@pytest.fixture
def table(server):  # noqa: ARG001 - boto3's environment
    return boto3.resource("dynamodb").create_table(
        TableName=f"t{uuid.uuid4().hex[:8]}",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )


def test_values_of_every_type_come_back_as_they_were(table):
    table.put_item(Item=ITEM)
    assert table.get_item(Key={"pk": "a"})["Item"] == ITEM
    assert table.query(KeyConditionExpression=Key("pk").eq("a"))["Items"] == [ITEM]
    assert table.scan()["Items"] == [ITEM]
    wanted = {table.name: {"Keys": [{"pk": "a"}]}}
    found = table.meta.client.batch_get_item(RequestItems=wanted)
    assert found["Responses"][table.name] == [ITEM]
    some = table.get_item(
        Key={"pk": "a"},
        ProjectionExpression="#list, #map.deep",
        ExpressionAttributeNames={"#list": "list", "#map": "map"},
    )
    assert some["Item"] == {"list": ITEM["list"], "map": {"deep": ITEM["map"]["deep"]}}
    changed = table.update_item(
        Key={"pk": "a"},
        UpdateExpression="ADD #number :one",
        ExpressionAttributeNames={"#number": "number"},
        ExpressionAttributeValues={":one": 1},
        ReturnValues="ALL_NEW",
    )
    assert changed["Attributes"] == ITEM | {"number": Decimal("2.5")}


def test_moto_is_not_asked_for_each_type_of_each_value():
    def ask(*_):
        raise AssertionError

    name = "_serialize_type_structure"
    (correct,) = (
        c for owner, n, c in corrections._CORRECTIONS if (owner, n) == (JSONSerializer, name)
    )
    sent = {}
    value = {"M": {"a": {"L": [{"N": "1"}]}}}
    correct(ask)(None, sent, value, SimpleNamespace(name="AttributeValue"), "key")
    assert sent == {"key": value}
