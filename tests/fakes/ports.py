"""Ports for servers that a test starts."""

import random
import socket

# Below the range that Linux gives to connections and to port 0, so nothing else takes it meanwhile.
_RANGE = range(15_000, 32_000)


def free_port() -> int:
    """Return a port of loopback that nothing listens on.

    Tests that run side by side choose at random, so they rarely meet.
    """
    while True:
        port = random.SystemRandom().choice(_RANGE)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
