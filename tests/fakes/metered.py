"""A DynamoDB table of a library of any size, whose rows are made as they are read, and a meter.

It counts requests and read units as DynamoDB does: an item of a batch counts by itself, the items
of a query together, both in steps of 4 kB. A read of an index, or an eventual one, costs half.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from math import ceil
from typing import Any

from pipeline.aws.catalog.search_rows import INDEX, RECENT, STATE, member
from pipeline.aws.catalog.table import epoch_key, iso
from pipeline.core.events import Upload
from pipeline.core.topology import Topology
from tests.fakes.query import START, result, run
from tests.fakes.replays import replay

Item = dict[str, Any]

STAGES = tuple(Topology.read().stages)
WEBHOOK = "w"
RARE = 5
"""So many videos have the label ``unicorn``, by an index that is behind."""
NAMED = 300
"""So many videos are in the index of the word ``beach``."""
_UNIT = 4096
_ANSWER = 1 << 20  # most bytes of a query's answer
_BLOCK = 256
_LAST = "\uffff"


@dataclass(frozen=True)
class Rows:
    """The rows of one partition, in the order of their sort keys.

    Attributes:
        count: their number.
        sort: returns the sort key of one.
        item: returns one.
    """

    count: int
    sort: Callable[[int], str]
    item: Callable[[int], Item]


class Metered:
    """A boto3 table with ``videos`` videos of one month: all failed, deletions apart.

    Attributes:
        calls: requests so far.
        units: read units so far.
    """

    name = "metered"

    def __init__(self, videos: int) -> None:
        self.videos = videos
        self.meta = self
        self.client = self
        self.calls = 0
        self.units = 0.0

    def get_item(self, *, Key: Item, ConsistentRead: bool) -> Item:  # noqa: N803 - boto3's
        found = self._row(Key["pk"], Key["sk"])
        self._read(_units([found or {}], whole=ConsistentRead))
        return {"Item": found} if found else {}

    def batch_get_item(self, *, RequestItems: Item) -> Item:  # noqa: N803 - boto3's
        request = RequestItems[self.name]
        found = [self._row(one["pk"], one["sk"]) for one in request["Keys"]]
        whole = request["ConsistentRead"]
        self._read(sum(_units([one or {}], whole=whole) for one in found))
        return {"Responses": {self.name: [one for one in found if one]}}

    def query(
        self,
        *,
        KeyConditionExpression: str,  # noqa: N803 - boto3's
        ExpressionAttributeValues: dict[str, str],  # noqa: N803 - boto3's
        Limit: int,  # noqa: N803 - boto3's
        IndexName: str | None = None,  # noqa: N803 - boto3's
        ScanIndexForward: bool = True,  # noqa: N803 - boto3's
        ConsistentRead: bool = False,  # noqa: N803 - boto3's
        ExclusiveStartKey: Item | None = None,  # noqa: N803 - boto3's
        Select: str | None = None,  # noqa: N803 - boto3's
        **_: Any,
    ) -> Item:
        pk = ExpressionAttributeValues[":v0"]
        rows = self._index(IndexName, pk) if IndexName else self._partition(pk)
        first, last = _span(rows, KeyConditionExpression, ExpressionAttributeValues)
        if start := ExclusiveStartKey:
            at = start["number"]
            first, last = (at + 1, last) if ScanIndexForward else (first, at)
        numbers = range(first, last) if ScanIndexForward else range(last - 1, first - 1, -1)
        found, size = list[Item](), 0
        for number in numbers[:Limit]:
            found.append(rows.item(number))
            size += _size(found[-1])
            if size > _ANSWER:
                break
        self._read(_units(found, whole=ConsistentRead))
        more = {"LastEvaluatedKey": {"number": numbers[len(found) - 1]}} if found else {}
        if len(found) == len(numbers):
            more = {}
        kept = [] if Select == "COUNT" else found
        return {"Items": kept, "Count": len(found), **more}

    def _read(self, units: float) -> None:
        self.calls += 1
        self.units += units

    # -- rows ------------------------------------------------------------------------------------

    def _row(self, pk: str, sk: str) -> Item | None:
        key = {"pk": pk, "sk": sk}
        if pk == "#months":
            return {**key, "months": {iso(START)[:7]}}
        if pk == "#keys":
            return {**key, "key": "00" * 32}
        if pk.startswith("#terms#"):
            return next(iter(self._terms(sk)), None)
        if pk.startswith("#"):
            return None
        number = int(pk, 16)
        if number >= self.videos or sk == INDEX:
            return None
        made = _record(sk)
        if sk == "video":
            upload = made["upload"] | {"time": iso(_time(number)), "key": f"videos/beach-{pk}.mp4"}
            made = made | {"upload": upload, "uploaded_order": _place(number)}
        return key | made

    def _index(self, name: str, pk: str) -> Rows:
        """Return the rows of an index, which have their keys alone."""

        def of(count: int, of_index: str, key: str, order: Callable[[int], str]) -> Rows:
            def item(number: int) -> Item:
                row = {"pk": _id(number), "sk": "video", of_index: pk, key: order(number)}
                return row | ({"sk": "stage#detect"} if name in {"failures", "leases"} else {})

            return Rows(count, order, item)

        everything = self.videos
        match name:
            case "uploads":
                return of(everything, "upload_month", "uploaded_order", _place)
            case "labels" if pk == "unicorn":
                return of(RARE, "label", "uploaded_order", _place)
            case "labels":
                return of(everything, "label", "uploaded_order", _place)
            case "names":
                return of(everything, "upload_name", "uploaded_order", _place)
            case "failures":
                return of(everything, "failed_as", "failed_order", _place)
        return of(everything // 16, "lease_shard", "lease_until", epoch_key)

    def _partition(self, pk: str) -> Rows:
        def of(count: int, sort: Callable[[int], str], more: Callable[[int], Item]) -> Rows:
            return Rows(count, sort, lambda one: {"pk": pk, "sk": sort(one), **more(one)})

        if pk == RECENT:
            blocks = {"blocks": -(-self.videos // _BLOCK), "languages": ["en"]}
            return of(1, lambda _: STATE, lambda _: blocks)
        if pk.startswith("#terms#"):
            found = self._terms("beach")
            return Rows(len(found), lambda one: str(found[one]["sk"]), lambda one: found[one])
        match pk:
            case "#replays":
                made = replay().model_dump(mode="json", by_alias=True)
                return of(self.videos, _number, lambda one: {**made, "replay_id": _number(one)})
            case "#events":
                return of(self.videos, _number, _event)
            case "#webhook#w":
                return of(self.videos, _number, _delivery)
        return of(0, _number, lambda _: {})

    @cache  # noqa: B019 - one table a test
    def _terms(self, term: str) -> list[Item]:
        """Return the rows of a word that the first videos have in their names."""
        made = []
        for block in range(-(-self.videos // _BLOCK)):
            some = range(block * _BLOCK, min(self.videos, (block + 1) * _BLOCK))
            if videos := {member(_id(one)) for one in some if one < NAMED}:
                sk = f"{term}#{block:06d}"
                made.append({"pk": f"#terms#{term[:2]}", "sk": sk, "videos": videos})
        return made


@cache
def _record(sk: str) -> Item:
    """Return a row of a video: a failed run, and its upload."""
    source = Upload(
        event_id="e",
        time=START,
        bucket="uploads",
        key="videos/beach.mp4",
        sequencer="1",
        size=1,
        etag="e",
    )
    if sk == "video":
        upload = source.model_dump(mode="json")
        return {"upload": upload, "stages": list(STAGES), "sequencer": source.sequencer}
    stage = sk.rpartition("#")[2]
    made = result(source, stage, {"a.jpg": "poster"}, labels=["dog"])
    known = run(source, stage, "failed", made, result_revision=source.revision)
    return known.model_dump(mode="json", exclude={"lease_until"})


def _event(number: int) -> Item:
    detail = {
        "id": f"{number}",
        "video_id": _id(number),
        "revision": "r",
        "name": "beach.mp4",
        "key": "videos/beach.mp4",
        "status": "ready",
    }
    event = {
        "type": "video.ready",
        "time": iso(_time(number)),
        "detail": detail,
    }
    return {"position": number, "event": event}


def _delivery(number: int) -> Item:
    return {
        "webhook_id": WEBHOOK,
        "delivery_id": _number(number),
        "event_id": "e",
        "type": "t",
        "body": "{}" * 200,
        "created_at": iso(_time(number)),
    }


def _id(number: int) -> str:
    return f"{number:020x}"


def _number(number: int) -> str:
    return f"{number:016d}"


def _time(number: int) -> Any:
    return START + timedelta(seconds=number)


def _place(number: int) -> str:
    return f"{iso(_time(number))}#{_id(number)}"


def _span(rows: Rows, condition: str, values: dict[str, str]) -> tuple[int, int]:
    """Return the first row that a key condition names, and the one behind the last."""
    numbers = range(rows.count)
    given = [values[name] for name in re.findall(r":v[1-9]", condition)]
    if not given:
        return 0, rows.count
    low, high = given[0], given[-1]
    if "begins_with" in condition:
        high += _LAST
    if "<" in condition:
        return 0, bisect_left(numbers, high, key=rows.sort)
    if ">" in condition:
        return bisect_right(numbers, low, key=rows.sort), rows.count
    return bisect_left(numbers, low, key=rows.sort), bisect_right(numbers, high, key=rows.sort)


def _units(items: list[Item], *, whole: bool) -> float:
    units = max(1, ceil(sum(map(_size, items)) / _UNIT))
    return units if whole else units / 2


def _size(value: Any) -> int:
    """Return the bytes of a value as DynamoDB counts them, names of attributes included."""
    match value:
        case dict():
            return sum(len(name) + _size(one) for name, one in value.items())
        case list() | set() | frozenset():
            return 3 + sum(map(_size, value))
        case str() | bytes():
            return len(value)
    return 2 if isinstance(value, bool) or value is None else 1 + len(str(value)) // 2
