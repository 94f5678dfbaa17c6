"""Beats: files that the parts of a local stack touch while they work.

``videodrop up`` makes the folder. Its worker and its inbox touch their files, and the API names a
part that does not.
"""

import shutil
import time
from pathlib import Path

WORKER, INBOX = "worker", "inbox"

# Above the loading of a handler, and the upload of a large file.
_SILENCE_S = 120.0


def begin(folder: Path) -> None:
    """Make the folder; from now on its parts have to show that they are alive."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for part in (WORKER, INBOX):
        (folder / part).touch()


def silent(folder: Path, now: float | None = None) -> list[str]:
    """Return the names of the parts that have not touched their file for two minutes."""
    now = time.time() if now is None else now
    return sorted(
        path.name for path in folder.iterdir() if now - path.stat().st_mtime >= _SILENCE_S
    )
