"""HEAD on every address that supports GET (RFC 9110, section 9.3.2)."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

ASKED = "videodrop.head"
"""The key in the scope of a GET that was a HEAD: its body need not be made."""


class HeadAsGet:
    """A middleware that answers HEAD with the headers of GET, and without a body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI connection."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        ended = False

        async def bare(message: Message) -> None:
            nonlocal ended
            if message["type"] == "http.response.start":
                await send(message)
            elif not ended:
                ended = True
                await send({"type": "http.response.body", "body": b""})

        # A copy: the server has to know that this response has no body.
        asked = {**scope, "method": "GET", ASKED: True}
        try:
            await self._app(asked, receive, bare)
        finally:
            if "route" in asked:
                scope["route"] = asked["route"]  # for the metrics
