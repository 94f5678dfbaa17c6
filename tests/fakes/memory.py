"""The part of AWS that replays use, in memory, for hundreds of crashes a second without waiting.

Queries and conditions are the project's, word for word. ``tests/integration/replays`` runs them on
two implementations of DynamoDB.
"""

import io
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from hashlib import md5
from types import CodeType
from typing import IO, Any, TypeVar

from botocore.exceptions import ClientError

from pipeline.aws.catalog.table import ConditionFailed, Table
from pipeline.core.topology import Names, Topology

_T = TypeVar("_T")


class Killed(BaseException):
    """The end of a killed process: nothing may catch it."""


class Faults:
    """Kills of a process at its ``nth`` call from now on, before or after the call's effect.

    Attributes:
        calls: number of the victim's calls.
        who: the current caller.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.who: str | None = None
        self._victim: str | None = None
        self._at: int | None = None
        self._late = False

    def arm(self, victim: str, nth: int | None = None, *, late: bool = False) -> None:
        self.calls, self._victim, self._at, self._late = 0, victim, nth, late

    def call(self, effect: Callable[[], _T]) -> _T:
        if self.who is None or self.who != self._victim:
            return effect()
        self.calls += 1
        if self.calls != self._at:
            return effect()
        if self._late:
            with suppress(Exception):  # a condition that does not hold
                effect()
        raise Killed


class MemoryTable(Table):
    """A table in a dictionary."""

    def __init__(self, topology: Topology, faults: Faults) -> None:
        self.items: dict[tuple[str, str], dict[str, Any]] = {}
        self.queries: list[dict[str, Any]] = []
        self.updates: list[tuple[str, str, dict[str, Any]]] = []
        self._spec, self._faults = topology.table, faults

    def get(self, pk: str, sk: str) -> dict[str, Any] | None:
        return self._faults.call(lambda: _copy(self.items.get((pk, sk))))

    def get_many(
        self, keys: list[tuple[str, str]], *, only: Sequence[str] = ()
    ) -> Iterator[dict[str, Any]]:
        assert len(keys) == len(set(keys)), "DynamoDB rejects duplicate keys"
        yield from (_copy(_part(self.items[key], only)) for key in keys if key in self.items)

    def query(self, **request: Any) -> Iterator[dict[str, Any]]:
        self.queries.append(request)
        key, kept = "sk", tuple[str, ...]()
        if name := request.get("IndexName"):
            index = self._spec.indexes[name]
            key, kept = index.range_key, ("pk", "sk", index.hash_key, index.range_key)
        found = [
            item for item in self.items.values() if _holds(request["KeyConditionExpression"], item)
        ]
        found.sort(key=lambda item: str(item[key]))
        if not request.get("ScanIndexForward", True):
            found.reverse()
        yield from (_part(_copy(item), kept) for item in found)

    def page(self, **request: Any) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        limit, start = request.pop("limit"), request.pop("ExclusiveStartKey", None)
        items = list(self.query(**request))
        if start:
            items = items[[item["sk"] for item in items].index(start["sk"]) + 1 :]
        if len(items) <= limit:
            return items, None
        return items[:limit], {"pk": items[limit - 1]["pk"], "sk": items[limit - 1]["sk"]}

    def put(self, pk: str, sk: str, fields: Mapping[str, Any]) -> None:
        raw = {name: one for name, one in fields.items() if isinstance(one, bytes)}
        fields = {
            name: sorted(one) if isinstance(one, set) else one for name, one in fields.items()
        }
        plain = {name: value for name, value in fields.items() if name not in raw}
        item = {"pk": pk, "sk": sk, **_copy(plain), **raw}
        self._faults.call(lambda: self.items.update({(pk, sk): item}))

    def write(
        self, puts: Iterable[dict[str, Any]] = (), deletes: Iterable[dict[str, Any]] = ()
    ) -> None:
        for item in puts:
            self.put(item["pk"], item["sk"], item)
        if keys := [(item["pk"], item["sk"]) for item in deletes]:
            self._faults.call(lambda: [self.items.pop(key, None) for key in keys])

    def update(
        self,
        pk: str,
        sk: str,
        *,
        set: Mapping[str, Any],  # noqa: A002 - as in Table
        remove: Iterable[str] = (),
        condition: str | None = None,
        given: Mapping[str, Any] | None = None,
        former: bool = False,
    ) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            now = self.items.get((pk, sk), {})
            if condition and not _true(condition, now, _copy(dict(given or {}))):
                raise ConditionFailed
            kept = {name: value for name, value in now.items() if name not in set_of(remove)}
            self.items[pk, sk] = {"pk": pk, "sk": sk, **kept, **_copy(dict(set))}
            self.updates.append((pk, sk, dict(set)))
            return dict(_copy(now)) if former else {}

        set_of = frozenset
        return self._faults.call(effect)

    def delete(
        self, pk: str, sk: str, *, condition: str, given: Mapping[str, Any] | None = None
    ) -> None:
        def effect() -> None:
            if not _true(condition, self.items.get((pk, sk), {}), _copy(dict(given or {}))):
                raise ConditionFailed
            self.items.pop((pk, sk), None)

        self._faults.call(effect)

    def add_member(
        self,
        pk: str,
        sk: str,
        *,
        name: str,
        member: str,
        set: Mapping[str, Any],  # noqa: A002 - as in Table
        condition: str,
        given: Mapping[str, Any],
    ) -> frozenset[str]:
        def effect() -> frozenset[str]:
            item = self.items.get((pk, sk), {})
            if not _true(condition, item, _copy(dict(given))):
                raise ConditionFailed
            item.update(_copy(dict(set)))
            item[name] = sorted({*item.get(name, ()), member})
            return frozenset(item[name])

        return self._faults.call(effect)

    def add_to_set(self, pk: str, sk: str, name: str, member: str) -> None:
        def effect() -> None:
            members = self.items.setdefault((pk, sk), {"pk": pk, "sk": sk}).setdefault(name, [])
            if member not in members:
                members.append(member)

        self._faults.call(effect)

    def take_from_set(self, pk: str, sk: str, name: str, member: str) -> None:
        def effect() -> None:
            members = self.items.get((pk, sk), {}).get(name, [])
            if member in members:
                members.remove(member)
            if not members:
                self.items.pop((pk, sk), None)

        self._faults.call(effect)


class MemoryS3:
    """Buckets in a dictionary: the part of a boto3 client that ``Artifacts`` uses."""

    def __init__(self, faults: Faults) -> None:
        self.objects: dict[tuple[str, str], tuple[bytes, dict[str, str]]] = {}
        self._faults = faults

    def put_object(self, **request: Any) -> dict[str, Any]:
        body = request["Body"]
        data = body if isinstance(body, bytes) else body.read()
        stored = {(request["Bucket"], request["Key"]): (data, request.get("Metadata", {}))}
        self._faults.call(lambda: self.objects.update(stored))
        return {"ETag": f'"{_etag(data)}"'}

    def upload_fileobj(self, file: IO[bytes], bucket: str, key: str, **_: Any) -> None:
        self.put_object(Bucket=bucket, Key=key, Body=file)

    def head_object(self, **request: Any) -> dict[str, Any]:
        data, metadata = self._faults.call(lambda: self._known(request, "HeadObject"))
        return {"ContentLength": len(data), "Metadata": metadata, "ETag": f'"{_etag(data)}"'}

    def get_object(self, **request: Any) -> dict[str, Any]:
        data, metadata = self._faults.call(lambda: self._known(request, "GetObject"))
        tag, found = f'"{_etag(data)}"', {}
        if request.get("IfMatch", tag) != tag:
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "GetObject")
        if span := request.get("Range"):
            first, last = map(int, span.removeprefix("bytes=").split("-"))
            found = {"ContentRange": f"bytes {first}-{last}/{len(data)}"}
            data = data[first : last + 1]
        return {"Body": Body(data), "ETag": tag, "Metadata": metadata} | found

    def copy_object(self, **request: Any) -> dict[str, Any]:
        self._faults.call(
            lambda: self.objects.update(
                {
                    (request["Bucket"], request["Key"]): self._known(
                        request["CopySource"], "CopyObject"
                    )
                }
            )
        )
        return {}

    def get_paginator(self, _name: str) -> "MemoryS3":
        return self

    def paginate(self, **request: str) -> list[dict[str, Any]]:
        def found() -> list[dict[str, str]]:
            keys = [key for bucket, key in self.objects if bucket == request["Bucket"]]
            return [{"Key": key} for key in keys if key.startswith(request["Prefix"])]

        return [{"Contents": self._faults.call(found)}]

    def delete_objects(self, **request: Any) -> dict[str, Any]:
        keys = [(request["Bucket"], one["Key"]) for one in request["Delete"]["Objects"]]
        self._faults.call(lambda: [self.objects.pop(key, None) for key in keys])
        return {}

    def _known(self, request: dict[str, Any], call: str) -> tuple[bytes, dict[str, str]]:
        try:
            return self.objects[request["Bucket"], request["Key"]]
        except KeyError:
            answer: Any = {"Error": {"Code": "NoSuchKey", "Message": request["Key"]}}
            raise ClientError(answer, call) from None


class Body(io.BytesIO):
    """The body of S3's answer."""

    def iter_chunks(self, size: int) -> Iterator[bytes]:
        while piece := self.read(size):
            yield piece


