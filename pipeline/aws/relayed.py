"""Presigned requests to S3 that the API hands on, where only this machine reaches S3.

Their addresses are paths below the API's own. The signature is S3's own and covers everything but
the prefix of the path, so S3 checks it, and its expiry.
"""

import contextlib
from collections.abc import Collection, Iterable, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

from pipeline.core.errors import Unreachable

PATH = "/files"
_TIMEOUT_S = 60.0


def relayed(url: str) -> str:
    """Return the path and query, at the API, of a presigned URL with the bucket in its path."""
    signed = urlsplit(url)
    return f"{PATH}{signed.path}?{signed.query}"


class Store:
    """S3, as presigned requests reach it.

    Args:
        endpoint: its address.
        buckets: names of the buckets that may be asked for.
    """

    def __init__(self, endpoint: str, buckets: Collection[str]) -> None:
        self._endpoint = urlsplit(endpoint)
        self._prefixes = tuple(f"/{bucket}/" for bucket in buckets)

    def has(self, target: str) -> bool:
        """Return True if a request target names a file of these buckets."""
        return target.startswith(self._prefixes)

    def send(
        self, method: str, target: str, headers: Mapping[str, str], body: Iterable[bytes] = ()
    ) -> HTTPResponse:
        """Send a request, and return the response, whose body is not read yet.

        Args:
            method: GET or PUT.
            target: path and query, percent-encoded.
            headers: with ``Content-Length`` if there is a body.
            body: in chunks.

        Raises:
            Unreachable: ``aws_unreachable``. The message has no address: that is a secret.
        """
        secure = self._endpoint.scheme == "https"
        kind = HTTPSConnection if secure else HTTPConnection
        connection = kind(self._endpoint.netloc, timeout=_TIMEOUT_S)
        try:
            # The response then owns the socket: closing it ends the transfer. An S3 that rejects a
            # request may answer and close before it has read the body.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, target, body, {**headers, "Connection": "close"})
            return connection.getresponse()
        except (OSError, HTTPException) as error:
            connection.close()
            reason = type(error).__name__
            raise Unreachable("aws_unreachable", f"S3 could not be reached: {reason}.") from error
