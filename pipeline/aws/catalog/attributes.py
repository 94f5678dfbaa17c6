"""The attributes of items as Python has them, and as boto3 wants them."""

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from boto3.dynamodb.conditions import ConditionExpressionBuilder
from boto3.dynamodb.types import Binary

_SMALLEST = Decimal("1E-130")  # DynamoDB's smallest positive number


def projection(paths: Sequence[str]) -> dict[str, Any]:
    """Return the part of a request that names the attributes to read."""
    if not paths:
        return {}
    names = {name for path in paths for name in path.split(".")}
    return {
        "ProjectionExpression": ", ".join("#" + path.replace(".", ".#") for path in paths),
        "ExpressionAttributeNames": {f"#{name}": name for name in names},
    }


def names(condition: str) -> Iterator[str]:
    """Yield the names that follow ``#`` in a condition."""
    for word in condition.replace("(", " ").replace(")", " ").replace(",", " ").split():
        if word.startswith("#"):
            yield word[1:]


def worded(request: dict[str, Any]) -> dict[str, Any]:
    """Return a query with its key condition as text.

    boto3 would word it, too, but with a counter that all threads of a process share.
    """
    condition = request["KeyConditionExpression"]
    built = ConditionExpressionBuilder().build_expression(condition, is_key_condition=True)
    known_names = request.get("ExpressionAttributeNames", {})
    known_values = request.get("ExpressionAttributeValues", {})
    return {
        **request,
        "KeyConditionExpression": built.condition_expression,
        "ExpressionAttributeNames": {**known_names, **built.attribute_name_placeholders},
        "ExpressionAttributeValues": {**known_values, **built.attribute_value_placeholders},
    }


def item(value: Any) -> Any:
    """Convert JSON-ready data for DynamoDB: floats become Decimals."""
    return _read(json.dumps(value))


def _number(text: str) -> Decimal:
    """Convert a float for DynamoDB, which has no positive number below 1e-130."""
    number = Decimal(text)
    return number if abs(number) >= _SMALLEST else Decimal(0)


_read = json.JSONDecoder(parse_float=_number).decode


def plain(value: Any) -> Any:
    """Convert data from DynamoDB: Decimals become ints and floats, and binaries bytes."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Binary):
        raw: Any = value  # its types do not know that it converts
        return bytes(raw)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value