@dataclass
class MemoryBus:
    """The bus and its queues: the used parts of boto3's ``events`` and ``sqs``."""

    names: Names
    topology: Topology
    faults: Faults
    queues: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    in_flight: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    refused: int = 0
    sent: int = 0

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's
        assert len(Entries) <= 10, "EventBridge accepts ten events per request"
        return self.faults.call(lambda: self._put(Entries))

    def _put(self, entries: list[dict[str, Any]]) -> dict[str, Any]:
        answers: list[dict[str, str]] = []
        for entry in entries:
            if self.refused:
                self.refused -= 1
                answers.append({"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"})
                continue
            self.sent += 1
            detail = json.loads(entry["Detail"])
            assert entry["EventBusName"] == self.names.bus
            body = {
                "id": f"event-{self.sent}",
                "detail-type": entry["DetailType"],
                "source": entry["Source"],
                "time": "2026-11-22T00:00:00Z",
                "detail": detail,
            }
            replays = entry["DetailType"] == self.topology.replays.detail_type
            queue = (
                self.names.queue("replays")
                if replays
                else self.names.queue(detail["stage"], "replay")
            )
            self.queues[queue].append(json.dumps(body))
            answers.append({"EventId": body["id"]})
        failed = sum("ErrorCode" in answer for answer in answers)
        return {"FailedEntryCount": failed, "Entries": answers}

    def get_queue_url(self, *, QueueName: str) -> dict[str, str]:  # noqa: N803 - boto3's
        return {"QueueUrl": QueueName}

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:  # noqa: N803 - boto3's
        found = dict.fromkeys(AttributeNames, "0")
        found["ApproximateNumberOfMessages"] = str(len(self.queues[QueueUrl]))
        found["ApproximateNumberOfMessagesNotVisible"] = str(self.in_flight[QueueUrl])
        return {"Attributes": found}


