"""The lock of a home, which one stack holds while it runs."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.core.errors import VideodropError


class AlreadyRunning(VideodropError):
    """Another stack uses the same home."""

    failure_class = "limit"


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Lock ``home``, and write this process's id into the lock file for error messages.

    Raises:
        AlreadyRunning: ``already_running``.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise AlreadyRunning(
                "already_running",
                f"videodrop is already up in {home} (process {lock.read().strip()}). Use that one, "
                "stop it, or set VIDEODROP_HOME to another folder.",
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
