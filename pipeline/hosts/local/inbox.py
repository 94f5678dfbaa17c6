"""The inbox: a folder whose files are uploaded once they are complete, those in its folders too.

Nothing in it is moved or deleted. A journal of the files (inode, size, modification time) prevents
repeated uploads after a restart, and of a file that was renamed. A file whose bytes changed is
another video: nothing that is dropped here replaces an earlier one.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
from boto3.exceptions import Boto3Error

from pipeline.aws import clients as aws
from pipeline.aws.adding import Adder
from pipeline.core import intake, sidecar
from pipeline.core.errors import InvalidArgument, VideodropError

log = logging.getLogger(__name__)

SETTLE_S = 3.0
_RETRY_S = 5.0
_LOOK_S = 0.5
# A look at a large folder takes long, so there are fewer of them.
_LONGEST_S = 5.0
_REST = 20


class _Version(NamedTuple):
    """The identity of one state of a file, whatever its name."""

    inode: int
    size: int
    mtime_ns: int


class _File(NamedTuple):
    """A file in the inbox; ``name`` is its path below it."""

    path: Path
    name: str
    version: _Version


class Inbox:
    """A folder whose files are uploaded.

    Args:
        folder: created if it does not exist.
        journal: file with the versions that are done.
        adder: uploads them.
        tell: called with a sentence about each upload and each failure.
        lost: called with the keys of uploads; returns those of which AWS knows nothing, as after a
            start with an older state.
        progress: called with (name, bytes sent, total bytes), from several threads.
    """

    def __init__(
        self,
        folder: Path,
        journal: Path,
        adder: Adder,
        tell: Callable[[str], None],
        lost: Callable[[set[str]], set[str]] = lambda _: set(),
        progress: Callable[[str, int, int], None] = lambda *_: None,
    ) -> None:
        self.folder = folder
        self._journal = journal
        self._adder = adder
        self._tell = tell
        self._lost = lost
        self._failure = ""
        self._progress = progress
        self._beat: Callable[[], object] = lambda: None
        self._since: dict[_Version, float] = {}
        self._not_before: dict[_Version, float] = {}
        self._told: set[_Version] = set()
        folder.mkdir(parents=True, exist_ok=True)
        self._done = self._read_journal()

    def run(self, stopping: threading.Event, beat: Callable[[], object] = lambda: None) -> None:
        """Watch until ``stopping`` is set.

        Args:
            stopping: ends it.
            beat: called at each look, and while a file is sent.
        """
        pause, self._beat = _LOOK_S, beat
        while not stopping.wait(pause):
            began = time.monotonic()
            beat()
            try:
                self.look(began)
            except Exception as error:
                log.exception("The inbox could not be looked at; trying again")
                self._tell_failure(f"The inbox {self.folder} could not be read: {error}")
            pause = min(_LONGEST_S, max(_LOOK_S, _REST * (time.monotonic() - began)))

    def look(self, now: float) -> None:
        """Upload the files unchanged for ``SETTLE_S`` at ``now`` (monotonic seconds)."""
        files = [one for one in self._files() if one.version in self._done or _wanted(one)]
        self._since = {one.version: self._since.get(one.version, now) for one in files}
        # Videos first: captions go beside theirs.
        for one in sorted(files, key=_is_captions):
            if (
                one.version not in self._done
                and now - self._since[one.version] >= SETTLE_S
                and now >= self._not_before.get(one.version, now)
                and not _being_written(one.path)
            ):
                self._add(one, files, now)

    def _add(self, one: _File, files: list[_File], now: float) -> None:
        def report(total: int) -> None:
            self._beat()
            self._progress(one.name, total, one.version.size)

        sent = _Sum(report)
        key = None
        try:
            if _is_captions(one):
                video = self._video_of(one, files)
                if video is None:
                    self._tell_once(one, f"{one.name} waits for the video that it belongs to.")
                    return
                self._adder.add_captions(one.path, *video, sent)
                self._tell(f"{one.name} was put beside its video.")
            else:
                added = self._adder.add(one.path, sent=sent)
                key = added.key
                if added.there:
                    self._tell(f"{one.name} is already there: {added.video_id}.")
                else:
                    self._tell(f"{one.name} was dropped into the pipeline: {added.video_id}.")
        except InvalidArgument as error:
            self._tell_once(one, f"{one.name!a} was not uploaded. {error.message}")
            if error.code == "not_a_file":  # it may be readable later
                self._not_before[one.version] = now + _RETRY_S
                return
        except (VideodropError, Boto3Error, OSError, *aws.ERRORS) as error:
            self._tell(f"{one.name} could not be uploaded yet: {error}")
            self._not_before[one.version] = now + _RETRY_S
            return
        self._done[one.version] = key
        with self._journal.open("a") as journal:
            journal.write(_line(one.version, key))

    def _tell_once(self, one: _File, text: str) -> None:
        if one.version not in self._told:
            self._told.add(one.version)
            self._tell(text)

    def _tell_failure(self, text: str) -> None:
        if text != self._failure:
            self._failure = text
            self._tell(text)

    def _video_of(self, captions: _File, files: list[_File]) -> tuple[str, str] | None:
        """Return name and key of the video in the inbox that captions belong to."""
        keys = {
            path: (one.path.name, key)
            for one in files
            if (key := self._done.get(one.version))
            for path in sidecar.paths(sidecar.same(one.name))
        }
        owners = (sidecar.same(owner.path) for owner in sidecar.owners(captions.name))
        return next((keys[path] for path in owners if path in keys), None)

    def _files(self) -> Iterator[_File]:
        """Yield the files in the inbox and in its folders."""
        for path in self.folder.rglob("*"):
            try:
                if path.is_file():
                    status = path.stat()
                    version = _Version(status.st_ino, status.st_size, status.st_mtime_ns)
                    yield _File(path, path.relative_to(self.folder).as_posix(), version)
            except OSError:  # it went away meanwhile
                continue

    def _read_journal(self) -> dict[_Version, str | None]:
        """Return the versions that are done of files that still exist; remove the others."""
        done = {}
        if self._journal.exists():
            for line in self._journal.read_text().splitlines():
                try:
                    *version, key = json.loads(line)
                    done[_Version(*map(int, version))] = key
                except (ValueError, TypeError):
                    log.warning("skipped a line of %s: %r", self._journal, line)
        present = {one.version for one in self._files()}
        lost = self._lost({key for version, key in done.items() if key and version in present})
        for key in sorted(lost):
            self._tell(f"{Path(key).name} was uploaded, but AWS lost it: taking it again.")
        kept = {v: key for v, key in done.items() if v in present and key not in lost}
        fresh = self._journal.with_suffix(".new")
        fresh.write_text("".join(_line(*one) for one in kept.items()))
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


def _wanted(one: _File) -> bool:
    """Return whether to upload a file: the stages do not ignore it, and it is complete.

    Firefox keeps an empty file of the final name while it writes ``NAME.part``; Safari writes into
    a folder ``NAME.download``.
    """
    if intake.kind(one.name, one.version.size) == "other":
        return False
    folders = Path(one.name).parent.parts
    if any(folder.casefold().endswith(intake.PARTIAL) for folder in folders):
        return False
    return not any(one.path.with_name(one.path.name + end).exists() for end in intake.PARTIAL)


def _is_captions(one: _File) -> bool:
    return intake.kind(one.name, one.version.size) == "captions"


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


def _line(version: _Version, key: str | None) -> str:
    return json.dumps([*version, key]) + "\n"