def _copy(value: Any) -> Any:
    """Return a value as from DynamoDB: whole numbers are ints."""
    kind = type(value)
    if kind is dict:
        if any(isinstance(one, bytes) for one in value.values()):
            return dict(value)  # a page or the terms of the search index
        return {name: _copy(one) for name, one in value.items()}
    if kind is list or kind is tuple:
        return [_copy(one) for one in value]
    if kind is float:
        return int(value) if value.is_integer() else value
    if value is None or kind in {str, int, bool}:
        return value
    return json.loads(json.dumps(value))  # an enum's member; what is not JSON is an error


def _part(item: dict[str, Any], paths: Sequence[str]) -> dict[str, Any]:
    """Return an item's projection; paths have at most two levels."""
    if not paths:
        return item
    part: dict[str, Any] = {}
    for path in paths:
        outer, _, inner = path.partition(".")
        if not inner and outer in item:
            part[outer] = item[outer]
        elif isinstance(item.get(outer), dict) and inner in item[outer]:
            part.setdefault(outer, {})[inner] = item[outer][inner]
    return part


def _etag(data: bytes) -> str:
    return md5(data, usedforsecurity=False).hexdigest()


def _holds(condition: Any, item: dict[str, Any]) -> bool:
    """Return True if a boto3 key condition holds."""
    operator, values = condition.expression_operator, condition._values
    if operator == "AND":
        return all(_holds(one, item) for one in values)
    name, wanted = values[0].name, values[1]
    if name not in item:
        return False
    found = item[name]
    return {
        "=": lambda: found == wanted,
        "<": lambda: found < wanted,
        "begins_with": lambda: found.startswith(wanted),
        "BETWEEN": lambda: wanted <= found <= values[2],
    }[operator]()


def _true(condition: str, item: dict[str, Any], given: dict[str, Any]) -> bool:
    """Return True if a condition expression holds."""
    names = {"item": item, "given": given, "nothing": _Nothing()}
    return bool(eval(_code(condition), {"__builtins__": {}}, names))  # noqa: S307 - our conditions


@cache
def _code(condition: str) -> CodeType:
    code = re.sub(r"attribute_not_exists\(#(\w+)\)", r"('\1' not in item)", condition)
    code = re.sub(r"attribute_exists\(#(\w+)\)", r"('\1' in item)", code)
    code = re.sub(r"#(\w+)", r"item.get('\1', nothing)", code)
    code = re.sub(r":(\w+)", r"given['\1']", code)
    code = re.sub(r"(?<![<>])=", "==", code).replace("<>", "!=")
    for word in ("AND", "OR", "NOT", "IN"):
        code = re.sub(rf"\b{word}\b", word.lower(), code)
    return compile(code, "condition", "eval")


class _Nothing:
    """A missing attribute: no comparison with it holds."""

    def __eq__(self, other: object) -> bool:
        return False

    def __ne__(self, other: object) -> bool:
        return True

    def __lt__(self, other: object) -> bool:
        return False

    __hash__ = None
