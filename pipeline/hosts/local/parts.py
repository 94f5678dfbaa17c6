"""The parts of moto's state, each of which can be read and put back by itself.

A place is a kind and names, first of all the account and the region (S3: the partition):

    queue, table, bucket, bus      its description, without its content
    upload                         a multipart upload, without its parts
    message, deleted, item, object, part, rule

Putting a part back is idempotent, so a record may be applied to a state that has it already.
"""

import pickle
from bisect import insort
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table
from moto.events.models import EventBus, events_backends
from moto.s3.models import FakeBucket, FakeMultipart, MultipartDict, s3_backends
from moto.s3.utils import _VersionedKeyStore
from moto.sqs.models import Queue, sqs_backends

from pipeline.hosts.local.changes import Place
from pipeline.hosts.local.pickler import pickled


def read(place: Place) -> bytes | None:
    """Return a part, pickled; None if it does not exist."""
    kind, *where = place
    try:
        found = _KINDS[kind].read(*where)
    except KeyError:  # what it was in is gone, too
        return None
    return None if found is None else pickled(found)[0]


def write(place: Place, content: bytes | None) -> None:
    """Put a part back as it was read."""
    kind, *where = place
    # Only this user can write what is read here: see ``snapshot``.
    value = None if content is None else pickle.loads(content)  # noqa: S301
    try:
        _KINDS[kind].write(value, *where)
    except KeyError:
        if value is not None:
            raise


def descriptions() -> Iterator[Place]:
    """Return the places of all queues, tables, buckets, buses and multipart uploads."""
    for kind, backends in (
        ("queue", sqs_backends),
        ("table", dynamodb_backends),
        ("bus", events_backends),
        ("bucket", s3_backends),
    ):
        for account, region, _ in backends.iter_backends():
            for name in _THINGS[kind](account, region):
                yield kind, account, region, name
            if kind == "bucket":
                for name, bucket in _THINGS[kind](account, region).items():
                    for upload in bucket.multiparts:
                        yield "upload", account, region, name, upload


# -- descriptions ----------------------------------------------------------------------------------

_THINGS: dict[str, Callable[..., dict[str, Any]]] = {
    "queue": lambda account, region: sqs_backends[account][region].queues,
    "table": lambda account, region: dynamodb_backends[account][region].tables,
    "bus": lambda account, region: events_backends[account][region].event_buses,
    "bucket": lambda account, region: s3_backends[account][region].buckets,
    "upload": lambda account, region, bucket: _bucket(account, region, bucket).multiparts,
}
DESCRIBED = frozenset(_THINGS)
# The fields that are a thing's content, and how to make it empty.
_CONTENT: dict[type, dict[str, Callable[[], Any]]] = {
    Queue: {"_messages": list, "_pending_messages": set, "deleted_messages": set},
    Table: {"items": lambda: defaultdict(dict)},
    EventBus: {"rules": OrderedDict},
    FakeBucket: {"keys": _VersionedKeyStore, "multiparts": MultipartDict},
    FakeMultipart: {"parts": dict, "partlist": list},
}


def _read_description(kind: str, *where: str) -> Any:
    *container, name = where
    thing = _THINGS[kind](*container).get(name)
    if thing is None:
        return None
    content = _CONTENT[type(thing)]
    fields = {name: value for name, value in vars(thing).items() if name not in content}
    if isinstance(thing, Queue):
        fields["dead_letter_queue"] = _place(thing.dead_letter_queue)
    return type(thing), fields, _tags(_tagger(kind, *where), [thing])


def _write_description(value: Any, kind: str, *where: str) -> None:
    *container, name = where
    things = _THINGS[kind](*container)
    if kind == "bucket":
        account, partition = container
        s3_backends.bucket_accounts[name] = (partition, account)
    if value is None:
        things.pop(name, None)
        if kind == "bucket":
            del s3_backends.bucket_accounts[name]
        return
    of_class, fields, tags = value
    if name not in things:
        things[name] = of_class.__new__(of_class)
        vars(things[name]).update({key: empty() for key, empty in _CONTENT[of_class].items()})
    if of_class is Queue and (dead := fields["dead_letter_queue"]):
        fields["dead_letter_queue"] = _THINGS["queue"](*dead[:2]).get(dead[2])
    vars(things[name]).update(fields)
    _set_tags(_tagger(kind, *where), tags)


def _place(queue: Queue | None) -> tuple[str, str, str] | None:
    return None if queue is None else (queue.account_id, queue.region, queue.name)


# -- contents --------------------------------------------------------------------------------------


def _queue(account: str, region: str, name: str) -> Any:
    return sqs_backends[account][region].queues[name]


def _bucket(account: str, partition: str, name: str) -> Any:
    return s3_backends[account][partition].buckets[name]


