"""The headers of every response, and the pages' content security policies."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID = "X-Request-ID"

# Responses are data: a browser must not run, load or frame anything in them.
SECURITY: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class SecurityHeaders:
    """A middleware that adds the headers in ``SECURITY`` unless a response sets its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI connection."""

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, secured)


# Directives of all our pages.
_PAGES: Mapping[str, str] = {
    "default-src": "'none'",
    "script-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
}


def page_policy(artifact_url: str, upload_url: str, token_url: str | None = None) -> str:
    """Return the policy of our own page: our scripts and styles, media from the artifacts' host.

    hls.js fetches segments; it plays them from an address of its own (``blob:``).

    Args:
        artifact_url: any presigned URL, or a path if the API itself sends files.
        upload_url: the same of a part of an upload.
        token_url: where the page gets tokens.
    """
    files = _origin(artifact_url)
    tokens = [token_url] if token_url else []
    own = {
        "style-src": "'self'",
        "img-src": " ".join(("'self'", *files)),
        # blob: captions that were fetched with a token
        "media-src": " ".join(("'self'", "blob:", *files)),
        "connect-src": " ".join(dict.fromkeys(["'self'", *files, *_origin(upload_url), *tokens])),
        "trusted-types": "'none'",
    }
    return _joined({**_PAGES, **own})


def _origin(address: str) -> tuple[str, ...]:
    """Return the origin of a URL; nothing for a path, which is of our own origin."""
    url = urlsplit(address)
    return (f"{url.scheme}://{url.netloc}",) if url.netloc else ()


def docs_policy() -> str:
    """Return the policy of the API's documentation, which RapiDoc draws.

    RapiDoc writes style attributes. It builds its parts with Lit, whose policy for trusted types
    has the name ``lit-html``; the policy ``default`` is our own, in ``docs.js``.
    """
    own = {
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "trusted-types": "lit-html default",
    }
    return _joined({**_PAGES, **own})


def _joined(policy: Mapping[str, str]) -> str:
    return "; ".join(f"{directive} {sources}" for directive, sources in policy.items())
