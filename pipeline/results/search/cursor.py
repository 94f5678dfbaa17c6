"""The cursor of a search: what was examined, and how much of it was shown."""

import base64
import binascii
import json
from typing import NamedTuple

from pipeline.core.errors import BadInput
from pipeline.results.search.query import Query


class Key(NamedTuple):
    """The place of a moment in the order of the pages."""

    score: int
    number: int
    start: int
    first: int


class Cursor(NamedTuple):
    """A place in the pages of a query.

    Attributes:
        below: the request examines videos below this number.
        after: it shows the moments after this one; None for all.
        first: True if it examines the same videos as the first page.
    """

    below: int
    after: Key | None
    first: bool

    def encode(self, query: Query) -> str:
        """Encode the cursor for its query."""
        text = json.dumps([query.digest, self.below, self.after, self.first])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str, query: Query) -> "Cursor":
        """Decode a cursor.

        Raises:
            BadInput: ``invalid_cursor``: it is broken, or of another query.
        """
        try:
            found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            digest, below, after, first = found
            key = None if after is None else Key(*map(int, after))
            known = digest == query.digest and isinstance(below, int) and isinstance(first, bool)
        except (binascii.Error, ValueError, TypeError):
            known = False
        if not known or below < 0:
            raise BadInput(
                "invalid_cursor", "This cursor is not valid for this query. Start without one."
            )
        return cls(below, key, first)
