"""S3 object bodies as files, written once.

moto keeps an object's body in memory or in an anonymous temporary file. It joins a multipart upload
three times in memory, and keeps its parts beside the whole. Here each body is a file of its own in
one folder, with a random name, and never changed. A snapshot then holds only names. A body is
written once for any number of saves, and a copy is free. Large uploads and downloads use disk
instead of memory.
"""

import copy
import hashlib
import mmap
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.s3.exceptions import EntityTooSmall, InvalidPart, MalformedXML
from moto.s3.models import FakeKey, FakeMultipart, MultipartChecksumBuilder
from moto.settings import S3_UPLOAD_PART_MIN_SIZE

from pipeline.hosts.local.changes import Change, present

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class _Stored:
    """A body that has been written to the folder."""

    name: str
    size: int


@dataclass(frozen=True)
class _Range:
    """A range of a body, sent in chunks."""

    body: mmap.mmap
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def __iter__(self) -> Iterator[bytes]:
        for at in range(self.start, self.stop, _CHUNK_BYTES):
            yield self.body[at : min(at + _CHUNK_BYTES, self.stop)]


class _Mapped(mmap.mmap):
    """A body that is read while it is sent, in chunks, where mmap yields integers.

    moto slices it for a range request.
    """

    name: str

    def __iter__(self) -> Iterator[bytes]:  # type: ignore[override]
        return iter(_Range(self, 0, len(self)))

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            start, stop, _ = key.indices(len(self))
            if stop - start > _CHUNK_BYTES:
                return _Range(self, start, stop)
        return super().__getitem__(key)


def keep_bodies_in(folder: Path) -> None:
    """Patch moto's S3 to keep every object's body in ``folder``."""

    def read(self: Any) -> bytes | _Mapped:
        if not self.contentsize:
            return b""  # an empty file cannot be mapped
        with (folder / self.body).open("rb") as file:
            body = _Mapped(file.fileno(), 0, access=mmap.ACCESS_READ)
        body.name = self.body
        return body

    def write(self: Any, value: bytes | _Range | _Mapped | _Stored) -> None:
        if isinstance(value, (bytes, _Range)):
            value = _Stored(_write(folder, value), len(value))
        elif isinstance(value, _Mapped):
            value = _Stored(value.name, len(value))
        self.body, self.contentsize = value.name, value.size

    def etag(self: Any) -> str:
        if self._etag is None:
            with (folder / self.body).open("rb") as file:
                # S3's ETag of a simple upload is its MD5; it serves no security purpose.
                self._etag = hashlib.file_digest(file, "md5").hexdigest()
        return f'"{self._etag}"'

    key = {
        "value": property(read, write),
        "etag": property(etag),
        # moto's own pair of methods copies the body into the pickle.
        "__getstate__": lambda self: vars(self) | {"_value_buffer": None},
        "__setstate__": lambda self, state: self.__dict__.update(state),
        # moto deep-copies keys to list versions, but a lock cannot be copied. Bodies never change.
        "__deepcopy__": lambda self, _: copy.copy(self),
    }
    multipart = {"complete": _join(folder)}
    for owner, attributes in ((FakeKey, key), (FakeMultipart, multipart)):
        for name, attribute in attributes.items():
            setattr(owner, name, attribute)


def _join(folder: Path) -> Callable[..., Any]:
    """Return the method that joins the parts of a multipart upload.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
    """

    def complete(
        self: Any, listed: Iterable[tuple[int, str]]
    ) -> tuple[_Stored, str, tuple[str, str, int] | None]:
        parts = []
        for number, etag in listed:
            part = self.parts.get(number)
            if part is None or part.etag.strip('"') != etag.strip('"'):
                raise InvalidPart
            parts.append(part)
        if not parts:
            raise MalformedXML
        if any(part.contentsize < S3_UPLOAD_PART_MIN_SIZE for part in parts[:-1]):
            raise EntityTooSmall
        algorithm = self.metadata.get("x-amz-checksum-algorithm")
        composite = self.metadata.get("x-amz-checksum-type", "COMPOSITE") == "COMPOSITE"
        checksum = MultipartChecksumBuilder(algorithm, "COMPOSITE")
        name = _write(folder, (chunk for part in parts for chunk in _chunks(folder / part.body)))
        for part in parts if algorithm and composite else ():
            checksum.addPart(part.value)
        size = (folder / name).stat().st_size
        digests = b"".join(bytes.fromhex(part.etag.strip('"')) for part in parts)
        etag = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
        self.parts.clear()
        return _Stored(name, size), etag, checksum.build() if algorithm and composite else None

    return complete


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def _write(folder: Path, body: bytes | Iterable[bytes]) -> str:
    """Write a new body, and return its name.

    Raises:
        OSError: there is no room. Nothing is left of it, and the change in hand knows.
    """
    path, change = folder / uuid.uuid4().hex, present() or Change()
    try:
        with path.open("wb") as file:
            file.writelines([body] if isinstance(body, bytes) else body)
    except OSError as error:
        path.unlink(missing_ok=True)
        change.error = error
        raise
    change.wrote(path, body if isinstance(body, bytes) else None)
    return path.name
