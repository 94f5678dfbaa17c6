"""The check of the ``Host`` header against DNS rebinding.

A page can make its own name resolve to 127.0.0.1 and then read a local server as its own origin.
Its requests still have that name in ``Host``. An IP address cannot be rebound, and
browsers resolve ``localhost`` and all names below it to loopback themselves (RFC 6761).
"""

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

_LOCALHOST = "localhost"


def is_trusted(host: str | None, names: Collection[str], *, loopback_only: bool = False) -> bool:
    """Return whether a server on this machine answers a request for ``host``.

    Args:
        host: the ``Host`` header, with or without a port; None if there was none.
        names: further host names to accept, in lower case.
        loopback_only: accept only IP addresses that are loopback.
    """
    name = _hostname(host)
    if name is None:
        return False
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name == _LOCALHOST or name.endswith(f".{_LOCALHOST}") or name in names
    return address.is_loopback or not loopback_only


def _hostname(host: str | None) -> str | None:
    """Return the name in a ``Host`` header, in lower case; None if it is missing or malformed."""
    if not host or any(sign in host for sign in "/@?#, \\"):
        return None
    try:
        url = urlsplit(f"//{host}")
        _ = url.port
    except ValueError:
        return None
    return url.hostname
