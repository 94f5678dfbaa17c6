"""The catalog's table: made from the topology, and updated when the topology changes."""

import time
from typing import Any

from botocore.exceptions import ClientError

from pipeline.aws import clients as aws
from pipeline.core.errors import DependencyFailed, MissingDependency
from pipeline.core.topology import IndexSpec, TableSpec

# DynamoDB fills an index added to a full table; a later run continues to wait.
_INDEX_PATIENCE_S = 900.0
_UNABLE = {"UnknownOperationException", "ValidationException"}


def ensure(dynamodb: Any, name: str, spec: TableSpec) -> list[str]:
    """Make the table, or add missing indexes and expiry.

    Args:
        dynamodb: a boto3 client.
        name: of the table.
        spec: its keys and indexes.

    Returns:
        Descriptions of what was made or changed.

    Raises:
        MissingDependency: ``missing_index``: this DynamoDB cannot add an index to a table.
        DependencyFailed: ``index_pending``: filling an index of a large table takes longer.
    """
    changed = []
    table = _describe(dynamodb, name)
    if table is None:
        _create(dynamodb, name, spec)
        changed.append(f"table {name}")
    else:
        for index_name, index in spec.indexes.items():
            if _status(table, index_name) is None:
                _add(dynamodb, table, index_name, index)
                changed.append(f"index {index_name} of table {name}")
            table = _await(dynamodb, name, index_name)
    if _expire(dynamodb, name, spec.ttl):
        changed.append(f"expiry in table {name}")
    return changed


def _describe(dynamodb: Any, name: str) -> dict[str, Any] | None:
    try:
        return dict(dynamodb.describe_table(TableName=name)["Table"])
    except ClientError as error:
        if aws.code(error) != "ResourceNotFoundException":
            raise
        return None


def _create(dynamodb: Any, name: str, spec: TableSpec) -> None:
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=_key_schema(spec),
        AttributeDefinitions=_attributes(spec, *spec.indexes.values()),
        GlobalSecondaryIndexes=[_index(*pair) for pair in spec.indexes.items()],
    )
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})


def _add(dynamodb: Any, table: dict[str, Any], name: str, spec: IndexSpec) -> None:
    """Add one index: AWS adds one at a time.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html
    """
    known = table["AttributeDefinitions"]
    new = [attribute for attribute in _attributes(spec) if attribute not in known]
    try:
        dynamodb.update_table(
            TableName=table["TableName"],
            AttributeDefinitions=known + new,
            GlobalSecondaryIndexUpdates=[{"Create": _index(name, spec)}],
        )
    except ClientError as error:
        if aws.code(error) not in _UNABLE:
            raise
        raise MissingDependency(
            "missing_index",
            f"Table {table['TableName']} lacks the index {name}, and this DynamoDB cannot add one "
            f"to an existing table ({error}). Start with a new table.",
        ) from error


def _await(dynamodb: Any, table: str, index: str) -> dict[str, Any]:
    """Return the description of the table once the index can be queried."""
    end = time.monotonic() + _INDEX_PATIENCE_S
    while True:
        now = dict(dynamodb.describe_table(TableName=table)["Table"])
        if _status(now, index) == "ACTIVE":
            return now
        if time.monotonic() > end:
            raise DependencyFailed(
                "index_pending",
                f"The index {index} of table {table} is still being filled. Try again later.",
            )
        time.sleep(1)


def _status(table: dict[str, Any], index: str) -> str | None:
    """Return the status of an index in a table's description; None if there is no such index."""
    indexes = table.get("GlobalSecondaryIndexes", [])
    return next((one["IndexStatus"] for one in indexes if one["IndexName"] == index), None)


def _expire(dynamodb: Any, table: str, attribute: str) -> bool:
    """Enable expiry of items if the implementation can; nothing relies on it."""
    try:
        now = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        if now["TimeToLiveStatus"] != "DISABLED":
            return False
        dynamodb.update_time_to_live(
            TableName=table,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": attribute},
        )
    except ClientError as error:
        if aws.code(error) != "UnknownOperationException":
            raise
        return False
    return True


def _index(name: str, spec: IndexSpec) -> dict[str, Any]:
    return {
        "IndexName": name,
        "KeySchema": _key_schema(spec),
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }


def _key_schema(keys: TableSpec | IndexSpec) -> list[dict[str, str]]:
    return [
        {"AttributeName": keys.hash_key, "KeyType": "HASH"},
        {"AttributeName": keys.range_key, "KeyType": "RANGE"},
    ]


def _attributes(*keys: TableSpec | IndexSpec) -> list[dict[str, str]]:
    names = sorted({name for key in keys for name in (key.hash_key, key.range_key)})
    return [{"AttributeName": name, "AttributeType": "S"} for name in names]
