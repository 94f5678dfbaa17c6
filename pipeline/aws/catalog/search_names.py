"""The numbers and names of videos in the search index."""

import json
from collections.abc import Iterable, Sequence

from pipeline.aws.catalog.search_generations import change_terms
from pipeline.aws.catalog.search_rows import COUNTER, NUMBER, attribute, video_pk
from pipeline.aws.catalog.table import ConditionFailed, Table

NAME = 0
"""The generation of a video's name, which never changes."""


class SearchNames:
    """The numbers and names of videos in the search index.

    Args:
        table: the catalog's table.
        at_once: writes at once.
    """

    def __init__(self, table: Table, *, at_once: int) -> None:
        self._table = table
        self._at_once = at_once

    def number(self, video_id: str) -> tuple[int, bool] | None:
        """Return a video's number, and whether its name is indexed; None if it has none."""
        found = self._table.get(video_id, NUMBER)
        return (int(found["number"]), "named" in found) if found else None

    def name(self, video_id: str, *, uploaded: str, words: Sequence[str]) -> bool:
        """Let queries find a video by its name.

        Args:
            video_id: the video.
            uploaded: when.
            words: of its name.

        Returns:
            True unless it was deleted meanwhile.
        """
        number = self._new_number(video_id, words)
        change_terms(self._table.add_to_set, number, NAME, words, at_once=self._at_once)
        self._table.update(
            video_pk(number),
            "head",
            set={
                "video_id": video_id,
                "uploaded": uploaded,
                attribute("name"): json.dumps({"generation": NAME, "words": list(words)}),
            },
        )
        try:
            self._table.update(
                video_id, NUMBER, set={"named": True}, condition="attribute_exists(#number)"
            )
        except ConditionFailed:
            self.unname(number, words)
            return False
        return True

    def _new_number(self, video_id: str, words: Sequence[str]) -> int:
        # A number that is taken and not used leaves a gap, which costs nothing.
        number = int(self._table.count(*COUNTER, "last")["last"]) - 1
        try:
            self._table.update(
                video_id,
                NUMBER,
                set={"number": number, "words": list(words)},
                condition="attribute_not_exists(#number)",
            )
        except ConditionFailed:
            known = self.number(video_id)
            return known[0] if known else number
        return number

    def unname(self, number: int, words: Iterable[str]) -> None:
        """Remove a video's head and its name."""
        self._table.write(deletes=[{"pk": video_pk(number), "sk": "head"}])
        change_terms(self._table.take_from_set, number, NAME, words, at_once=self._at_once)