def _read_message(account: str, region: str, name: str, number: str) -> Any:
    queue = _queue(account, region, name)
    for message in queue._messages:  # noqa: SLF001 - moto's own
        if message.id == number:
            return message, message in queue.pending_messages
    return None


def _write_message(value: Any, account: str, region: str, name: str, number: str) -> None:
    queue = _queue(account, region, name)
    messages: list[Any] = queue._messages  # noqa: SLF001 - moto's own
    at = next((at for at, message in enumerate(messages) if message.id == number), None)
    if at is not None:
        queue.pending_messages.discard(messages[at])
        del messages[at]
    if value is not None:
        message, pending = value
        messages.insert(len(messages) if at is None else at, message)
        if pending:
            queue.pending_messages.add(message)


def _read_deleted(account: str, region: str, name: str, handle: str) -> Any:
    return handle in _queue(account, region, name).deleted_messages or None


def _write_deleted(value: Any, account: str, region: str, name: str, handle: str) -> None:
    if value:
        _queue(account, region, name).deleted_messages.add(handle)


def _read_item(account: str, region: str, table: str, *key: Any) -> Any:
    hash_key, range_key = key
    items = dynamodb_backends[account][region].tables[table].items
    return items[hash_key][range_key] if range_key is not None else items[hash_key]


def _write_item(value: Any, account: str, region: str, table: str, *key: Any) -> None:
    hash_key, range_key = key
    items = dynamodb_backends[account][region].tables[table].items
    holder, name = (items, hash_key) if range_key is None else (items[hash_key], range_key)
    if value is None:
        holder.pop(name, None)
    else:
        holder[name] = value


def _read_object(account: str, partition: str, bucket: str, key: str) -> Any:
    versions = _bucket(account, partition, bucket).keys.getlist(key)
    return versions and (versions, _tags(_tagger("object", account, partition), versions))


def _write_object(value: Any, account: str, partition: str, bucket: str, key: str) -> None:
    keys = _bucket(account, partition, bucket).keys
    if value is None:
        dict.pop(keys, key, None)  # moto's own fails if it is not there
        return
    versions, tags = value
    keys.setlist(key, versions)
    _set_tags(_tagger("object", account, partition), tags)


def _read_part(account: str, partition: str, bucket: str, upload: str, number: int) -> Any:
    return _bucket(account, partition, bucket).multiparts[upload].parts.get(number)


def _write_part(
    value: Any, account: str, partition: str, bucket: str, upload: str, number: int
) -> None:
    found = _bucket(account, partition, bucket).multiparts[upload]
    found.parts[number] = value
    if number not in found.partlist:
        insort(found.partlist, number)


def _read_rule(account: str, region: str, bus: str, name: str) -> Any:
    rule = events_backends[account][region].event_buses[bus].rules[name]
    return rule, _tags(_tagger("rule", account, region), [rule])


def _write_rule(value: Any, account: str, region: str, bus: str, name: str) -> None:
    rules = events_backends[account][region].event_buses[bus].rules
    if value is None:
        rules.pop(name, None)
        return
    rules[name], tags = value
    _set_tags(_tagger("rule", account, region), tags)


# -- tags, which S3 and EventBridge keep apart from what has them ----------------------------------


def _tagger(kind: str, account: str, region: str, *_: str) -> Any:
    backends: dict[str, Any] = {
        "bucket": s3_backends,
        "object": s3_backends,
        "bus": events_backends,
    }
    backends["rule"] = events_backends
    return backends[kind][account][region].tagger if kind in backends else None


def _tags(tagger: Any, things: list[Any]) -> dict[str, Any]:
    """Return the tags of things by ARN; None if one has none. Delete markers have no ARN."""
    if tagger is None:
        return {}
    arns = [thing.arn for thing in things if hasattr(thing, "arn")]
    return {arn: tagger.tags.get(arn) for arn in arns}


def _set_tags(tagger: Any, tags: dict[str, Any]) -> None:
    for arn, found in tags.items():
        if found is None:
            tagger.tags.pop(arn, None)
        else:
            tagger.tags[arn] = found


@dataclass(frozen=True)
class _Kind:
    """The functions that read a part of one kind and put it back; None if there is none."""

    read: Callable[..., Any]
    write: Callable[..., None]


def _described(kind: str) -> _Kind:
    return _Kind(
        lambda *where: _read_description(kind, *where),
        lambda value, *where: _write_description(value, kind, *where),
    )


_KINDS = {kind: _described(kind) for kind in _THINGS} | {
    "message": _Kind(_read_message, _write_message),
    "deleted": _Kind(_read_deleted, _write_deleted),
    "item": _Kind(_read_item, _write_item),
    "object": _Kind(_read_object, _write_object),
    "part": _Kind(_read_part, _write_part),
    "rule": _Kind(_read_rule, _write_rule),
}
