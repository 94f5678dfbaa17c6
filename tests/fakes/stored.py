"""The state of the embedded AWS, in copies of this process: it is global to a process."""

import enum
import json
import os
import signal
from contextlib import contextmanager
from datetime import date
from functools import cache
from pathlib import Path

from moto.core.base_backend import AccountSpecificBackend
from moto.moto_api._internal import mock_random
from moto.s3.models import s3_backends
from moto.sqs.models import sqs_backends

from pipeline.hosts.local import moto_patches, snapshot
from pipeline.hosts.local.bodies import keep_bodies_in
from pipeline.hosts.local.monitor import monitored
from pipeline.hosts.local.store import Store

ACCOUNT, REGION, PARTITION = "123456789012", "us-east-1", "aws"
_LOCKS = ("lock", "Condition")


@cache
def warm():
    """Read botocore's lists of regions, which moto asks for: once, not in each copy."""
    session = AccountSpecificBackend.get_session()
    for partition in session.get_available_partitions():
        for service in ("s3", "sqs"):
            session.get_available_regions(service, partition_name=partition)


def opened(folder):
    """Return the store of a folder, with its state restored in this process."""
    mock_random.seed()  # or each copy of a process would make the same ids
    store = Store(Path(folder))
    keep_bodies_in(store.bodies)
    moto_patches.apply()
    store.load()
    return store


class Requests:
    """Requests to a store, without HTTP: a queue of messages and a bucket of objects."""

    def __init__(self, store):
        self._enter = monitored(lambda _, answer: answer("200 OK", []) or self._do(), store)
        self._do = None
        self._sqs = sqs_backends[ACCOUNT][REGION]
        self._s3 = s3_backends[ACCOUNT][PARTITION]

    def make(self):
        self.request(lambda: self._sqs.create_queue("q"))
        self.request(lambda: self._s3.create_bucket("box", REGION))

    def send(self, body):
        self.request(lambda: self._sqs.send_message("q", body))

    def put(self, key, body):
        self.request(lambda: self._s3.put_object("box", key, body))

    def delete(self, key):
        self.request(lambda: self._s3.delete_object("box", key))

    def request(self, do):
        self._do = lambda: do() and []
        self._enter({"REQUEST_METHOD": "POST"}, lambda *_: None)


def content():
    """Return the messages and objects that ``Requests`` made, as they are in this process."""
    queue, bucket = sqs_backends[ACCOUNT][REGION].queues["q"], s3_backends[ACCOUNT][PARTITION]
    keys = bucket.buckets["box"].keys
    messages = [message.body for message in queue._messages]
    return messages, {key: bytes(keys[key].value[:]) for key in keys}


def everything():
    """Return the whole state of this process, in a form that can be compared."""
    state = snapshot._state()
    state["backends"] = {
        k: fields for k, fields in state["backends"].items() if any(fields.values())
    }
    return json.dumps(_plain(state, ()), indent=1)


def _plain(thing, within):
    if thing is None or isinstance(thing, (str, int, float)):
        return thing
    if id(thing) in within:
        return "itself"
    inner = (*within, id(thing))
    match thing:
        case date() | enum.Enum() | bytes() | type():
            return str(thing)
        case dict():
            found = [(_plain(k, inner), _plain(v, inner)) for k, v in dict.items(thing)]
            return sorted((one for one in found if one[1] != []), key=repr)
        case list() | tuple():
            return [_plain(one, inner) for one in thing]
        case set() | frozenset():
            return sorted((_plain(one, inner) for one in thing), key=repr)
    if type(thing).__name__ in _LOCKS:
        return "a lock"
    return [type(thing).__name__, _plain({**vars(thing), "_value_buffer": None}, inner)]


def killed(step, work, counter):
    """Do ``work`` in a copy that is killed, with its own copies, before that step on the disk.

    Return whether it was killed: it had that many steps.
    """
    counter.write_bytes(b"")
    pid = os.fork()
    if pid == 0:
        try:
            os.setpgid(0, 0)
            work(lambda: _killing(step, counter))
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


@contextmanager
def _killing(step, counter):
    """Kill the group of this process before it changes the disk for the ``step``-th time."""
    steps = os.open(counter, os.O_WRONLY | os.O_APPEND)

    def counted(function):
        def patched(*args, **more):
            os.write(steps, b".")
            if os.fstat(steps).st_size == step:
                os.killpg(0, signal.SIGKILL)
            return function(*args, **more)

        return patched

    for owner, name in ((os, "fsync"), (os, "fdatasync"), (Path, "replace"), (Path, "unlink")):
        setattr(owner, name, counted(getattr(owner, name)))
    yield
