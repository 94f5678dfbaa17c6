"""One lock around moto's state.

moto's server handles every request in a thread of its own, with no lock around its state: two
conditional writes may both succeed, and an upload's event can reach a queue before the upload's
metadata is set. On AWS neither happens. So one request at a time works on the state, and a request
that waits for a message leaves the monitor while it waits. Request bodies are read before entering
and responses are sent after leaving, so that a slow client holds nobody up.
"""

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable
from typing import IO, Any, cast

Environ = dict[str, Any]
App = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

# moto's state is global to its process, and so is its lock.
STATE = threading.Condition(threading.RLock())
# Set when the state may differ from the last snapshot.
WRITTEN = threading.Event()

_IN_MEMORY_BYTES = 1 << 20
# Operations (the part of X-Amz-Target after the dot) that change nothing. ReceiveMessage does, but
# only when it finds a message, and then says so itself.
_READS = ("BatchGet", "Describe", "Get", "List", "Query", "Receive", "Scan", "TransactGet")


def monitored(app: App) -> App:
    """Let one request at a time into ``app``, and note whether it may have written."""

    def enter(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as body:
            _receive(environ, cast("IO[bytes]", body))
            environ["wsgi.input"] = body
            with STATE:
                if not _reads(environ):
                    WRITTEN.set()
                return app(environ, start_response)

    return enter


def _reads(environ: Environ) -> bool:
    operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    return environ["REQUEST_METHOD"] in ("GET", "HEAD") or operation.startswith(_READS)


def _receive(environ: Environ, body: IO[bytes]) -> None:
    """Take the request's body off the wire."""
    source: IO[bytes] = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated"):  # chunked: the server marks the end
        shutil.copyfileobj(source, body)
    else:
        left = int(environ.get("CONTENT_LENGTH") or 0)
        while left and (chunk := source.read(min(left, _IN_MEMORY_BYTES))):
            body.write(chunk)
            left -= len(chunk)
    body.seek(0)
