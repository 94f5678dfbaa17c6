"""Rejection of requests for unknown host names: see ``pipeline.core.trusted_hosts``."""

from collections.abc import Callable, Collection

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.api.problems import Problem, answer
from pipeline.core.trusted_hosts import is_trusted


class TrustedHosts:
    """A middleware that rejects requests whose ``Host`` is neither an IP address nor a known name.

    Args:
        app: the next ASGI app.
        names: returns the known names; None accepts any host.
    """

    def __init__(self, app: ASGIApp, names: Callable[[], Collection[str] | None]) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI connection."""
        if scope["type"] == "http" and not self._is_trusted(Headers(scope=scope).get("Host")):
            problem = Problem(
                403,
                "foreign_host",
                "This API does not answer under that host name. Add the name to VIDEODROP_HOSTS.",
            )
            await answer(Request(scope), problem)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_trusted(self, host: str | None) -> bool:
        names = self._names()
        return names is None or is_trusted(host, names)
