"""The token that requests must send, and a limit on attempts to guess it.

Pages and scripts are open, because they hold no data. So are playlists and files: players send no
token, and their addresses are signed. Behind API Gateway an authorizer checks tokens instead
(``infra/api.tf``).
"""

import hmac
import time
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from math import ceil

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.api.problems import Problem, answer
from pipeline.aws.relayed import PATH

OPEN = frozenset({"/", "/docs", "/openapi.json", "/sign-in"})
NOTIFIED = "/events/s3"  # it has a token of its own
OPEN_BELOW = ("/playlists/", "/web/")
_READS = {"GET", "HEAD"}
_WRONG, _WINDOW_S = 10, 60.0
_CLIENTS = 10_000  # that are remembered


class Authorized:
    """A middleware that requires the token, except for what is open.

    Args:
        app: the next ASGI app.
        token: returns the token; None if none is needed.
        clock: seconds.
    """

    def __init__(
        self,
        app: ASGIApp,
        token: Callable[[], str | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._token = token
        self._attempts = Attempts(clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI connection."""
        problem = None if scope["type"] != "http" or _is_open(scope) else self._problem(scope)
        if problem:
            await answer(Request(scope), problem)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _problem(self, scope: Scope) -> Problem | None:
        token = self._token()
        if token is None:
            return None
        sent = Headers(scope=scope).get("Authorization")
        if sent is None:
            return _unauthorized("This library needs a token, as `Authorization: Bearer …`.")
        client = scope["client"][0] if scope.get("client") else ""
        if wait_s := self._attempts.wait_s(client):
            return Problem(
                429,
                "too_many_attempts",
                f"Too many wrong tokens came from this address. Try again in {wait_s} s.",
                headers={"Retry-After": str(wait_s)},
            )
        if hmac.compare_digest(sent.encode(), f"Bearer {token}".encode()):
            return None
        self._attempts.wrong(client)
        return _unauthorized("This token is wrong. `videodrop open` has the link that carries it.")


class Attempts:
    """Wrong tokens by client within a window.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[float, int]] = {}  # end of the window, wrong tokens in it

    def wait_s(self, client: str) -> int:
        """Return the seconds for which a client is rejected; 0 if it may try."""
        end, wrong = self._seen.get(_network(client), (0.0, 0))
        return max(0, ceil(end - self._clock())) if wrong >= _WRONG else 0

    def wrong(self, client: str) -> None:
        """Count a wrong token."""
        now, network = self._clock(), _network(client)
        end, wrong = self._seen.pop(network, (0.0, 0))
        if end <= now:
            end, wrong = now + _WINDOW_S, 0
        self._seen[network] = (end, wrong + 1)
        if len(self._seen) > _CLIENTS:
            del self._seen[next(iter(self._seen))]  # the one heard of longest ago


def _network(client: str) -> str:
    """Return what a client cannot change: its address, or the network of an IPv6 one."""
    try:
        address = ip_address(client)
    except ValueError:
        return ""
    return str(ip_network(f"{address}/64", strict=False)) if address.version == 6 else client  # noqa: PLR2004 - IPv6


def _is_open(scope: Scope) -> bool:
    """Return True for pages, their parts, and what checks a signature of its own."""
    path = scope["path"]
    if path.startswith(f"{PATH}/") or path == NOTIFIED:
        return True
    return scope["method"] in _READS and (path in OPEN or path.startswith(OPEN_BELOW))


def _unauthorized(detail: str) -> Problem:
    return Problem(401, "unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})
