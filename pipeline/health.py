"""Whether a container does its work: ``python -m pipeline.health`` ends with 0 or 1.

Where ``PORT`` is set it asks the server on it. A worker is well while it hosts a handler: one that
cannot load any goes on trying, and without this check nobody would see.
"""

import http.client
import os
import sys

import psutil

_TIMEOUT_S = 4.0


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


def hosts() -> bool:
    """Whether a handler's process is there."""
    for process in psutil.process_iter():
        try:
            if "awslambdaric" in process.cmdline():
                return True
        except psutil.Error:  # it has just ended
            continue
    return False


if __name__ == "__main__":
    given = os.environ.get("PORT")
    sys.exit(0 if (answers(int(given)) if given else hosts()) else 1)
