"""Cross-origin requests (CORS), for pages of the origins in ``VIDEODROP_CORS_ORIGINS``."""

from collections.abc import Callable, Collection

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.api.headers import REQUEST_ID

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
SENT = ("Authorization", "Content-Type", "If-None-Match", "Last-Event-ID", REQUEST_ID)
READ = ("Content-Disposition", "ETag", "Location", "Retry-After", REQUEST_ID)


class CrossOrigin:
    """Starlette's CORS middleware, with origins that are known at the first request.

    Args:
        app: the next ASGI app.
        origins: returns the origins whose pages may use the API; it sends them no cookies.
    """

    def __init__(self, app: ASGIApp, origins: Callable[[], Collection[str]]) -> None:
        self._app = app
        self._origins = origins
        self._answering: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI connection."""
        if self._answering is None:
            self._answering = self._made()
        await self._answering(scope, receive, send)

    def _made(self) -> ASGIApp:
        if not (origins := self._origins()):
            return self._app
        return CORSMiddleware(
            self._app,
            allow_origins=tuple(origins),
            allow_methods=METHODS,
            allow_headers=SENT,
            expose_headers=READ,
        )
