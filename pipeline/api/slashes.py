"""Trailing slashes: ``/videos/`` is the same address as ``/videos``."""

from starlette.types import ASGIApp, Receive, Scope, Send


class TrailingSlashes:
    """A middleware that removes the slash at the end of an address.

    A redirect would lose the token of some clients, and name an address that a proxy hides.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI connection."""
        if scope["type"] == "http" and (path := scope["path"]).endswith("/"):
            scope["path"] = path.rstrip("/") or "/"
        await self._app(scope, receive, send)
