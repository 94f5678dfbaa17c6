"""Snapshots of moto's state on disk, so frequent that a crash loses only seconds of work.

    <folder>/                 0700: anyone who can write a pickle can run code when it is read
        state.pickle          one line of JSON (moto's version, time), then the pickle
        bodies/<name>         S3 object bodies, each written once (see ``bodies``)
        running               exists while a server uses the folder, and after a crash

All services are pickled in one state under the monitor's lock, so they are consistent: each
uploaded object has the messages about it. A copy of the process pickles them, so the lock is held
for milliseconds for a library of any size.
"""

import json
import logging
import os
import pickle
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.events.models import events_backends
from moto.s3.models import FakeKey, s3_backends
from moto.s3.utils import _VersionedKeyStore
from moto.sqs.models import sqs_backends

from pipeline.core.errors import MissingDependency
from pipeline.hosts.local.fork import Fork
from pipeline.hosts.local.monitor import STATE, WRITTEN
from pipeline.hosts.private_file import is_private

log = logging.getLogger(__name__)

# A crash loses the writes since the last save began. Well below the documented 10 s, because
# saving itself takes time.
SAVE_EVERY_S = 4.0
# Above the duration of a save on a slow disk.
_SAVE_TIMEOUT_S = 120.0

_LOCK = type(threading.Lock())
_BACKENDS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "s3": (s3_backends, ("buckets", "tagger")),
    "dynamodb": (dynamodb_backends, ("tables",)),
    "events": (events_backends, ("event_buses", "tagger")),
    "sqs": (sqs_backends, ("queues",)),
}


class _Pickler(pickle.Pickler):
    """A pickler of moto's state.

    Locks are pickled as new ones, objects with all versions, bodies by name; it collects those.
    """

    def __init__(self, file: BytesIO) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self.bodies: set[str] = set()

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, FakeKey):
            self.bodies.add(vars(thing)["body"])
        elif isinstance(thing, threading.Condition):
            return threading.Condition, ()
        elif isinstance(thing, _LOCK):
            return threading.Lock, ()
        elif isinstance(thing, _VersionedKeyStore):
            # By itself it would be pickled as a dict, of the latest versions alone.
            return _VersionedKeyStore, (), dict(dict.items(thing)), None, None, dict.update
        return NotImplemented


@dataclass(frozen=True)
class LastRun:
    """The end of the previous run.

    Attributes:
        clean: whether it was a graceful shutdown.
        saved_at: time up to which all writes were saved; None when nothing was saved.
    """

    clean: bool
    saved_at: datetime | None

    def message(self, now: datetime) -> str | None:
        """Return a warning about lost work; None after a graceful shutdown."""
        if self.clean:
            return None
        if self.saved_at is None:
            return "The last run was cut off before its first save: starting empty."
        age = (now - self.saved_at).total_seconds()
        return (
            f"The last run was cut off. Everything up to {self.saved_at.astimezone():%F %T} "
            f"({age:.0f} s ago) was saved; up to 10 s of work after that may be lost."
        )


class Snapshot:
    """A folder with moto's state.

    Args:
        folder: created if it does not exist; only this class writes its files.

    Raises:
        MissingDependency: ``state_not_private``: others could have written to the folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bodies = folder / "bodies"
        self._state = folder / "state.pickle"
        self._running = folder / "running"
        self._durable: set[str] = set()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _require_private(folder)
        self.bodies.mkdir(mode=0o700, exist_ok=True)

    def load(self) -> LastRun:
        """Restore the saved state, and mark the folder as in use.

        Raises:
            MissingDependency: ``state_not_private``; or ``state_version``: another version of moto
                saved it. In both cases nothing is changed.
        """
        saved = self._state.exists()
        if saved:
            self._read()
        crashed = self._running.exists()
        as_of = self._running if crashed else self._state
        saved_at = datetime.fromtimestamp(as_of.stat().st_mtime, UTC) if saved else None
        self._running.touch(mode=0o600)
        return LastRun(clean=not crashed, saved_at=saved_at)

    def save(self) -> bool:
        """Write the state if it may have changed since the last save; return whether it did."""
        with STATE:
            now = time.time()
            written = WRITTEN.is_set()
            if written:
                present = {entry.name for entry in self.bodies.iterdir()}
                fork = Fork(self._write)
                WRITTEN.clear()
        if written:
            try:
                self._durable = fork.result(_SAVE_TIMEOUT_S)
            except BaseException:
                WRITTEN.set()
                raise
            for name in present - self._durable:
                (self.bodies / name).unlink()
        os.utime(self._running, (now, now))
        return written

    def close(self) -> None:
        """Save for the last time, and record a graceful shutdown."""
        self.save()
        self._running.unlink()

    def _read(self) -> None:
        _require_private(self._state)
        with self._state.open("rb") as file:
            header = json.loads(file.readline())
            if header["moto"] != version("moto"):
                raise MissingDependency(
                    "state_version",
                    f"The state in {self.folder} was saved by moto {header['moto']}, and this is "
                    f"moto {version('moto')}. Nothing was changed. To use it again: pip install "
                    f"moto=={header['moto']}. To start empty: move that folder away.",
                )
            # The folder is our own, and only we can write to it (see above).
            state = pickle.load(file)  # noqa: S301
        for (service, account, region), fields in state["backends"].items():
            vars(_BACKENDS[service][0][account][region]).update(fields)
        s3_backends.bucket_accounts.update(state["bucket_accounts"])

    def _write(self) -> set[str]:
        """Write the bodies, then the state; return the bodies' names."""
        pickled, bodies = _pickle()
        for name in bodies - self._durable:
            _sync(self.bodies / name)
        _sync(self.bodies)
        header = {"moto": version("moto"), "saved_at": datetime.now(UTC).isoformat()}
        new = self._state.with_suffix(".new")
        with new.open("wb") as file:
            new.chmod(0o600)
            file.write(json.dumps(header).encode() + b"\n")
            file.write(pickled)
        _sync(new)
        new.replace(self._state)
        _sync(self.folder)
        return bodies


def _pickle() -> tuple[bytes, set[str]]:
    state = {
        "backends": {
            (service, account, region): {name: getattr(backend, name) for name in fields}
            for service, (backends, fields) in _BACKENDS.items()
            for account, region, backend in backends.iter_backends()
        },
        "bucket_accounts": dict(s3_backends.bucket_accounts),
    }
    file = BytesIO()
    pickler = _Pickler(file)
    pickler.dump(state)
    return file.getvalue(), pickler.bodies


def _require_private(path: Path) -> None:
    if not is_private(path):
        raise MissingDependency(
            "state_not_private",
            f"{path} must belong to you and be closed to others, because its content is run as "
            f"code. If you trust it: chown $USER {path} && chmod go= {path}",
        )


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
