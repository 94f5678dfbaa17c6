"""API Gateway before the API, as far as ``infra/api.tf`` says who may come in without a token."""

import re
from pathlib import Path

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_SOURCE = (Path(__file__).parents[2] / "infra" / "api.tf").read_text()
_LIST = re.compile(r"^  open_routes = \[\n(.*?)^  \]", re.MULTILINE | re.DOTALL)

OPEN = tuple(re.findall(r'"([^"]+)"', "".join(_LIST.findall(_SOURCE))))
"""Keys of the routes that are open: a method and a path, the last part of which may be any."""


def is_open(method: str, path: str) -> bool:
    """Whether a request for ``path`` needs no token."""
    asked = f"{method} {path}"
    return any(
        asked.startswith(key.removesuffix("{proxy+}")) if "{" in key else asked == key
        for key in OPEN
    )


class Gateway:
    """Refuses requests without the token, wherever that is not open.

    Args:
        app: what answers the others.
        token: the one that is good.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self.token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._app
        if scope["type"] == "http" and not self._lets_in(scope):
            # What API Gateway says, word for word.
            answer = JSONResponse({"message": "Unauthorized"}, 401, {"WWW-Authenticate": "Bearer"})
        await answer(scope, receive, send)

    def _lets_in(self, scope: Scope) -> bool:
        sent = dict(scope["headers"]).get(b"authorization")
        good = sent == f"Bearer {self.token}".encode()
        return good or is_open(scope["method"], scope["path"])
