"""A table of DynamoDB in memory, as boto3's ``Table`` gives access to it.

``test_table`` holds it against moto with the same random requests. Items are never changed in
place: a write puts another dictionary in their place, so a reader keeps what it has read.
"""

from bisect import insort
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Self

from botocore.exceptions import ClientError

from tests.simulation import expressions
from tests.simulation.scheduler import Violation

Item = dict[str, Any]
Call = Callable[..., Any]
_AT_ONCE = 25  # DynamoDB's limit on the writes of a batch


class Refused(ClientError):
    """The error of a condition that does not hold."""

    def __init__(self) -> None:
        super().__init__({"Error": {"Code": "ConditionalCheckFailedException"}}, "UpdateItem")


class Rows:
    """The items of a table, and its indexes.

    Args:
        indexes: hash and range key by name.

    Attributes:
        lag: returns seconds until an index has a write.
        defer: has an action happen after so many seconds.
        watch: called with an item as it was and as it is.
    """

    def __init__(self, indexes: dict[str, tuple[str, str]]) -> None:
        self._keys = indexes
        self.clear()
        self.lag: Callable[[], float] = lambda: 0.0
        self.defer: Callable[[float, Callable[[], None]], None] = lambda _, action: action()
        self.watch: Callable[[Item | None, Item | None], None] = lambda *_: None

    def clear(self) -> None:
        """Remove all items."""
        self.items: dict[tuple[str, str], Item] = {}
        self._sorted: dict[str, list[str]] = defaultdict(list)
        self.indexed: dict[str, dict[str, list[tuple[str, str, str]]]] = {
            name: defaultdict(list) for name in self._keys
        }
        self._places: dict[tuple[str, str], dict[str, tuple[str, tuple[str, str, str]]]] = {}

    def put(self, item: Item) -> None:
        """Put an item in the place of any other."""
        key = item["pk"], item["sk"]
        former = self.items.get(key)
        self.watch(former, item)
        if former is None:
            insort(self._sorted[key[0]], key[1])
        self.items[key] = item
        self._index(key, former, item)

    def delete(self, key: tuple[str, str]) -> None:
        """Remove an item."""
        former = self.items.get(key)
        if former is None:
            return
        self.watch(former, None)
        del self.items[key]
        self._sorted[key[0]].remove(key[1])
        self._index(key, former, None)

    def partition(self, pk: str) -> list[Item]:
        """Return the items of a partition in the order of their sort keys."""
        return [self.items[pk, sk] for sk in self._sorted.get(pk, ())]

    def of_index(self, name: str, value: str) -> list[Item]:
        """Return the keys that an index holds of a value, in its order."""
        hash_key, range_key = self._keys[name]
        return [
            {"pk": pk, "sk": sk, hash_key: value, range_key: place}
            for place, pk, sk in self.indexed[name].get(value, ())
        ]

    def _index(self, key: tuple[str, str], former: Item | None, item: Item | None) -> None:
        changed = False
        for hash_key, range_key in self._keys.values():
            for name in (hash_key, range_key):
                was = former.get(name) if former else None
                if was != (item.get(name) if item else None):
                    changed = True
        if changed:
            if seconds := self.lag():
                self.defer(seconds, lambda: self._place(key))
            else:
                self._place(key)

    def _place(self, key: tuple[str, str]) -> None:
        """Bring the indexes in step with an item as it is now."""
        for name, (value, entry) in self._places.pop(key, {}).items():
            self.indexed[name][value].remove(entry)
        item = self.items.get(key)
        if item is None:
            return
        places = {}
        for name, (hash_key, range_key) in self._keys.items():
            if hash_key in item and range_key in item:
                entry = (item[range_key], *key)
                places[name] = item[hash_key], entry
                insort(self.indexed[name][item[hash_key]], entry)
        self._places[key] = places


