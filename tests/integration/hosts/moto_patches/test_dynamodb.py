"""The values of DynamoDB, and the items that a query finds, over HTTP."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from types import SimpleNamespace

import boto3
import pytest
from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

from pipeline.aws import clients as aws
from pipeline.hosts.local.moto_patches import dynamodb

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
    "map": {"empty": {}, "list": [], "bytes": b"b", "deep": {"number": Decimal(3), "more": "yes"}},
}


@pytest.fixture
def table(server):  # noqa: ARG001 - boto3's environment
    return boto3.resource("dynamodb").create_table(
        TableName=f"t{uuid.uuid4().hex[:8]}",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )


def test_values_of_every_type_are_returned_unchanged(table):
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

    sent = {}
    value = {"M": {"a": {"L": [{"N": "1"}]}}}
    shape = SimpleNamespace(name="AttributeValue")
    dynamodb.serialize_attribute_values(ask)(None, sent, value, shape, "key")
    assert sent == {"key": value}


def test_a_projection_returns_only_the_requested_attributes(table):
    item = ITEM | {"numbers_in_a_row": [1, 2, 3]}
    table.put_item(Item=item)

    def some(*paths: str) -> dict:
        names = {f"#{part}": part for path in paths for part in path.split(".")}
        wanted = ", ".join("#" + path.replace(".", ".#") for path in paths)
        return table.get_item(
            Key={"pk": "a"}, ProjectionExpression=wanted, ExpressionAttributeNames=names
        )["Item"]

    assert some("map.deep", "map.bytes", "none", "missing", "map.missing", "string.deeper") == {
        "map": {"deep": ITEM["map"]["deep"], "bytes": b"b"},
        "none": None,
    }
    assert some("map.deep.number", "map.bytes", "map.deep.missing", "map.deep.more") == {
        "map": {"deep": {"number": 3, "more": "yes"}, "bytes": b"b"}
    }
    element = table.get_item(Key={"pk": "a"}, ProjectionExpression="numbers_in_a_row[1]")
    assert element["Item"] == {"numbers_in_a_row": [2]}
    assert table.get_item(Key={"pk": "a"})["Item"] == item


def test_a_query_finds_its_partition_in_order_by_table_and_by_index(server):  # noqa: ARG001
    keys = {"HASH": "pk", "RANGE": "sk"}, {"HASH": "kind", "RANGE": "place"}
    schemas = [[{"AttributeName": n, "KeyType": k} for k, n in one.items()] for one in keys]
    table = boto3.resource("dynamodb").create_table(
        TableName=f"t{uuid.uuid4().hex[:8]}",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=schemas[0],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for one in keys for name in one.values()
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "kinds",
                "KeySchema": schemas[1],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    for number in (2, 0, 3, 1):
        kind = {"kind": "odd" if number % 2 else "even"} if number else {}
        table.put_item(Item={"pk": f"p{number % 2}", "sk": f"s{number}", "place": "x", **kind})
    found = table.query(KeyConditionExpression=Key("pk").eq("p1"))["Items"]
    assert [item["sk"] for item in found] == ["s1", "s3"]
    found = table.query(KeyConditionExpression=Key("pk").eq("p0"), ScanIndexForward=False)["Items"]
    assert [item["sk"] for item in found] == ["s2", "s0"]
    assert table.query(KeyConditionExpression=Key("pk").eq("p2"))["Items"] == []
    found = table.query(IndexName="kinds", KeyConditionExpression=Key("kind").eq("odd"))["Items"]
    assert [item["sk"] for item in found] == ["s1", "s3"]
    page = table.query(IndexName="kinds", KeyConditionExpression=Key("kind").eq("odd"), Limit=1)
    rest = table.query(
        IndexName="kinds",
        KeyConditionExpression=Key("kind").eq("odd"),
        ExclusiveStartKey=page["LastEvaluatedKey"],
    )
    assert [item["sk"] for item in page["Items"] + rest["Items"]] == ["s1", "s3"]
    assert len(table.scan()["Items"]) == 4


def test_a_query_reads_only_its_partition():
    table = SimpleNamespace(range_key_attr="sk", items={"a": {"1": "x"}, "b": {"1": "y", "2": "z"}})
    look = dynamodb.return_items_of_partition(lambda _: "sorted")
    query = dynamodb.remember_queried_partition(lambda self, *_, **__: look(self))
    assert query(table, "b", None, [], None, None, True, [], None) == ["y", "z"]
    assert query(table, "c", None, [], None, None, True, [], None) == []
    assert query(table, "k", None, [], None, None, True, [], "kinds") == ["x", "y", "z"]
    assert look(table) == "sorted"


@pytest.mark.usefixtures("server")
def test_one_of_concurrent_conditional_writes_succeeds():
    client, name = aws.client("dynamodb"), f"t{uuid.uuid4().hex[:8]}"
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )

    def claim(key):
        try:
            client.put_item(
                TableName=name,
                Item={"pk": {"S": key}},
                ConditionExpression="attribute_not_exists(pk)",
            )
        except ClientError:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        for key in map(str, range(15)):
            assert sum(pool.map(claim, [key] * 8)) == 1
