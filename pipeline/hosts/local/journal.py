"""A journal: numbered records in files, each on the disk before anyone is told that it is.

    <folder>/<number of its first record>     16 digits each
        record: number, length, CRC-32 of both and the payload, payload

Records that wait at the same time reach the disk by one write and one sync. A file that ends in
the middle of a record was cut off. Nobody was told of that record, so it does not count.
"""

import os
import struct
import threading
import zlib
from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.core.errors import MissingDependency

_HEAD = struct.Struct(">QII")
_NUMBER_AND_LENGTH = struct.Struct(">QI")


@dataclass(frozen=True)
class Tail:
    """The end of a journal.

    Attributes:
        last: number of the last record.
        torn: bytes after it.
    """

    last: int
    torn: int


@dataclass
class _Record:
    """A record that is not on the disk yet.

    Attributes:
        files: files that the record names; they have to be on the disk before it.
    """

    number: int
    text: bytes
    files: Collection[Path] = field(default=())


class Journal:
    """A journal that is written.

    Args:
        folder: of its files; it exists.
        last: number of the last record in them.
    """

    def __init__(self, folder: Path, last: int) -> None:
        self.last = last
        self.error: OSError | None = None
        self._folder = folder
        self._stored = last
        self._waiting: deque[_Record] = deque()
        self._changed = threading.Condition()
        self._writing = False
        self._failures = 0
        self._open()

    @property
    def size(self) -> int:
        """Return the bytes in all files."""
        return sum(path.stat().st_size for path in _files(self._folder))

    def append(self, payload: bytes, files: Collection[Path] = ()) -> int:
        """Add a record after all others, and return its number; ``commit`` stores it."""
        with self._changed:
            self.last += 1
            text = encoded(self.last, payload)
            self._waiting.append(_Record(self.last, text, files))
            return self.last

    def commit(self, number: int) -> None:
        """Return when this record and all before it are on the disk.

        Raises:
            OSError: it could not be written. It stays in line: a later ``commit`` writes it.
        """
        self._sync_files(number)
        with self._changed:
            failures = self._failures
        while batch := self._next_batch(number, failures):
            self._write(batch)

    def retry(self) -> None:
        """Write the records that could not be written.

        Raises:
            OSError: they still cannot be.
        """
        if self.error is not None:
            self.commit(self.last)

    def rotate(self) -> tuple[int, int]:
        """Begin a new file; return the numbers of its first record and of the last one so far.

        Records that are not stored yet go to the new file, so the first may be before the last.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._writing)
            if self._size:
                old = self._file
                self._open()
                os.close(old)
            return self._first, self.last

    def drop(self, before: int) -> None:
        """Delete the files whose records all have numbers below ``before``."""
        for path in _files(self._folder):
            if int(path.name) < before:
                path.unlink()

    def close(self) -> None:
        """Close the present file."""
        os.close(self._file)

    def _open(self) -> None:
        first = self._stored + 1
        path = self._folder / f"{first:016}"
        # A file of this name has no whole record, or its records would have been counted.
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._first, self._size = first, 0
        sync(self._folder)

    def _sync_files(self, number: int) -> None:
        """Store the files that a record names. Requests do so at the same time, each its own."""
        with self._changed:
            record = next((one for one in self._waiting if one.number == number), None)
        if record is None or not record.files:
            return
        try:
            for path in record.files:
                sync(path)
            for folder in {path.parent for path in record.files}:
                sync(folder)
        finally:
            with self._changed:
                record.files = ()
                self._changed.notify_all()

    def _next_batch(self, number: int, failures: int) -> list[_Record]:
        """Wait until it is this thread's turn to write, and return what; nothing if it is done."""
        with self._changed:
            while self._stored < number:
                if self.error is not None and self._failures != failures:
                    raise self.error
                if not self._writing and (batch := self._ready()):
                    self._writing = True
                    return batch
                self._changed.wait()
            return []

    def _ready(self) -> list[_Record]:
        """Return the first records, up to one whose files are not on the disk yet."""
        batch = []
        for record in self._waiting:
            if record.files:
                break
            batch.append(record)
        return batch

    def _write(self, batch: list[_Record]) -> None:
        text = b"".join(record.text for record in batch)
        failed: OSError | None = None
        try:
            _write_at(self._file, text, self._size)
            os.fdatasync(self._file)
        except OSError as error:
            failed = error
            _cut(self._file, self._size)
        with self._changed:
            self._writing = False
            self.error = failed
            if failed is None:
                self._size += len(text)
                self._stored = batch[-1].number
                for _ in batch:
                    self._waiting.popleft()
            else:
                self._failures += 1
            self._changed.notify_all()
        if failed is not None:
            raise failed


def encoded(number: int, payload: bytes) -> bytes:
    """Return a record as it is in the file."""
    checksum = zlib.crc32(payload, zlib.crc32(_NUMBER_AND_LENGTH.pack(number, len(payload))))
    return _HEAD.pack(number, len(payload), checksum) + payload


def replay(folder: Path, after: int, apply: Callable[[bytes], None]) -> Tail:
    """Pass the payloads of all records with numbers above ``after`` to ``apply``, in order.

    Raises:
        MissingDependency: ``state_damaged``: records are missing between those that are there.
    """
    last, torn = after, 0
    for path in _files(folder):
        # Where a write failed, the next file goes on with the same record.
        if int(path.name) > last + 1:
            raise MissingDependency(
                "state_damaged",
                f"{folder} lacks what was written between record {last} and {path.name}. Nothing "
                "was changed. Restore that folder from a backup, or move it away to start empty.",
            )
        content = path.read_bytes()
        torn = len(content)
        for number, payload in _records(content):
            torn -= _HEAD.size + len(payload)
            if number > last:
                apply(payload)
                last = number
    return Tail(last, torn)


def clear(folder: Path) -> None:
    """Delete a journal."""
    for path in _files(folder):
        path.unlink()


def _records(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Return the records of a file, up to the first that is cut off or damaged."""
    at = 0
    while at + _HEAD.size <= len(content):
        number, length, _ = _HEAD.unpack_from(content, at)
        payload = content[at + _HEAD.size : at + _HEAD.size + length]
        record = encoded(number, payload)
        if len(payload) < length or content[at : at + len(record)] != record:
            return
        yield number, payload
        at += len(record)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name.isdigit())


def _write_at(file: int, text: bytes, at: int) -> None:
    left = memoryview(text)
    while left:
        written = os.pwrite(file, left, at)
        left, at = left[written:], at + written


def _cut(file: int, size: int) -> None:
    """Shorten a file whose last write failed; if that fails too, its checksum tells the end."""
    try:
        os.ftruncate(file, size)
    except OSError:
        return


def sync(path: Path) -> None:
    """Return when a file's bytes, or a folder's names, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