class FakeTable:
    """The part of boto3's ``Table`` that this project uses.

    Args:
        rows: the items.
        call: makes a call: ``call(operation, effect, about, changes=…)``.
        page: most items of a page of a query.
    """

    def __init__(self, rows: Rows, call: Call, *, name: str = "sim", page: int = 1000) -> None:
        self.rows = rows
        self.name = name
        self._call = call
        self._page = page
        self.meta = self
        self.client = self
        self.exceptions = self
        self.ConditionalCheckFailedException = Refused

    # -- reads -----------------------------------------------------------------------------------

    def get_item(self, *, Key: Item, ConsistentRead: bool = False) -> Item:
        def effect() -> Item:
            found = self.rows.items.get((Key["pk"], Key["sk"]))
            return {} if found is None else {"Item": found}

        if not ConsistentRead:
            raise Violation("all reads of one item are consistent")
        return self._call("GetItem", effect, Key)

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> Item:
        request = RequestItems[self.name]
        keys = [(one["pk"], one["sk"]) for one in request["Keys"]]
        if len(set(keys)) != len(keys):
            raise Violation("DynamoDB rejects duplicate keys")
        projection = request.get("ProjectionExpression")

        def effect() -> Item:
            found = [self.rows.items[key] for key in keys if key in self.rows.items]
            if projection:
                names = request["ExpressionAttributeNames"]
                found = [_projected(one, projection, names) for one in found]
            return {"Responses": {self.name: found}, "UnprocessedKeys": {}}

        return self._call("BatchGetItem", effect, keys)

    def query(
        self,
        *,
        KeyConditionExpression: str,
        ExpressionAttributeNames: dict[str, str],
        ExpressionAttributeValues: dict[str, Any],
        IndexName: str | None = None,
        ScanIndexForward: bool = True,
        ConsistentRead: bool = False,
        Limit: int | None = None,
        ExclusiveStartKey: Item | None = None,
        ProjectionExpression: str | None = None,
        Select: str | None = None,
    ) -> Item:
        if IndexName and ConsistentRead:
            raise Violation("an index has no consistent reads")
        value, on_sort_key = expressions.key_condition(KeyConditionExpression)
        pk = ExpressionAttributeValues[value]

        def effect() -> Item:
            rows = self.rows
            found = rows.of_index(IndexName, pk) if IndexName else rows.partition(pk)
            if on_sort_key:
                names, values = ExpressionAttributeNames, ExpressionAttributeValues
                found = [one for one in found if on_sort_key(one, names, values)]
            if not ScanIndexForward:
                found = found[::-1]
            if ExclusiveStartKey:
                found = _behind(found, ExclusiveStartKey, rows, IndexName, forward=ScanIndexForward)
            most = Limit or self._page
            answer: Item = {}
            if len(found) > most or (Limit and len(found) == most):
                last = found[most - 1]
                kept = ["pk", "sk", *(rows._keys[IndexName] if IndexName else ())]
                answer["LastEvaluatedKey"] = {name: last[name] for name in kept}
            found = found[:most]
            if ProjectionExpression:
                wanted = [one.strip() for one in ProjectionExpression.split(",")]
                found = [{k: one[k] for k in wanted if k in one} for one in found]
            if Select == "COUNT":
                return {"Count": len(found), **answer}
            return {"Items": found, "Count": len(found), **answer}

        return self._call("Query", effect, (IndexName, pk))

    # -- writes ----------------------------------------------------------------------------------

    def put_item(self, *, Item: Item) -> Item:
        return self._call("PutItem", lambda: self.rows.put(Item) or {}, Item, changes=True)

    def update_item(
        self,
        *,
        Key: Item,
        UpdateExpression: str,
        ExpressionAttributeNames: dict[str, str],
        ExpressionAttributeValues: dict[str, Any] | None = None,
        ConditionExpression: str | None = None,
        ReturnValues: str = "NONE",
        TableName: str | None = None,
    ) -> Item:
        del TableName
        names, values = ExpressionAttributeNames, ExpressionAttributeValues or {}
        key = Key["pk"], Key["sk"]

        def effect() -> Item:
            former = self.rows.items.get(key)
            if ConditionExpression is not None:
                holds = expressions.condition(ConditionExpression)
                if not holds(former or {}, names, values):
                    raise Refused
            item = dict(former) if former else dict(Key)
            for verb, name, value in expressions.update(UpdateExpression):
                _change(item, verb, names[name], values.get(value))
            self.rows.put(item)
            if ReturnValues == "ALL_OLD":
                return {"Attributes": former} if former else {}
            return {"Attributes": item} if ReturnValues == "ALL_NEW" else {}

        return self._call("UpdateItem", effect, key, changes=True)

    def delete_item(
        self,
        *,
        Key: Item,
        ConditionExpression: str | None = None,
        ExpressionAttributeNames: dict[str, str] | None = None,
        ExpressionAttributeValues: dict[str, Any] | None = None,
        TableName: str | None = None,
    ) -> Item:
        del TableName
        key, names, values = (
            (Key["pk"], Key["sk"]),
            ExpressionAttributeNames or {},
            (ExpressionAttributeValues or {}),
        )

        def effect() -> Item:
            if ConditionExpression is not None:
                holds = expressions.condition(ConditionExpression)
                former = self.rows.items.get(key, {})
                if not holds(former, names, values):
                    raise Refused
            self.rows.delete(key)
            return {}

        return self._call("DeleteItem", effect, key, changes=True)

    def batch_writer(self) -> "_Batch":
        return _Batch(self)

    def write_batch(self, some: list[tuple[tuple[str, str], Item | None]]) -> None:
        """Write up to 25 items: a crash may come between two of them."""

        def write(part: list[tuple[tuple[str, str], Item | None]]) -> Item:
            for key, item in part:
                if item is None:
                    self.rows.delete(key)
                else:
                    self.rows.put(item)
            return {}

        halves = (some[: len(some) // 2], some[len(some) // 2 :]) if len(some) > 1 else (some,)
        for half in halves:
            about = [key for key, _ in half]
            self._call("BatchWriteItem", lambda half=half: write(half), about, changes=True)


class _Batch:
    """The writer of a batch: boto3's, which sends 25 requests at once."""

    def __init__(self, table: FakeTable) -> None:
        self._table = table
        self._held: list[tuple[tuple[str, str], Item | None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        while kind is None and self._held:
            self._flush()

    def put_item(self, *, Item: Item) -> None:
        item = {name: set(one) if isinstance(one, set) else one for name, one in Item.items()}
        self._add((item["pk"], item["sk"]), item)

    def delete_item(self, *, Key: Item) -> None:
        self._add((Key["pk"], Key["sk"]), None)

    def _add(self, key: tuple[str, str], item: Item | None) -> None:
        self._held.append((key, item))
        if len(self._held) >= _AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        some, self._held = self._held[:_AT_ONCE], self._held[_AT_ONCE:]
        if len({key for key, _ in some}) != len(some):
            raise Violation("DynamoDB rejects a batch with two writes of one item")
        self._table.write_batch(some)


def _change(item: Item, verb: str, name: str, value: Any) -> None:
    if verb == "SET":
        item[name] = value
    elif verb == "REMOVE":
        item.pop(name, None)
    elif verb == "ADD":
        item[name] = item.get(name, set()) | value
    else:
        left = item.get(name, set()) - value
        if left:
            item[name] = left
        else:
            item.pop(name, None)


def _behind(
    found: list[Item], start: Item, rows: Rows, index: str | None, *, forward: bool
) -> list[Item]:
    """Return the items behind a key, which may not exist any more."""
    names = (*((rows._keys[index][1],) if index else ()), *(("pk",) if index else ()), "sk")
    place = tuple(start[name] for name in names)
    keys = [(tuple(one[name] for name in names), one) for one in found]
    return [one for key, one in keys if (key > place if forward else key < place)]


def _projected(item: Item, projection: str, names: dict[str, str]) -> Item:
    made: Item = {}
    for path in expressions.paths(projection):
        value, target = item, made
        for step in path[:-1]:
            name = names[step]
            if not isinstance(value.get(name), dict):
                break
            value = value[name]
            target = target.setdefault(name, {})
        else:
            last = names[path[-1]]
            if isinstance(value, dict) and last in value:
                target[last] = value[last]
    return made
