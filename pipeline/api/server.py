"""The query API served by uvicorn, in a container or by ``videodrop up``.

``python -m pipeline.api.server HOST PORT``
"""

import sys

import uvicorn

from pipeline import bootstrap
from pipeline.api.app import create_app

_GRACE_S = 3  # for requests in progress at shutdown


def serve(host: str, port: int) -> None:
    """Serve the API until SIGTERM.

    Args:
        host: the address to listen on.
        port: the port to listen on.

    Raises:
        InvalidSettings: ``bad_settings``.
    """
    bootstrap.set_up_telemetry("query")
    uvicorn.run(
        create_app(),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_GRACE_S,
    )


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
