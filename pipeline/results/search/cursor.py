"""The cursor of a search: what was examined, and how much of it was shown."""

import base64
import binascii
import json
from typing import NamedTuple

from pipeline.core.errors import BadInput
from pipeline.results.search.candidates import Place
from pipeline.results.search.query import Query


class Key(NamedTuple):
    """The place of a moment in the order of the pages: the best, then the latest videos."""

    score: int
    uploaded: int
    video_id: str
    start: int
    first: int


class Cursor(NamedTuple):
    """A place in the pages of a query.

    Attributes:
        below: the request examines videos below this place.
        after: it shows the moments after this one; None for all.
        first: True if it examines the same videos as the first page.
    """

    below: Place
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
            digest, (block, member), after, first = found
            below = Place(int(block), str(member))
            key = None
            if after is not None:
                score, uploaded, video_id, start, number = after
                key = Key(int(score), int(uploaded), str(video_id), int(start), int(number))
            known = digest == query.digest and isinstance(first, bool) and below.block >= 0
        except (binascii.Error, ValueError, TypeError):
            known = False
        if not known:
            raise BadInput(
                "invalid_cursor", "This cursor is not valid for this query. Start without one."
            )
        return cls(below, key, first)
