"""Patches for moto's DynamoDB: the same answers in less time."""

import base64
from contextvars import ContextVar
from functools import wraps
from typing import Any

from moto.core.serialize import JSONSerializer
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

from pipeline.hosts.local.moto_patches.patch import Function, Patch

# The partition key and the index of the query that is being answered.
_QUERIED: ContextVar[tuple[DynamoType, str | None] | None] = ContextVar("queried", default=None)


def serialize_attribute_values(serialize: Function) -> Function:
    """Serialize the values of an item directly: they already have JSON's form.

    moto tries each of the ten types for every value. That takes 9 ms for a stage's record, and no
    other request is served meanwhile.
    """

    @wraps(serialize)
    def patched(
        self: JSONSerializer, serialized: dict[str, Any], value: Any, shape: Any, key: str
    ) -> None:
        if shape.name == "AttributeValue":
            serialized[key] = _attribute(value)
        else:
            serialize(self, serialized, value, shape, key)

    return patched


def _attribute(value: Any) -> dict[str, Any]:
    """Return a DynamoDB value in JSON's form."""
    if isinstance(value, DynamoType):
        value = {value.type: value.value}
    ((kind, inner),) = value.items()
    match kind, inner:
        case "M", _:
            return {kind: {name: _attribute(one) for name, one in inner.items()}}
        case "L", _:
            return {kind: [_attribute(one) for one in inner]}
        case "BS", _:
            return {kind: [_base64(one) for one in inner]}
        case "B", _:
            return {kind: _base64(inner)}
        case _:
            return {kind: inner}


def _base64(value: bytes | str) -> str:
    """Encode bytes as Base64, as in JSON; moto has already encoded some."""
    return value if isinstance(value, str) else base64.b64encode(value).decode()


def remember_queried_partition(query: Function) -> Function:
    """Remember the key of a query, so that it sorts only the items that have it.

    moto sorts the whole table for each query. With a library of 500 videos that takes tens of
    milliseconds, and no other request is served meanwhile.
    """

    @wraps(query)
    def patched(self: Table, hash_key: DynamoType, *args: Any, **more: Any) -> Any:
        index_name = more.get("index_name", args[6] if len(args) > 6 else None)  # noqa: PLR2004 - moto's order
        token = _QUERIED.set((hash_key, index_name))
        try:
            return query(self, hash_key, *args, **more)
        finally:
            _QUERIED.reset(token)

    return patched


def return_items_of_partition(all_items: Function) -> Function:
    """Return only the items that a query may match; it filters and sorts them itself.

    The query's key comes from ``remember_queried_partition``.
    """

    @wraps(all_items)
    def patched(self: Table) -> Any:
        queried = _QUERIED.get()
        if queried is None or not self.range_key_attr:
            return all_items(self)
        hash_key, index_name = queried
        if index_name is None:
            return list(self.items.get(hash_key, {}).values())
        return [item for partition in self.items.values() for item in partition.values()]

    return patched


def pick_attributes(project: Function) -> Function:
    """Return the attributes that a request asks for by picking them.

    moto copies the whole item once per attribute. That takes a second for 30 attributes of 100
    items, and no other request is served meanwhile.
    """

    @wraps(project)
    def patched(self: Item, paths: list[list[str]]) -> Any:
        if any("[" in part for path in paths for part in path):
            return project(self, paths)  # an element of a list
        picked: dict[str, Any] = {}
        for path in paths:
            _pick(path, self.attrs, picked)
        item = Item(self.hash_key, self.range_key, {})
        for name, value in picked.items():
            dict.__setitem__(item.attrs, name, value)  # moto computes its size each time
        return item

    return patched


def _pick(path: list[str], attributes: dict[str, Any], into: dict[str, Any]) -> None:
    """Copy the attribute at ``path`` to the same place, if there is one."""
    first, *rest = path
    value = attributes.get(first)
    if value is None:
        return
    if not rest:
        into[first] = value
    elif value.is_map():
        known = into.get(first) or DynamoType({"M": {}})
        _pick(rest, value.value, known.value)
        if known.value:
            into[first] = known


PATCHES = (
    Patch(JSONSerializer, "_serialize_type_structure", serialize_attribute_values),
    Patch(Item, "project", pick_attributes),
    Patch(Table, "query", remember_queried_partition),
    Patch(Table, "all_items", return_items_of_partition),
)
