"""The embedded AWS: moto's server, patched, with its state on disk.

``python -m pipeline.hosts.local.server FOLDER PORT [HOST]`` serves until SIGTERM, on loopback or at
the address HOST. It accepts only the credentials of its own environment. When it is ready it writes
one line of JSON to standard output: ``{"endpoint": …, "message": …}``. Later lines have only a
message, for the terminal. If it cannot start, it writes ``{"error": …}`` and exits with status 1.
"""

import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Collection
from pathlib import Path
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import make_server

from pipeline import bootstrap
from pipeline.core.errors import MissingDependency, VideodropError
from pipeline.hosts.local import moto_patches
from pipeline.hosts.local.bodies import keep_bodies_in
from pipeline.hosts.local.gate import SERVICES, dispatcher, guarded
from pipeline.hosts.local.monitor import monitored
from pipeline.hosts.local.network import is_beyond_loopback, listener
from pipeline.hosts.local.signature import Keys
from pipeline.hosts.local.store import Store

log = logging.getLogger(__name__)

_LOOK_S = 4.0
_LOOPBACK = "127.0.0.1"


class _Quiet(MotoRequestHandler):
    def log_request(self, *_: Any) -> None:
        """Log nothing: polls would fill the log."""


def listen(port: int, host: str = _LOOPBACK) -> socket.socket:
    """Return a socket that listens on ``port``; on loopback, if in use, on a free port.

    Raises:
        MissingDependency: ``bad_address``: another host's clients have this port alone.
    """
    if not is_beyond_loopback(host):
        return listener(host, port)
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise MissingDependency(
            "bad_address", f"Cannot listen on port {port} of {host}: {error.strerror}."
        ) from error


def save_until(stopping: threading.Event, store: Store) -> None:
    """Save and expire whenever it is due; retry after errors, such as a full disk."""
    while not stopping.wait(_LOOK_S):
        try:
            store.expire_if_due()
            store.save_if_due()
        except OSError:
            log.exception("The state could not be saved to %s; trying again", store.folder)


def main(
    folder: Path, port: int, services: Collection[str] = SERVICES, *, host: str = _LOOPBACK
) -> None:
    """Serve until SIGTERM or SIGINT, then save and return.

    Raises:
        MissingDependency: ``no_keys``, ``bad_address``; the state cannot be read.
    """
    keys = _keys()
    store = Store(folder, tell=lambda message: announce({"message": message}))
    keep_bodies_in(store.bodies)
    moto_patches.apply()
    message = store.load().message()
    listening = listen(port, host)
    host, port = listening.getsockname()
    settings = bootstrap.settings()
    names = settings.hosts or frozenset() if is_beyond_loopback(host) else None
    app = monitored(dispatcher(services), store)
    app = guarded(app, keys, settings.public_origins, names=names)
    server = make_server(
        host, port, app, threaded=True, request_handler=_Quiet, fd=listening.fileno()
    )
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    announce({"endpoint": f"http://{host}:{port}", "message": message})
    save_until(stopping, store)
    server.shutdown()
    store.close()


def _keys() -> Keys:
    try:
        return Keys(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
    except KeyError as missing:
        raise MissingDependency(
            "no_keys", f"Set {missing.args[0]}: it accepts requests that are signed with it alone."
        ) from missing


def announce(line: dict[str, Any]) -> None:
    """Send a line of JSON to the parent process."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        main(Path(sys.argv[1]), int(sys.argv[2]), host=sys.argv[3] if sys.argv[3:] else _LOOPBACK)
    except VideodropError as error:
        announce({"error": error.message})
        sys.exit(1)
