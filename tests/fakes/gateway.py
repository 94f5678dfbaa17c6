"""API Gateway's authorizer, with the open routes of ``infra/api.tf``."""

import re
from pathlib import Path

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_SOURCE = (Path(__file__).parents[2] / "infra" / "api.tf").read_text()
_LIST = re.compile(r"^  open_routes = \[\n(.*?)^  \]", re.MULTILINE | re.DOTALL)

OPEN = tuple(re.findall(r'"([^"]+)"', "".join(_LIST.findall(_SOURCE))))
"""Keys of the open routes: a method and a path, whose last part may be a wildcard."""


def is_open(method: str, path: str) -> bool:
    """Return True if a request for ``path`` needs no token."""
    asked = f"{method} {path}"
    return any(
        asked.startswith(key.removesuffix("{proxy+}")) if "{" in key else asked == key
        for key in OPEN
    )


class Gateway:
    """A gateway that rejects requests without the token, except on open routes.

    Args:
        app: the app behind the gateway.
        token: the valid token.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self.token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._app
        if scope["type"] == "http" and not self._lets_in(scope):
            # API Gateway's body, word for word.
            answer = JSONResponse({"message": "Unauthorized"}, 401, {"WWW-Authenticate": "Bearer"})
        await answer(scope, receive, send)

    def _lets_in(self, scope: Scope) -> bool:
        sent = dict(scope["headers"]).get(b"authorization")
        good = sent == f"Bearer {self.token}".encode()
        return good or is_open(scope["method"], scope["path"])
