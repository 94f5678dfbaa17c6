"""Protection of writes against requests by pages of other sites.

A browser lets any page send simple requests anywhere, also to an API on this machine. But it sends
the origin of a request in ``Origin`` (RFC 6454, with all methods but GET and HEAD) and in
``Sec-Fetch-Site`` (Fetch Metadata), which a page cannot change. Programs send neither.
"""

from collections.abc import Callable, Collection

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.api.problems import Problem, answer

_READS = {"GET", "HEAD"}
_OURS = {"same-origin", "none"}  # none: made by the user, not by a page


class OwnPagesWrite:
    """A middleware that rejects writes by pages of another origin.

    Args:
        app: the next ASGI app.
        public: returns origins of our pages behind a proxy that changes the ``Host``.
        others: returns origins of pages of other sites that may write.
    """

    def __init__(
        self,
        app: ASGIApp,
        public: Callable[[], Collection[str]],
        others: Callable[[], Collection[str]],
    ) -> None:
        self._app = app
        self._public = public
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI connection."""
        if (
            scope["type"] == "http"
            and scope["method"] not in _READS
            and self._is_foreign(Headers(scope=scope))
        ):
            problem = Problem(
                403, "foreign_origin", "A page of another site may not change anything here."
            )
            await answer(Request(scope), problem)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_foreign(self, headers: Headers) -> bool:
        """Return True if a page of another origin sent a request.

        The host is compared, not the scheme, which differs behind a proxy that ends TLS. A proxy
        that sends a ``Host`` of its own has to be configured by its origin: the forwarded host is
        a header that anyone can send.
        """
        origin = headers.get("Origin")
        if origin and origin.lower() in self._others():
            return False
        if headers.get("Sec-Fetch-Site", "none") not in _OURS:
            return True
        if origin is None:
            return False
        _, _, sender = origin.lower().partition("://")
        if sender and sender == headers.get("Host", "").lower():
            return False
        return origin.lower() not in self._public()
