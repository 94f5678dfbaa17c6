"""The checks of DynamoDB."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any

from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

from pipeline.aws import clients as aws
from pipeline.aws.conformance.check import Check, Differs, awaited, expect, rejected

_FAILED = {"ConditionalCheckFailedException"}
_AT_ONCE = 8
_READY_S = 30.0


def checks(name: str, leaving: ExitStack) -> list[Check]:
    """Make a table of this name until ``leaving`` ends, and return its checks."""
    table = _Table(name)
    leaving.callback(table.remove)
    table.make()
    return [
        Check("a condition is checked and applied in one step", table.one_winner, _TWICE),
        Check("a failed condition changes nothing", table.condition, _TWICE),
        Check("sets, counters and removed attributes", table.updates, "Records would be wrong."),
        Check("many items in one request", table.batches, "Nothing can be read."),
        Check("an index in the order of its range, page by page", table.index, "Lists are wrong."),
        Check("expiry of items can be set", table.expiry, "The table grows.", needed=False),
    ]


_TWICE = "Two workers could both publish a result."


class _Table:
    def __init__(self, name: str) -> None:
        self._client = aws.client("dynamodb")
        self._table = aws.table(name)
        self._name = name

    def make(self) -> None:
        self._client.create_table(
            TableName=self._name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": one, "AttributeType": "S"}
                for one in ("pk", "sk", "month", "place")
            ],
            KeySchema=_schema("pk", "sk"),
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "places",
                    "KeySchema": _schema("month", "place"),
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )
        if not awaited(self._is_active, _READY_S):
            raise Differs(f"The table was not active within {_READY_S:.0f} s.")

    def _is_active(self) -> bool:
        found = self._client.describe_table(TableName=self._name)["Table"]
        return found["TableStatus"] == "ACTIVE"

    def remove(self) -> None:
        with suppress(*aws.ERRORS):
            self._client.delete_table(TableName=self._name)

    def _claim(self, key: dict[str, str], by: int, **more: Any) -> dict[str, Any]:
        return dict(
            self._table.update_item(
                Key=key,
                UpdateExpression="SET #owner = :by",
                ConditionExpression="attribute_not_exists(#pk) OR #owner < :none",
                ExpressionAttributeNames={"#pk": "pk", "#owner": "owner"},
                ExpressionAttributeValues={":by": by, ":none": 0},
                **more,
            )
        )

    def one_winner(self) -> None:
        for round_ in range(5):
            key = {"pk": "claim", "sk": str(round_)}

            def claim(by: int, key: dict[str, str] = key) -> int:
                try:
                    self._claim(key, by)
                except ClientError as error:
                    if aws.code(error) not in _FAILED:
                        raise
                    return 0
                return 1

            with ThreadPoolExecutor(_AT_ONCE) as pool:
                expect(sum(pool.map(claim, range(_AT_ONCE))), 1, "The number of winners")

    def condition(self) -> None:
        key = {"pk": "condition", "sk": "1"}
        self._claim(key, 1)
        rejected(lambda: self._claim(key, 2), _FAILED, "A failed condition")
        found = self._table.get_item(Key=key, ConsistentRead=True)["Item"]
        expect(found["owner"], 1, "The attribute")

    def updates(self) -> None:
        key = {"pk": "update", "sk": "1"}
        self._table.put_item(Item={**key, "gone": "x", "inner": {"a": 1}})
        for name in ("one", "two"):
            self._table.update_item(
                Key=key,
                UpdateExpression="SET #inner.#name = :name REMOVE #gone "
                "ADD #names :set, #count :one",
                ExpressionAttributeNames={
                    "#inner": "inner",
                    "#name": name,
                    "#gone": "gone",
                    "#names": "names",
                    "#count": "count",
                },
                ExpressionAttributeValues={":name": name, ":set": {name}, ":one": 1},
            )
        found = self._table.get_item(Key=key, ConsistentRead=True)["Item"]
        wanted = {
            "inner": {"a": 1, "one": "one", "two": "two"},
            "names": {"one", "two"},
            "count": 2,
        }
        expect(
            {name: found.get(name) for name in (*wanted, "gone")}, {**wanted, "gone": None}, "It"
        )

    def batches(self) -> None:
        keys = [{"pk": "batch", "sk": f"{number:03d}"} for number in range(60)]
        with self._table.batch_writer() as batch:
            for key in keys:
                batch.put_item(Item=key)
        found = self._table.meta.client.batch_get_item(
            RequestItems={self._name: {"Keys": keys, "ConsistentRead": True}}
        )
        expect(len(found["Responses"][self._name]), len(keys), "The number of items")

    def index(self) -> None:
        for number in (3, 1, 5, 2, 4):
            item = {"pk": "index", "sk": str(number), "month": "2026-11", "place": f"p{number}"}
            self._table.put_item(Item=item)
        awaited(lambda: len(self._places(limit=10)) == 5, 5.0)  # noqa: PLR2004 - as above
        expect(self._places(limit=2), ["p4", "p3", "p2", "p1"], "The list")

    def _places(self, limit: int) -> list[str]:
        request: dict[str, Any] = {
            "IndexName": "places",
            "KeyConditionExpression": Key("month").eq("2026-11") & Key("place").lt("p5"),
            "ScanIndexForward": False,
            "Limit": limit,
        }
        found: list[str] = []
        while True:
            page = self._table.query(**request)
            found += [str(one["place"]) for one in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return found
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def expiry(self) -> None:
        self._client.update_time_to_live(
            TableName=self._name,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"},
        )


def _schema(hash_key: str, range_key: str) -> Any:
    return [
        {"AttributeName": hash_key, "KeyType": "HASH"},
        {"AttributeName": range_key, "KeyType": "RANGE"},
    ]
