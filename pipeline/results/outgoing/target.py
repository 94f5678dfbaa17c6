"""The addresses that webhooks may be posted to.

A webhook must not reach what only this host can reach. So the address that a name resolves to is
checked, and the connection goes to that address, not to the name again.
"""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from pipeline.core.errors import InvalidArgument

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LONGEST = 2000


@dataclass(frozen=True)
class Target:
    """The parts of a webhook's address."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Return the value of the header ``Host``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"http": 80, "https": 443}[self.scheme]
        return host if self.port == usual else f"{host}:{self.port}"


def parse(url: str, *, private: bool) -> Target:
    """Parse a webhook's address.

    Args:
        url: the address.
        private: True if addresses of private networks, and plain HTTP, are allowed.

    Raises:
        InvalidArgument: ``bad_webhook_url``.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    except ValueError as error:
        raise _bad(url, str(error)) from error
    if len(url) > _LONGEST or not url.isascii() or any(c <= " " for c in url):
        raise _bad(url[:_LONGEST], "use at most 2,000 characters of ASCII, without spaces")
    if parts.scheme not in ("https", "http") or (parts.scheme == "http" and not private):
        allowed = "http or https" if private else "https"
        raise _bad(url, f"it must begin with {allowed}")
    if not parts.hostname or parts.username or parts.password or parts.fragment:
        raise _bad(url, "it needs a host, and no user, password or fragment")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    target = Target(parts.scheme, parts.hostname, port, path)
    try:
        literal = ipaddress.ip_address(target.host)
    except ValueError:
        return target
    if not is_allowed(literal, private=private):
        raise _bad(url, not_allowed(literal))
    return target


def resolve(target: Target, *, private: bool) -> Address:
    """Return an address of a target's host; all that its name has must be allowed.

    Raises:
        OSError: the name does not resolve, or to an address that is not allowed.
    """
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in found]
    for address in addresses:
        if not is_allowed(address, private=private):
            raise OSError(not_allowed(address))
    return addresses[0]


def is_allowed(address: Address, *, private: bool) -> bool:
    """Return True if a webhook may be posted to an address.

    Args:
        address: the address.
        private: True if loopback and private networks are allowed. Link-local addresses never
            are: credentials of cloud hosts are there.
    """
    inner = _within(address)
    if inner.is_link_local or inner.is_multicast or inner.is_unspecified:
        return False
    return private or (inner.is_global and not inner.is_reserved)


def not_allowed(address: Address) -> str:
    """Return a sentence about an address that is not allowed."""
    return (
        f"{address} is not a public address; VIDEODROP_PRIVATE_WEBHOOKS allows those of private "
        "networks"
    )


def _within(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _bad(url: str, why: str) -> InvalidArgument:
    return InvalidArgument("bad_webhook_url", f"{url} cannot be a webhook: {why}.")
