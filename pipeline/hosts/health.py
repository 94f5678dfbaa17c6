"""Whether a container does its work: ``python -m pipeline.hosts.health`` ends with 0 or 1.

Where ``PORT`` is set it asks the server on it. A worker touches a file every few seconds while it
is well, however long its job takes, and no more once it hangs or can load no handler
(``hosts.worker.host``): without this check nobody would see.
"""

import http.client
import os
import sys
import tempfile
import time
from pathlib import Path

HEARTBEAT = Path(tempfile.gettempdir()) / "videodrop-heartbeat"
"""What a worker in a container touches."""

_TIMEOUT_S = 4.0
# A handler that has to be loaded anew is no reason to end a worker.
_SILENCE_S = 120.0


def answers(port: int) -> bool:
    """Whether the server on this port says that it is well."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def beats(heartbeat: Path = HEARTBEAT) -> bool:
    """Whether a worker has touched its file lately."""
    try:
        return time.time() - heartbeat.stat().st_mtime < _SILENCE_S
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    given = os.environ.get("PORT")
    sys.exit(0 if (answers(int(given)) if given else beats()) else 1)
