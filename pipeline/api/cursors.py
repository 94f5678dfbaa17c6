"""Signed cursors: a page continues only where this API ended one.

So the routes parse no cursor that a client made up.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable
from functools import cached_property

from pipeline.core.errors import BadInput

_BYTES = 12
_LENGTH = 16  # in base64


class Cursors:
    """A signer and verifier of cursors.

    Args:
        key: returns the secret key; called on first use.
    """

    def __init__(self, key: Callable[[], bytes]) -> None:
        self._get_key = key

    def seal(self, cursor: str | None) -> str | None:
        """Return a cursor with its signature."""
        return None if cursor is None else self._sign(cursor) + cursor

    def unseal(self, sealed: str | None) -> str | None:
        """Return the cursor that was signed.

        Raises:
            BadInput: ``invalid_cursor``.
        """
        if sealed is None:
            return None
        signature, cursor = sealed[:_LENGTH], sealed[_LENGTH:]
        if not hmac.compare_digest(self._sign(cursor).encode(), signature.encode()):
            raise BadInput("invalid_cursor", "This cursor is not valid. Start without one.")
        return cursor

    def _sign(self, cursor: str) -> str:
        digest = hmac.digest(self._key, cursor.encode(), "sha256")
        return urlsafe_b64encode(digest[:_BYTES]).decode()

    @cached_property
    def _key(self) -> bytes:
        return self._get_key()
