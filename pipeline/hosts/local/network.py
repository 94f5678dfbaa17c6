"""The addresses at which other devices find this machine, and the token that they need."""

import secrets
import socket
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address
from pathlib import Path

import psutil

from pipeline.core.errors import MissingDependency
from pipeline.hosts.private_file import is_private, write_private

ANY = "0.0.0.0"  # noqa: S104 - compared, not bound


def is_beyond_loopback(host: str) -> bool:
    """Return True unless only this machine can connect to a server that listens on ``host``."""
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


def addresses(host: str) -> list[str]:
    """Return the addresses at which other devices reach a server that listens on ``host``."""
    if not is_beyond_loopback(host):
        return []
    if host != ANY:
        return [host]
    up = {name for name, state in psutil.net_if_stats().items() if state.isup}
    return [
        one.address
        for name, several in psutil.net_if_addrs().items()
        if name in up
        for one in several
        if one.family == socket.AF_INET and is_beyond_loopback(one.address)
    ]


def listener(host: str, port: int) -> socket.socket:
    """Return a socket that listens on ``port``, or on a free port if that one is in use.

    Raises:
        MissingDependency: ``bad_host``: the address is not one of this machine.
    """
    for candidate in (port, 0):
        with suppress(OSError):
            return socket.create_server((host, candidate))
    raise MissingDependency(
        "bad_host", f"Cannot listen on {host}: is it an address of this machine?"
    )


def answers(host: str, port: int, timeout_s: float) -> bool:
    """Return True if a server answers an HTTP request within ``timeout_s`` seconds."""
    connection = HTTPConnection(reachable(host), port, timeout=timeout_s)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return True


def reachable(host: str) -> str:
    """Return the address at which to connect to a server that listens on ``host``."""
    return "127.0.0.1" if host == ANY else host


def token(path: Path) -> str:
    """Return the token in a file, so that links outlive a restart; make it if there is none.

    A file that others may read is replaced.
    """
    if path.exists() and is_private(path) and (known := path.read_text().strip()):
        return known
    fresh = secrets.token_urlsafe(24)
    write_private(path, f"{fresh}\n")
    return fresh
