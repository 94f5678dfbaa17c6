"""The POST of a webhook: to the address that was checked, without redirects, within a time."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from pipeline.core.errors import InvalidArgument
from pipeline.results.outgoing import target
from pipeline.results.outgoing.target import Address, Target

TIMEOUT_S = 15.0
_OK, _REDIRECT, _CLIENT_ERROR = 200, 300, 400
_SHOWN = 200  # characters of an error


@dataclass(frozen=True)
class Answer:
    """The answer to a webhook.

    Attributes:
        status: of HTTP; None without an answer.
        error: why it does not count as delivered; None if it does.
        seconds: how long it took.
    """

    status: int | None
    error: str | None
    seconds: float


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    private: bool,
    timeout_s: float = TIMEOUT_S,
) -> Answer:
    """Post a webhook once.

    Args:
        url: its address.
        body: the content.
        headers: to send.
        private: True if it may go to private networks.
        timeout_s: of the whole request.
    """
    started = time.monotonic()
    try:
        to = target.parse(url, private=private)
        status = _status(to, target.resolve(to, private=private), body, headers, timeout_s)
        error = _fault(status)
    except InvalidArgument as wrong:
        status, error = None, wrong.message
    except (OSError, http.client.HTTPException, ValueError) as failed:
        late = time.monotonic() - started >= timeout_s
        status = None
        error = (
            f"No answer within {timeout_s:g} s." if late else (str(failed) or repr(failed))[:_SHOWN]
        )
    return Answer(status, error, time.monotonic() - started)


def _status(
    to: Target, address: Address, body: bytes, headers: Mapping[str, str], timeout_s: float
) -> int:
    """Return the status of the receiver's answer, whose content is not read."""
    connection = _Connection(to, str(address), timeout_s)
    # A timeout of a socket is one of each read: a receiver that trickles would never reach it.
    limit = threading.Timer(timeout_s, connection.cut)
    limit.daemon = True
    limit.start()
    try:
        connection.request(
            "POST",
            to.path,
            body,
            {"Host": to.authority, "Content-Type": "application/json", **headers},
        )
        return connection.getresponse().status
    finally:
        limit.cancel()
        connection.close()


def _fault(status: int) -> str | None:
    if _OK <= status < _REDIRECT:
        return None
    if _REDIRECT <= status < _CLIENT_ERROR:
        return f"Status {status}: redirects are not followed."
    return f"Status {status}."


class _Connection(http.client.HTTPConnection):
    """A connection to a checked address, with TLS for the name that it belongs to."""

    def __init__(self, to: Target, address: str, timeout_s: float) -> None:
        super().__init__(to.host, to.port, timeout=timeout_s)
        self._to = to
        self._address = address

    def connect(self) -> None:
        """Connect to the address, whatever the name resolves to now."""
        self.sock = socket.create_connection((self._address, self._to.port), self.timeout)
        if self._to.scheme == "https":
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self._to.host)

    def cut(self) -> None:
        """End the request in another thread."""
        if self.sock:
            with suppress(OSError):  # it has ended
                self.sock.shutdown(socket.SHUT_RDWR)
