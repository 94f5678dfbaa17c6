"""Files that only their owner may read or write, because they hold credentials or code."""

import os
from pathlib import Path


def is_private(path: Path) -> bool:
    """Return whether ``path`` belongs to this user and is closed to all others.

    Raises:
        FileNotFoundError: there is no such file.
    """
    status = path.lstat()
    return status.st_uid == os.geteuid() and status.st_mode & 0o077 == 0


def write_private(path: Path, text: str) -> None:
    """Write a private file atomically."""
    fresh = path.with_suffix(".tmp")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    fresh.replace(path)
