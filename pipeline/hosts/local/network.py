"""The addresses at which other devices find this machine, and the token that they need."""

import secrets
import socket
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


def free_port(host: str, port: int) -> int:
    """Return ``port`` if it is free, else a port that the system picks."""
    for candidate in (port, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise MissingDependency(
        "bad_host", f"Cannot listen on {host}: is it an address of this machine?"
    )


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
