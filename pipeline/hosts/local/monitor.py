"""One lock around moto's state.

moto's server handles every request in a thread of its own, with no lock around its state: two
conditional writes may both succeed, and an upload's event can reach a queue before the upload's
metadata is set. On AWS neither happens. So one request at a time works on the state, and a request
that waits for a message leaves the monitor while it waits. Request bodies are read before entering
(see ``gate``) and responses are sent after leaving, so that a slow client delays no other request.
"""

import threading
from collections.abc import Iterable

from pipeline.hosts.local.gate import App, Environ, StartResponse

# moto's state is global to its process, and so is its lock.
STATE = threading.Condition(threading.RLock())
# Set when the state may differ from the last snapshot.
WRITTEN = threading.Event()

# Operations (the part of X-Amz-Target after the dot) that change nothing. ReceiveMessage changes
# the state only if it finds a message; its patch then sets WRITTEN.
_READS = ("BatchGet", "Describe", "Get", "List", "Query", "Receive", "Scan", "TransactGet")


def monitored(app: App) -> App:
    """Let one request at a time into ``app``, and note whether it may have written."""

    def enter(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        with STATE:
            if not _reads(environ):
                WRITTEN.set()
            return app(environ, start_response)

    return enter


def _reads(environ: Environ) -> bool:
    operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    return environ["REQUEST_METHOD"] in ("GET", "HEAD") or operation.startswith(_READS)
