"""The health check of a container: ``python -m pipeline.hosts.health`` exits with 0 or 1.

If ``PORT`` is set, it asks the server on that port. Otherwise it reads the time of a file that a
healthy worker touches every few seconds, also during a long job. A worker that hangs or cannot load
a handler stops touching it (``worker.host``).
"""

import http.client
import os
import sys
import tempfile
import time
from pathlib import Path

HEARTBEAT = Path(tempfile.gettempdir()) / "videodrop-heartbeat"
"""The file that a worker in a container touches."""

_TIMEOUT_S = 4.0
# Loading a handler again takes less: it must not end a worker.
_SILENCE_S = 120.0


def answers(port: int) -> bool:
    """Return whether the server on this port reports that it is healthy."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
    try:
        token = os.environ.get("VIDEODROP_API_TOKEN", "").strip()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request("GET", "/health", headers=headers)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def beats(heartbeat: Path = HEARTBEAT) -> bool:
    """Return whether a worker has touched its file within ``_SILENCE_S`` seconds."""
    try:
        return time.time() - heartbeat.stat().st_mtime < _SILENCE_S
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    given = os.environ.get("PORT")
    sys.exit(0 if (answers(int(given)) if given else beats()) else 1)
