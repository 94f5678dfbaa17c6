"""One file from one address: resumed where it broke off, and checked against its digest."""

import hashlib
import http.client
import logging
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, Protocol

from pipeline.core.errors import DependencyFailed, MissingDependency, VideodropError
from pipeline.stages.models.registry import File

_log = logging.getLogger(__name__)
_TIMEOUT_S = 20.0
_BLOCK = 1 << 20
_TRIES = 3
_PARTIAL, _NOT_SATISFIABLE, _SERVER_ERROR = 206, 416, 500
CHECKSUM, UNREACHABLE = "model_checksum", "model_unreachable"
_BROKEN = (http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError)


class Progress(Protocol):
    """A display of downloads."""

    def start(self, name: str, size: int, done: int) -> Callable[[int], None]:
        """Begin a file of ``size`` bytes, of which ``done`` are here; return what adds bytes."""


class Logged:
    """The progress of downloads as lines in the log, one for each tenth."""

    def start(self, name: str, size: int, done: int) -> Callable[[int], None]:
        """Begin a file; see ``Progress``."""
        have, said = done, 10 * done // max(size, 1)

        def add(count: int) -> None:
            nonlocal have, said
            have += count
            if (tenth := 10 * have // max(size, 1)) > said:
                said = tenth
                _log.info("%s: %d of %d MB", name, have >> 20, size >> 20)

        return add


def get(address: str, known: File, part: Path, progress: Progress) -> None:
    """Write a file to ``part``, from where a broken transfer left it.

    Args:
        address: an http(s) address, or a path on this host.
        known: the file.
        part: the target; a part of it may be there.
        progress: shows the transfer.

    Raises:
        MissingDependency: ``model_unavailable``; ``model_unreachable``: the address does not
            answer; ``model_checksum``: the bytes are not the pinned ones.
        DependencyFailed: ``model_download``: it broke off; a retry may succeed.
        OSError: ``part`` cannot be written.
    """
    for last in (False,) * (_TRIES - 1) + (True,):
        before = _size(part)
        try:
            found = _transfer(address, known, part, before, progress)
        except urllib.error.HTTPError as error:
            error.close()  # it is the response, with an open connection
            if not (error.code == _NOT_SATISFIABLE and before):
                raise _refused(address, error) from error
            part.unlink()
        except urllib.error.URLError as error:
            raise MissingDependency("model_unreachable", f"{address}: {error.reason}.") from error
        except _BROKEN as error:
            if last or _size(part) <= before:
                raise DependencyFailed(
                    "model_download", f"The download of {address} broke off ({error!r})."
                ) from error
        else:
            if found == known.sha256:
                return
            part.unlink(missing_ok=True)
            if last or not before:  # after a start that others left, the rest may still be right
                raise checksum(known.name, address, found, known.sha256)


def _refused(address: str, error: urllib.error.HTTPError) -> VideodropError:
    if error.code >= _SERVER_ERROR:
        return DependencyFailed("model_download", f"The server of {address} failed ({error}).")
    return MissingDependency("model_unavailable", f"{address}: {error}.")


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _transfer(address: str, known: File, part: Path, have: int, progress: Progress) -> str:
    """Write what is missing of a file, and return the digest of all of it."""
    _log.info("fetching %s", address)
    digest = hashlib.sha256()
    if have < known.size:
        with _opened(address, have) as source:
            have, promised = _start(source, have)
            if have:
                _add(part, digest)
            add = progress.start(known.name, known.size, have)
            with part.open("ab" if have else "wb") as out:
                while have <= known.size and (block := source.read(_BLOCK)):
                    out.write(block)
                    digest.update(block)
                    have += len(block)
                    add(len(block))
        if have < min(promised, known.size):
            raise http.client.IncompleteRead(b"", promised - have)
    else:
        _add(part, digest)
    return digest.hexdigest()


def checksum(name: str, where: object, found: str, pinned: str) -> MissingDependency:
    """Return the error about a file whose digest is not the pinned one."""
    return MissingDependency(
        "model_checksum",
        f"{where} is not the pinned {name}: its sha256 is {found}, not {pinned}. "
        f"Delete it, or replace it by the right file.",
    )


def _opened(address: str, have: int) -> IO[bytes]:
    if "://" not in address:
        try:
            return Path(address).open("rb")
        except OSError as error:
            raise MissingDependency("model_unavailable", f"{address}: {error.strerror}.") from error
    request = urllib.request.Request(  # noqa: S310 - addresses of ours or of the operator
        address, headers={"Range": f"bytes={have}-"} if have else {}
    )
    answer: IO[bytes] = urllib.request.urlopen(request, timeout=_TIMEOUT_S)  # noqa: S310 - see above
    return answer


def _start(source: IO[bytes], have: int) -> tuple[int, int]:
    """Return the byte that a source starts at, and the size that it promises."""
    if not isinstance(source, http.client.HTTPResponse):
        source.seek(0)
        return 0, 0
    length = int(source.headers.get("Content-Length", 0))
    resumed = source.headers.get("Content-Range", "").startswith(f"bytes {have}-")
    if source.status == _PARTIAL and resumed:
        return have, have + length
    return 0, length


def _add(part: Path, digest: "hashlib._Hash") -> None:
    with part.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
