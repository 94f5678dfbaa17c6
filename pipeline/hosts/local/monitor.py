"""One lock around moto's state, and no answer before a change is stored.

moto's server handles every request in a thread of its own, with no lock around its state: two
conditional writes may both succeed, and an upload's event can reach a queue before the upload's
metadata is set. On AWS neither happens. So one request at a time works on the state, and a request
that waits for a message leaves the monitor while it waits. Request bodies are read before entering
(see ``gate``) and responses are sent after leaving, so that a slow client delays no other request.

A request that may change something is answered when its change is on the disk, and all before it.
Requests wait for that outside the monitor. One that only reads does not wait: what anyone does
about the answer is stored after what it saw.
"""

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pipeline.hosts.local.changes import noting
from pipeline.hosts.local.gate import App, Environ, StartResponse

if TYPE_CHECKING:
    from pipeline.hosts.local.store import Store

# moto's state is global to its process, and so is its lock.
STATE = threading.Condition(threading.RLock())

# Operations (the part of X-Amz-Target after the dot) that change nothing.
_READS = ("BatchGet", "Describe", "Get", "List", "Query", "Scan", "TransactGet")
# Operations whose changes are not noted (see ``moto_patches.noted``). Nobody here calls them often.
_UNNOTED = {
    "DynamoDB_20120810": ("Tag", "Untag", "Restore", "Import", "Execute", "BatchExecute"),
    "AWSEvents": ("Tag", "Untag"),
}


class _Answer:
    """The beginning of an answer that is not sent yet."""

    def __init__(self) -> None:
        self._begun: tuple[Any, ...] = ()

    def __call__(self, *begun: Any) -> None:
        """Take the place of WSGI's ``start_response``."""
        self._begun = begun

    def begin(self, start_response: StartResponse) -> None:
        """Send it."""
        start_response(*self._begun)


def monitored(app: App, store: "Store") -> App:
    """Let one request at a time into ``app``, and answer it when its change is stored.

    The app that is returned raises ``Rejected`` if the disk is full.
    """

    def enter(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if _reads(environ):
            with STATE:
                return app(environ, start_response)
        change, answer = store.change(), _Answer()
        try:
            with STATE, noting(change):
                try:
                    body = app(environ, answer)
                finally:
                    store.append(change)
        finally:
            store.commit(change)
        if _is_unnoted(environ):
            store.save()
        answer.begin(start_response)
        return body

    return enter


def _reads(environ: Environ) -> bool:
    return environ["REQUEST_METHOD"] in ("GET", "HEAD") or _target(environ)[1].startswith(_READS)


def _is_unnoted(environ: Environ) -> bool:
    service, operation = _target(environ)
    return operation.startswith(_UNNOTED.get(service, ()) or ("-",))


def _target(environ: Environ) -> tuple[str, str]:
    service, _, operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")
    return service, operation
