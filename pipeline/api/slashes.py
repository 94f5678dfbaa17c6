"""Trailing slashes: ``/videos/`` is the same address as ``/videos``."""

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.aws.relayed import PATH

_PAGES = {"/docs"}


class TrailingSlashes:
    """A middleware that removes the slash at the end of an address, except of files.

    A redirect would lose the token of some clients, and name an address that a proxy hides. A page
    is redirected, because the addresses in it are relative to its own.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI connection."""
        app = self._app
        if scope["type"] == "http" and not (path := scope["path"]).startswith(f"{PATH}/"):
            scope["path"] = short = path.rstrip("/") or "/"
            if short != path and short in _PAGES and scope["method"] in {"GET", "HEAD"}:
                up = "../" * (len(path) - len(short))
                app = RedirectResponse(f"{up}{short[1:]}", status_code=308)
        await app(scope, receive, send)
