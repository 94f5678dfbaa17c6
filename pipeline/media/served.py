"""The server that gives ffmpeg a file that lies elsewhere, on 127.0.0.1.

ffmpeg seeks over HTTP and reads only what it needs. Its builds differ in TLS, retry nothing by
default, and show addresses on their command line. So it reads from this process, which fetches the
bytes by any means and passes errors on. See ``docs/decisions/served-sources.md``.
"""

import contextlib
import hmac
import re
import secrets
import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from pipeline.core.errors import BadInput
from pipeline.core.location import Address
from pipeline.media.blocks import Blocks, Read
from pipeline.media.excerpt import Excerpt

_HOST = "127.0.0.1"
_MOST_BYTES = 8192  # of a request
_MOST_CONNECTIONS = 32
_STRANGER_S = 5.0  # until a client has sent its first request
_SEND_BUFFER = 64 << 10  # what is in it was fetched, and may not be read
_LEAVES_MS = 2.0  # within which a program that has read enough leaves
_SECRET_BYTES = 24
_RANGE = re.compile(r"bytes=([0-9]{1,19})-([0-9]{0,19})")
_REASONS = {
    200: "OK",
    206: "Partial Content",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    416: "Range Not Satisfiable",
}


class _Request(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]


class Server:
    """A server of one file, with a thread for each connection.

    Args:
        blocks: the file.
    """

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._path = f"/{secrets.token_urlsafe(_SECRET_BYTES)}"
        self._socket = socket.create_server((_HOST, 0), backlog=_MOST_CONNECTIONS)
        self._port = self._socket.getsockname()[1]
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._closed = False
        self._thread = threading.Thread(target=self._accept, name="served", daemon=True)
        self._thread.start()

    @property
    def address(self) -> Address:
        """Return the address of the file."""
        return Address(
            url=f"http://{_HOST}:{self._port}{self._path}",
            size=self._blocks.size,
            read=self._blocks.read,
            check=self._blocks.check,
            waited=self._blocks.waited,
        )

    def close(self) -> None:
        """Close all connections and wait for the end of all threads."""
        self._closed = True
        # A thread in accept() does not notice close() alone.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()
        with self._lock:
            threads = list(self._open.values())
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._socket.accept()
            except OSError:
                if self._closed:
                    return
                continue
            with self._lock:
                if len(self._open) >= _MOST_CONNECTIONS:
                    client.close()
                    continue
                thread = threading.Thread(
                    target=self._serve, args=(client,), name="served", daemon=True
                )
                self._open[client] = thread
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        try:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # The socket is ready only when the client's buffer has taken all that was sent.
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 1)
            client.settimeout(_STRANGER_S)
            request = _received(client)
            client.settimeout(None)  # ffmpeg reads slowly while others use what it has decoded
            while request and self._answer(client, request):
                request = _received(client)
        except OSError:
            pass  # the client is gone, which is how ffmpeg seeks
        except Exception:  # noqa: BLE001 - Blocks keeps it for the caller
            # A reset, since ffmpeg takes the end of a connection for the end of the file.
            with contextlib.suppress(OSError):
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        finally:
            with self._lock:
                del self._open[client]
            client.close()

    def _answer(self, client: socket.socket, request: _Request) -> bool:
        """Answer a request, and return whether the connection stays open."""
        status, start, end = self._asked(request)
        size = self._blocks.size
        body = status in (200, 206)
        if body:
            self._blocks.begin(start)  # before the client goes on, which may need no bytes
        headers = [f"HTTP/1.1 {status} {_REASONS[status]}"]
        headers.append(f"Content-Length: {end - start}")
        if body:
            headers += ["Accept-Ranges: bytes", "Content-Type: application/octet-stream"]
        if status == 206:  # noqa: PLR2004
            headers.append(f"Content-Range: bytes {start}-{end - 1}/{size}")
        if status == 416:  # noqa: PLR2004
            headers.append(f"Content-Range: bytes */{size}")
        stays = body and request.headers.get("connection", "").lower() != "close"
        headers.append(f"Connection: {'keep-alive' if stays else 'close'}")
        client.sendall("\r\n".join([*headers, "", ""]).encode("ascii"))
        if body and request.method == "GET":
            self._send(client, start, end)
        return stays

    def _asked(self, request: _Request) -> tuple[int, int, int]:
        """Return the status of an answer, and the bytes that it has: from a start to an end."""
        size = self._blocks.size
        if not hmac.compare_digest(request.path.encode(), self._path.encode()):
            return 404, 0, 0
        # A web page whose name leads to this address has another host.
        if request.headers.get("host") not in (_HOST, f"{_HOST}:{self._port}"):
            return 404, 0, 0
        if request.method not in ("GET", "HEAD"):
            return 405, 0, 0
        if "range" not in request.headers:
            return 200, 0, size
        found = _RANGE.fullmatch(request.headers["range"])
        if found is None:
            return 400, 0, 0
        start, last = int(found[1]), int(found[2] or size - 1)
        if start >= size or last < start:
            return 416, 0, 0
        return 206, start, min(last + 1, size)

    def _send(self, client: socket.socket, start: int, end: int) -> None:
        while start < end and not self._closed:
            if not self._blocks.has(start) and not _wants_more(client):
                raise ConnectionError
            piece = self._blocks.piece(start)[: end - start]
            client.sendall(piece)
            start += len(piece)


def _wants_more(client: socket.socket) -> bool:
    """Wait until a client has taken what was sent; return whether it stays for more."""
    for events, wait_ms in ((select.POLLOUT, None), (0, _LEAVES_MS)):
        poll = select.poll()
        poll.register(client, events | select.POLLRDHUP)
        if any(found != select.POLLOUT for _, found in poll.poll(wait_ms)):
            return False
    return True


def _received(client: socket.socket) -> _Request | None:
    """Return the next request; None at the end of the connection or for anything else."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = client.recv(_MOST_BYTES - len(data))
        if not more:
            return None
        data += more
    line, *lines = data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    words = line.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):  # noqa: PLR2004
        return None
    pairs = (one.partition(":") for one in lines)
    return _Request(words[0], words[1], {name.lower(): text.strip() for name, _, text in pairs})


@contextmanager
def serve(
    size: int,
    read: Read,
    excerpt: Excerpt = Excerpt(),  # noqa: B008 - it is constant
) -> Iterator[tuple[Address, Blocks]]:
    """Serve a file to the programs that this process starts, until the context ends.

    Args:
        size: bytes of the file.
        read: returns a part of it; see ``blocks.Read``.
        excerpt: what is known of it.

    Yields:
        its address, and the blocks, which count what is fetched.

    Raises:
        Exception: the first one of ``read``, unless the caller has already raised another than
            ``BadInput``: that of a program which could not read the file.
    """
    blocks = Blocks(size, read, excerpt)
    server = Server(blocks)
    try:
        yield server.address, blocks
    except BadInput:
        blocks.check()
        raise
    finally:
        server.close()
    blocks.check()
