"""Work directories, removed even if the process that made them was killed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "videodrop-"


@contextmanager
def workdir(scratch: Path | None) -> Iterator[Path]:
    """Make an empty directory, and remove it afterwards.

    Its name contains the process id: ``sweep`` removes those of processes that no longer exist.

    Args:
        scratch: its parent directory; None for the system's temporary directory.
    """
    if scratch:
        scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f"{_PREFIX}{os.getpid()}-", dir=scratch, ignore_cleanup_errors=True
    ) as path:
        yield Path(path)


def sweep(scratch: Path | None) -> int:
    """Remove the work directories of processes that no longer exist; return how many."""
    removed = 0
    for path in Path(scratch or tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        pid = path.name.removeprefix(_PREFIX).split("-")[0]
        if pid.isdigit() and path.is_dir() and not _alive(int(pid)):
            shutil.rmtree(path, ignore_errors=True)
            removed += 1
    return removed


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
