"""A snapshot of moto's state on disk.

    state.pickle    one line of JSON (moto's version, time, number of the last record), the pickle
    bodies/<name>   S3 object bodies, each written once (see ``bodies``)

All services are pickled in one state under the monitor's lock, so they are consistent: each
uploaded object has the messages about it. A copy of the process pickles them, so the lock is held
for milliseconds for a library of any size.
"""

import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.events.models import events_backends
from moto.s3.models import s3_backends
from moto.sqs.models import sqs_backends

from pipeline.core.errors import MissingDependency
from pipeline.hosts.local.fork import Fork
from pipeline.hosts.local.journal import sync
from pipeline.hosts.local.monitor import STATE
from pipeline.hosts.local.pickler import pickled
from pipeline.hosts.private_file import is_private

# Above the duration of a save on a slow disk.
_SAVE_TIMEOUT_S = 120.0

_BACKENDS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "s3": (s3_backends, ("buckets", "tagger")),
    "dynamodb": (dynamodb_backends, ("tables",)),
    "events": (events_backends, ("event_buses", "tagger")),
    "sqs": (sqs_backends, ("queues",)),
}


@dataclass(frozen=True)
class Saved:
    """The header of a snapshot.

    Attributes:
        number: of the last record of the journal that it contains; None if an older version, which
            had no journal, saved it.
    """

    number: int | None


class Snapshot:
    """The snapshot in a folder.

    Args:
        folder: it exists, and only this user can write to it.
        bodies: folder of the object bodies.
    """

    def __init__(self, folder: Path, bodies: Path) -> None:
        self._folder = folder
        self._bodies = bodies
        self._state = folder / "state.pickle"
        self._durable: set[str] = set()

    def load(self) -> Saved | None:
        """Restore the saved state; return None if there is none.

        Raises:
            MissingDependency: ``state_not_private``; or ``state_version``: another version of moto
                saved it. In both cases nothing is changed.
        """
        if not self._state.exists():
            return None
        require_private(self._state)
        with self._state.open("rb") as file:
            header = json.loads(file.readline())
            if header["moto"] != version("moto"):
                raise MissingDependency(
                    "state_version",
                    f"The state in {self._folder} was saved by moto {header['moto']}, and this is "
                    f"moto {version('moto')}. Nothing was changed. To use it again: pip install "
                    f"moto=={header['moto']}. To start empty: move that folder away.",
                )
            # The folder is our own, and only we can write to it (see above).
            state = pickle.load(file)  # noqa: S301
        for (service, account, region), fields in state["backends"].items():
            vars(_BACKENDS[service][0][account][region]).update(fields)
        s3_backends.bucket_accounts.update(state["bucket_accounts"])
        return Saved(header.get("number"))

    def save(self, rotate: Callable[[], tuple[int, int]]) -> tuple[int, int]:
        """Write the state, delete the bodies that it does not have, and return what rotate did.

        Args:
            rotate: begins a new file of the journal while no request changes the state; returns the
                numbers of its first record and of the last one that the state contains.
        """
        with STATE:
            first, number = rotate()
            present = {entry.name for entry in self._bodies.iterdir()}
            fork = Fork(lambda: self._write(number))
        self._durable = fork.result(_SAVE_TIMEOUT_S)
        for name in present - self._durable:
            (self._bodies / name).unlink()
        return first, number

    def _write(self, number: int) -> set[str]:
        """Write the bodies, then the state; return the bodies' names."""
        state, bodies = pickled(_state())
        for name in bodies - self._durable:
            sync(self._bodies / name)
        sync(self._bodies)
        header = {
            "moto": version("moto"),
            "saved_at": datetime.now(UTC).isoformat(),
            "number": number,
        }
        new = self._state.with_suffix(".new")
        with new.open("wb") as file:
            new.chmod(0o600)
            file.write(json.dumps(header).encode() + b"\n")
            file.write(state)
        sync(new)
        new.replace(self._state)
        sync(self._folder)
        return bodies


def _state() -> dict[str, Any]:
    return {
        "backends": {
            (service, account, region): {name: getattr(backend, name) for name in fields}
            for service, (backends, fields) in _BACKENDS.items()
            for account, region, backend in backends.iter_backends()
        },
        "bucket_accounts": dict(s3_backends.bucket_accounts),
    }


def require_private(path: Path) -> None:
    """Check that only this user can write to a file or folder.

    Raises:
        MissingDependency: ``state_not_private``: others could have written to it.
    """
    if not is_private(path):
        raise MissingDependency(
            "state_not_private",
            f"{path} must belong to you and be closed to others, because its content is run as "
            f"code. If you trust it: chown $USER {path} && chmod go= {path}",
        )
