"""The query API served by uvicorn, in a container or by ``videodrop up``.

``python -m pipeline.api.server FD``, where FD is a socket that listens
"""

import logging
import socket
import sys
from contextlib import suppress

import uvicorn

from pipeline import bootstrap
from pipeline.api.app import create_app

_log = logging.getLogger(__name__)
_GRACE_S = 3  # for requests in progress at shutdown


def serve(listener: socket.socket) -> None:
    """Serve the API until SIGTERM.

    Args:
        listener: a socket that listens.

    Raises:
        InvalidSettings: ``bad_settings``.
    """
    bootstrap.set_up_telemetry("query")
    _log.info("listening on %s, port %s", *listener.getsockname()[:2])
    options = uvicorn.Config(
        create_app(), log_config=None, access_log=False, timeout_graceful_shutdown=_GRACE_S
    )
    with suppress(KeyboardInterrupt):  # raised again after the shutdown
        uvicorn.Server(options).run(sockets=[listener])


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
