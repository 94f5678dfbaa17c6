"""The inbox: a folder whose files are uploaded once they are complete.

Nothing in it is moved or deleted. A journal of (name, size, modification time) prevents repeated
uploads after a restart. A file whose upload was lost since is taken again. A file that changes is
uploaded again, as the next revision of the video.
"""

import json
import logging
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
from boto3.exceptions import Boto3Error

from pipeline.aws.uploads import Uploads
from pipeline.core import intake
from pipeline.core.errors import VideodropError

log = logging.getLogger(__name__)

SETTLE_S = 1.0
_RETRY_S = 5.0
_LOOK_S = 0.5


@dataclass(frozen=True)
class _Version:
    """The identity of one state of a file."""

    name: str
    size: int
    mtime_ns: int


class Inbox:
    """A folder whose files are uploaded.

    Args:
        folder: created if it does not exist. Subfolders are ignored.
        journal: file with the uploaded versions.
        uploads: destination of the files, under their own names.
        tell: called with a sentence about each upload and each failure.
        lost: called with the names that were uploaded; returns those of which AWS knows nothing, as
            after a start with an older state.
        progress: called with (name, bytes sent, total bytes), from several threads.
    """

    def __init__(
        self,
        folder: Path,
        journal: Path,
        uploads: Uploads,
        tell: Callable[[str], None],
        lost: Callable[[set[str]], set[str]] = lambda _: set(),
        progress: Callable[[str, int, int], None] = lambda *_: None,
    ) -> None:
        self.folder = folder
        self._journal = journal
        self._uploads = uploads
        self._tell = tell
        self._told = ""
        self._lost = lost
        self._progress = progress
        self._since: dict[_Version, float] = {}
        self._not_before: dict[str, float] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._done = self._read_journal()

    def run(self, stopping: threading.Event) -> None:
        """Watch until ``stopping`` is set."""
        while not stopping.wait(_LOOK_S):
            try:
                self.look(time.monotonic())
            except Exception as error:
                log.exception("The inbox could not be looked at; trying again")
                self._tell_once(f"The inbox {self.folder} could not be read: {error}")

    def look(self, now: float) -> None:
        """Upload the files unchanged for ``SETTLE_S`` at ``now`` (monotonic seconds)."""
        present = {path: _version(path) for path in self.folder.iterdir()}
        files = {path: version for path, version in present.items() if version is not None}
        names = {version.name for version in files.values()}
        found = {version: path for path, version in files.items() if _wanted(version, names)}
        self._since = {version: self._since.get(version, now) for version in found}
        for version, path in found.items():
            if (
                version not in self._done
                and now - self._since[version] >= SETTLE_S
                and now >= self._not_before.get(version.name, now)
                and not _being_written(path)
            ):
                self._upload(path, version, now)

    def _upload(self, path: Path, version: _Version, now: float) -> None:
        sent = _Sum(lambda total: self._progress(version.name, total, version.size))
        try:
            if _is_text(version.name):
                self._uploads.put(path, sent=sent)
                self._tell(f"{version.name} was dropped into the pipeline.")
            else:
                self._tell(f"{version.name!a} was not uploaded: rename it, its name is not text.")
        except (VideodropError, Boto3Error, OSError) as error:
            self._tell(f"{version.name} could not be uploaded yet: {error}")
            self._not_before[version.name] = now + _RETRY_S
            return
        self._done.add(version)
        with self._journal.open("a") as journal:
            journal.write(_line(version))

    def _tell_once(self, message: str) -> None:
        if message != self._told:
            self._told = message
            self._tell(message)

    def _read_journal(self) -> set[_Version]:
        """Return the uploaded versions of files that still exist; remove the others."""
        done = set()
        if self._journal.exists():
            for line in self._journal.read_text().splitlines():
                try:
                    done.add(_Version(*json.loads(line)))
                except (ValueError, TypeError):
                    log.warning("skipped a line of %s: %r", self._journal, line)
        present = {path.name for path in self.folder.iterdir()}
        lost = self._lost({one.name for one in done if one.name in present and _is_text(one.name)})
        for name in sorted(lost):
            self._tell(f"{name} was uploaded, but AWS does not have it any more: taking it again.")
        kept = {version for version in done if version.name in present - lost}
        fresh = self._journal.with_suffix(".new")
        fresh.write_text("".join(map(_line, kept)))
        fresh.replace(self._journal)
        return kept


class _Sum:
    """The sum of the bytes that boto3's threads report."""

    def __init__(self, report: Callable[[int], None]) -> None:
        self._report = report
        self._total = 0
        self._lock = threading.Lock()

    def __call__(self, more: int) -> None:
        with self._lock:
            self._total += more
            self._report(self._total)


def _is_text(name: str) -> bool:
    """Return whether a file's name is UTF-8, as S3 keys have to be."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _version(path: Path) -> _Version | None:
    """Return the present state of a file; None for anything else, or if it has just gone."""
    try:
        status = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return _Version(path.name, status.st_size, status.st_mtime_ns)


def _wanted(version: _Version, names: set[str]) -> bool:
    """Return whether to upload a file: the stages do not ignore it, and it is complete.

    Firefox keeps an empty file of the final name while it writes ``NAME.part``.
    """
    if intake.kind(version.name, version.size) == "other":
        return False
    return not any(version.name + suffix in names for suffix in intake.PARTIAL)


def _being_written(path: Path) -> bool:
    """Return whether a process that we may inspect has the file open for writing."""
    real = str(path.resolve())
    for process in psutil.process_iter():
        try:
            if any(file.path == real and file.mode != "r" for file in process.open_files()):
                return True
        except (psutil.Error, OSError):
            continue
    return False


def _line(version: _Version) -> str:
    return json.dumps([version.name, version.size, version.mtime_ns]) + "\n"
