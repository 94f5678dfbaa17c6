"""Writes are for this API's own pages and for programs: another site's page cannot ask for one.

A browser lets any page send simple requests anywhere, also to an API on this machine. But it says
where a request comes from, in ``Origin`` (RFC 6454, on everything but GET and HEAD) and in
``Sec-Fetch-Site`` (Fetch Metadata), which a page cannot change. Programs send neither.
"""

from collections.abc import Callable, Collection

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.api.problems import Problem, answer

_READS = {"GET", "HEAD"}
_OURS = {"same-origin", "none"}  # none: its user asked for it, not a page


class OwnPagesWrite:
    """Refuses every request that is no read and comes from another origin's page.

    Args:
        app: what comes next.
        public: origins under which our pages are seen although the host asked for is another.
    """

    def __init__(self, app: ASGIApp, public: Callable[[], Collection[str]]) -> None:
        self._app = app
        self._public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
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
        """Whether another origin's page sent a request.

        The host is compared, not the scheme: behind a proxy that ends TLS we see another one. A
        proxy that asks by a Host of its own has to be known by its origin: what it forwards of the
        first Host is a header that anyone can send.
        """
        if headers.get("Sec-Fetch-Site", "none") not in _OURS:
            return True
        origin = headers.get("Origin")
        if origin is None:
            return False
        _, _, sender = origin.lower().partition("://")
        if sender and sender == headers.get("Host", "").lower():
            return False
        return origin.lower() not in self._public()
