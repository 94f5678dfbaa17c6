"""The state of the embedded AWS on disk: a snapshot, and a journal of what came after it.

    <folder>/            0700: anyone who can write a pickle can run code when it is read
        state.pickle     the last snapshot; bodies/ has the object bodies (see ``snapshot``)
        journal/         a record for each request that changed something (see ``journal``)
        running          exists while a server uses the folder, and after a crash

A record has the parts of the state that its request changed, as they were after it, and small
bodies. It is on the disk before the request is answered. A snapshot makes earlier records
unnecessary; only then are they deleted, and the bodies that nothing refers to any more.
"""

import hashlib
import logging
import pickle
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.hosts.local import parts
from pipeline.hosts.local.changes import Change, Place
from pipeline.hosts.local.expiry import drop_expired
from pipeline.hosts.local.gate import no_room
from pipeline.hosts.local.journal import Journal, clear, replay
from pipeline.hosts.local.monitor import STATE
from pipeline.hosts.local.signed_request import Rejected
from pipeline.hosts.local.snapshot import Snapshot, require_private

log = logging.getLogger(__name__)

# A snapshot is taken when the journal has this size, which a start replays in a second or two …
_JOURNAL_BYTES = 16 << 20
# … or this long after the last one, which frees the space of deleted bodies.
_SAVE_EVERY_S = 60.0
_TELL_EVERY_S = 60.0
_EXPIRE_EVERY_S = 3600.0


@dataclass(frozen=True)
class LastRun:
    """The end of the previous run.

    Attributes:
        clean: whether it was a graceful shutdown.
        journaled: whether it kept a journal; older versions did not.
        torn: bytes of a record that was cut off.
    """

    clean: bool
    journaled: bool = True
    torn: int = 0

    def message(self) -> str | None:
        """Return what the end of the last run means; None after a graceful shutdown."""
        if self.clean:
            return None
        if not self.journaled:
            return (
                "The last run, of an older version, was cut off: up to 10 s of its work may be "
                "lost. From now on, nothing that was acknowledged is lost."
            )
        cut = f" It was writing a record then: {self.torn} bytes, of requests without an answer."
        return "The last run was cut off. Everything that it acknowledged is there." + (
            cut if self.torn else ""
        )


class Store:
    """A folder with moto's state.

    Args:
        folder: created if it does not exist; only this class writes its files.
        tell: called with a sentence when the disk is full.

    Raises:
        MissingDependency: ``state_not_private``: others could have written to the folder.
    """

    def __init__(self, folder: Path, tell: Callable[[str], None] = log.warning) -> None:
        self.folder = folder
        self.bodies = folder / "bodies"
        self._records = folder / "journal"
        self._running = folder / "running"
        self._tell = tell
        self._known: dict[Place, bytes | None] = {}
        self._saved, self._saved_at = 0, time.monotonic()
        self._expired_at = self._saved_at
        self._saving = threading.Lock()
        self._told_at = -_TELL_EVERY_S
        self._journal: Journal
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        require_private(folder)
        for own in (self.bodies, self._records):
            own.mkdir(mode=0o700, exist_ok=True)
        self._snapshot = Snapshot(folder, self.bodies)

    def load(self) -> LastRun:
        """Restore the state, and mark the folder as in use.

        Raises:
            MissingDependency: ``state_not_private``, ``state_version`` or ``state_damaged``: the
                state cannot be used. Nothing is changed.
        """
        saved = self._snapshot.load()
        older = saved is not None and saved.number is None
        if older:  # it went on without the journal
            clear(self._records)
        self._saved = (saved and saved.number) or 0
        tail = replay(self._records, self._saved, self._apply)
        drop_expired(time.time())
        self._journal = Journal(self._records, tail.last)
        for place in parts.descriptions():
            self._known[place] = _digest(parts.read(place))
        last = LastRun(
            clean=not self._running.exists(),
            journaled=not older,
            torn=tail.torn,
        )
        if saved is None or older:
            self.save()  # its version of moto is that of the journal
        self._running.touch(mode=0o600)
        return last

    def change(self) -> Change:
        """Return what a request that begins will change.

        Raises:
            Rejected: the disk is still full.
        """
        try:
            self._journal.retry()
        except OSError as error:
            raise self._no_room(error) from error
        return Change(self.append)

    def append(self, change: Change) -> None:
        """Put what has been changed into the journal.

        Call it while no other request changes the state.
        """
        changed = []
        for place in change.take():
            content = parts.read(place)
            if place[0] in parts.DESCRIBED:
                # Most requests look at a description and leave it as it was.
                known = _digest(content)
                if self._known.get(place) == known:
                    continue
                self._known[place] = known
            changed.append((place, content))
        if changed:
            bodies, change.bodies = change.bodies, {}
            files, change.files = change.files, []
            self._journal.append(pickle.dumps((changed, bodies)), files)
        change.number = self._journal.last

    def commit(self, change: Change) -> None:
        """Return when a change is on the disk, and all before it.

        Raises:
            Rejected: the disk is full.
        """
        try:
            self._journal.commit(change.number)
        except OSError as error:
            raise self._no_room(error) from error
        if change.error is not None:
            raise self._no_room(change.error) from change.error

    def save(self) -> None:
        """Take a snapshot; then delete the records that it contains."""
        with self._saving:
            self._saved_at = time.monotonic()
            first, self._saved = self._snapshot.save(self._journal.rotate)
            self._journal.drop(first)

    def save_if_due(self) -> None:
        """Take a snapshot if the journal is long, or if it is time and something was written."""
        age = time.monotonic() - self._saved_at
        if self._journal.size >= _JOURNAL_BYTES or (age >= _SAVE_EVERY_S and self._written):
            self.save()

    def expire_if_due(self) -> None:
        """Drop what has expired, once an hour."""
        if time.monotonic() - self._expired_at >= _EXPIRE_EVERY_S:
            self._expired_at = time.monotonic()
            with STATE:
                drop_expired(time.time())

    def close(self) -> None:
        """Save for the last time, and record a graceful shutdown."""
        if self._written:
            self.save()
        self._running.unlink()

    @property
    def _written(self) -> bool:
        return self._journal.last > self._saved

    def _apply(self, payload: bytes) -> None:
        """Put back what a record has."""
        # Only this user can write the journal: see ``__init__``.
        changed, bodies = pickle.loads(payload)  # noqa: S301
        for name, body in bodies.items():
            path = self.bodies / name
            if not path.exists() or path.stat().st_size != len(body):
                path.write_bytes(body)
        for place, content in changed:
            parts.write(place, content)

    def _no_room(self, error: OSError) -> Rejected:
        """Return the rejection of a request that cannot be stored; tell it, but not too often."""
        now = time.monotonic()
        if now - self._told_at >= _TELL_EVERY_S:
            self._told_at = now
            self._tell(
                f"{self.folder} cannot be written to ({error.strerror}). Free some space on that "
                "disk: uploads and jobs wait, and go on."
            )
        return no_room(self.folder, error)


def _digest(content: bytes | None) -> bytes | None:
    return content and hashlib.blake2b(content, digest_size=16).digest()
