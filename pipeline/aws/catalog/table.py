"""The DynamoDB operations of this project: conditional writes, queries, consistent reads.

There are no transactions and no scans: each write changes one item, and each read has a key.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from boto3.dynamodb.conditions import ConditionBase, Key
from botocore.exceptions import ClientError

from pipeline.aws import clients as aws
from pipeline.aws.catalog.attributes import item as _item
from pipeline.aws.catalog.attributes import names as _names
from pipeline.aws.catalog.attributes import plain as _plain
from pipeline.aws.catalog.attributes import projection as _projection
from pipeline.aws.catalog.attributes import worded as _worded

AT_ONCE = 1000
"""Items that a call of a query reads at most, where all are wanted."""
_BATCH_GET = 100  # DynamoDB's limit on keys a request


class ConditionFailed(Exception):
    """A failed condition: the item differs from what the write expected; nothing was written."""


@contextmanager
def _conditional() -> Iterator[None]:
    """Turn DynamoDB's error about a condition into ours."""
    try:
        yield
    except ClientError as error:
        if aws.code(error) == "ConditionalCheckFailedException":
            raise ConditionFailed from error
        raise


class Table:
    """A DynamoDB table of items in JSON-compatible Python types.

    Args:
        table: a boto3 ``Table`` with string keys ``pk`` and ``sk``.
    """

    def __init__(self, table: Any) -> None:
        self._table = table

    def get(self, pk: str, sk: str) -> dict[str, Any] | None:
        """Read one item consistently."""
        found = self._table.get_item(Key={"pk": pk, "sk": sk}, ConsistentRead=True).get("Item")
        return None if found is None else dict(_plain(found))

    def holds(self, pk: str, sk: str, fields: Mapping[str, Any]) -> bool:
        """Return True if an item has these attributes, although a condition failed.

        boto3 repeats a request whose answer was lost: then its own change made the condition fail.
        """
        found = self.get(pk, sk) or {}
        return all(found.get(name) == value for name, value in fields.items())

    def get_many(
        self, keys: list[tuple[str, str]], *, only: Sequence[str] = ()
    ) -> Iterator[dict[str, Any]]:
        """Read items consistently; yield those that exist, in any order.

        Args:
            keys: partition and sort keys.
            only: attributes to read, ``outer.inner`` for a nested one; all by default. Parsing is
                most of the time of a read, so fewer attributes are faster.
        """
        for start in range(0, len(keys), _BATCH_GET):
            some = [{"pk": pk, "sk": sk} for pk, sk in keys[start : start + _BATCH_GET]]
            request = {"Keys": some, "ConsistentRead": True, **_projection(only)}
            wanted: dict[str, Any] = {self._table.name: request}
            while wanted:
                page = self._table.meta.client.batch_get_item(RequestItems=wanted)
                yield from (_plain(item) for item in page["Responses"].get(self._table.name, []))
                if wanted := page.get("UnprocessedKeys") or {}:
                    time.sleep(0.05)  # throttling: DynamoDB left keys unprocessed

    def query(self, *, limit: int = AT_ONCE, **request: Any) -> Iterator[dict[str, Any]]:
        """Yield all items of a ``Query``. Each call reads, and is charged for, ``limit`` items."""
        while True:
            items, last = self.page(limit=limit, **request)
            yield from items
            if last is None:
                return
            request["ExclusiveStartKey"] = last

    def page(
        self, *, limit: int, **request: Any
    ) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        """Return one page of a ``Query``, and the key after which the next one starts."""
        page = self._table.query(Limit=limit, **_worded(request))
        return [_plain(item) for item in page["Items"]], page.get("LastEvaluatedKey")

    def number(self, most: int, **request: Any) -> int:
        """Return the number of items of a ``Query``, at most ``most``; no item is sent."""
        page = self._table.query(Select="COUNT", Limit=most, **_worded(request))
        left, last = most - page["Count"], page.get("LastEvaluatedKey")
        more = self.number(left, **request | {"ExclusiveStartKey": last}) if last and left else 0
        return int(page["Count"]) + more

    def put(self, pk: str, sk: str, fields: Mapping[str, Any]) -> None:
        """Write one item, replacing any."""
        self._table.put_item(Item={"pk": pk, "sk": sk, **_item(dict(fields))})

    def write(
        self, puts: Iterable[dict[str, Any]] = (), deletes: Iterable[dict[str, Any]] = ()
    ) -> None:
        """Put and delete items unconditionally; each has its ``pk`` and ``sk``.

        An attribute of an item to put may be bytes, or a set of strings.
        """
        with self._table.batch_writer() as batch:
            for item in puts:
                raw = {name: one for name, one in item.items() if isinstance(one, bytes | set)}
                plain = {name: value for name, value in item.items() if name not in raw}
                batch.put_item(Item=_item(plain) | raw)
            for item in deletes:
                batch.delete_item(Key={"pk": item["pk"], "sk": item["sk"]})

    def update(
        self,
        pk: str,
        sk: str,
        *,
        set: Mapping[str, Any],  # noqa: A002 - DynamoDB's term
        remove: Iterable[str] = (),
        condition: str | None = None,
        given: Mapping[str, Any] | None = None,
        former: bool = False,
    ) -> dict[str, Any]:
        """Set and remove attributes of one item if a condition holds; make the item if missing.

        Args:
            pk: partition key.
            sk: sort key.
            set: attributes and their new values.
            remove: attributes to remove.
            condition: with attributes as ``#name`` and values as ``:value``; None for no
                condition.
            given: the condition's values.
            former: True to read the item as it was.

        Returns:
            the item as it was, if asked for.

        Raises:
            ConditionFailed: the condition does not hold.
        """
        names = {f"#{name}": name for name in (*set, *remove, *_names(condition or ""))}
        changes = {"SET": [f"#{name} = :set_{name}" for name in set]}
        changes["REMOVE"] = [f"#{name}" for name in remove]
        expression = " ".join(f"{verb} {', '.join(each)}" for verb, each in changes.items() if each)
        values = {f":set_{name}": value for name, value in set.items()}
        values |= {f":{name}": value for name, value in (given or {}).items()}
        written = _item(values)
        with _conditional():
            done = self._table.update_item(
                Key={"pk": pk, "sk": sk},
                UpdateExpression=expression,
                ExpressionAttributeNames=names,
                **({"ExpressionAttributeValues": written} if written else {}),
                **({"ConditionExpression": condition} if condition else {}),
                **({"ReturnValues": "ALL_OLD"} if former else {}),
            )
        return dict(_plain(done.get("Attributes", {})))

    def add_to_set(self, pk: str, sk: str, name: str, member: str) -> None:
        """Add a string to a set attribute of an item; a missing item is made."""
        self._table.meta.client.update_item(
            TableName=self._table.name,
            Key={"pk": pk, "sk": sk},
            UpdateExpression="ADD #name :members",
            ExpressionAttributeNames={"#name": name},
            ExpressionAttributeValues={":members": {member}},
        )

    def take_from_set(self, pk: str, sk: str, name: str, member: str) -> None:
        """Remove a string from a set attribute of an item; remove the item with its last one."""
        left = self._table.meta.client.update_item(
            TableName=self._table.name,
            Key={"pk": pk, "sk": sk},
            UpdateExpression="DELETE #name :members",
            ExpressionAttributeNames={"#name": name},
            ExpressionAttributeValues={":members": {member}},
            ReturnValues="ALL_NEW",
        )
        if name not in left.get("Attributes", {}):
            with suppress(ConditionFailed):
                self.delete(pk, sk, condition=f"attribute_not_exists(#{name})")

    def delete(
        self, pk: str, sk: str, *, condition: str, given: Mapping[str, Any] | None = None
    ) -> None:
        """Remove an item if a condition holds; see ``update``.

        Raises:
            ConditionFailed: the condition does not hold.
        """
        values = {f":{name}": _item(value) for name, value in (given or {}).items()}
        with _conditional():
            # Unlike a resource, a client is safe to share between threads.
            self._table.meta.client.delete_item(
                TableName=self._table.name,
                Key={"pk": pk, "sk": sk},
                ConditionExpression=condition,
                ExpressionAttributeNames={f"#{name}": name for name in _names(condition)},
                **({"ExpressionAttributeValues": values} if values else {}),
            )

    def add_member(
        self,
        pk: str,
        sk: str,
        *,
        name: str,
        member: str,
        set: Mapping[str, Any],  # noqa: A002 - DynamoDB's term
        condition: str,
        given: Mapping[str, Any],
    ) -> frozenset[str]:
        """Add a string to a set attribute of one item if a condition holds; return the set.

        Args:
            pk: partition key.
            sk: sort key.
            name: the set attribute.
            member: the string.
            set: other attributes and their new values.
            condition: see ``update``.
            given: the condition's values.

        Raises:
            ConditionFailed: the condition does not hold.
        """
        names = {f"#{one}": one for one in (name, *set, *_names(condition))}
        values = {f":set_{one}": value for one, value in set.items()}
        values |= {f":{one}": value for one, value in given.items()}
        with _conditional():
            done = self._table.update_item(
                Key={"pk": pk, "sk": sk},
                UpdateExpression="SET "
                + ", ".join(f"#{one} = :set_{one}" for one in set)
                + f" ADD #{name} :member",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={**_item(values), ":member": {member}},
                ConditionExpression=condition,
                ReturnValues="ALL_NEW",  # some implementations omit attributes that stay the same
            )
        return frozenset(done["Attributes"][name])


def partition(
    key: str,
    value: str,
    *,
    sort: str = "sk",
    below: str | None = None,
    above: str | None = None,
    prefix: str | None = None,
    between: tuple[str, str] | None = None,
) -> ConditionBase:
    """Return the key condition of a query over one partition.

    Args:
        key: the partition key's name.
        value: the partition.
        sort: the sort key's name.
        below: find only sort keys below this one; no limit if empty, as no key is.
        above: find only sort keys above this one; not together with ``below``.
        prefix: find only sort keys with this prefix.
        between: find only sort keys from the first of these to the second.
    """
    condition: ConditionBase = Key(key).eq(value)
    if below:
        condition &= Key(sort).lt(below)
    if above:
        condition &= Key(sort).gt(above)
    if between:
        condition &= Key(sort).between(*between)
    if prefix is not None:
        condition &= Key(sort).begins_with(prefix)
    return condition


def iso(moment: datetime) -> str:
    """Format a time as UTC to the millisecond, so that strings sort as times do."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch_key(seconds: float) -> str:
    """Format epoch seconds as a string that sorts as the number does (index keys are strings)."""
    return f"{seconds:014.3f}"
