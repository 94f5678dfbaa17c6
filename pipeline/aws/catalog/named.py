"""Videos by the words of their names, by way of the search index.

The index has a video's name as soon as one of its stages has a result. Until then a video is found
by its whole name (``Names``).
"""

from pipeline.aws.catalog.names import Names
from pipeline.aws.catalog.search_rows import SearchRows, video_of
from pipeline.aws.catalog.table import Table, iso
from pipeline.aws.catalog.videos import Videos
from pipeline.core.search.tokens import terms, tokens

_MOST = 500  # videos of a name: among more, a walk of the newest finds some soon
_WORDS = 3  # that are looked up; all of them are compared
_SHORTEST = 2


class Named:
    """The videos whose names have given words.

    Args:
        table: the catalog's table.
        videos: the videos.
    """

    def __init__(self, table: Table, videos: Videos) -> None:
        self._table = table
        self._names = Names(table)
        self._videos = videos

    def places(self, text: str) -> list[str] | None:
        """Return the places in time of videos that have these words in their names.

        Returns:
            None if they are too many to be looked up.
        """
        wanted = [word for word in words(text) if len(word) >= _SHORTEST][:_WORDS]
        rows = SearchRows(self._table)
        recently = rows.recent()
        found: set[str] | None = None
        for word in wanted:
            blocks = rows.prefixed(word)
            if blocks is None:
                continue
            some = {video_of(one) for members in blocks.values() for one in members}
            some |= {one.video_id for one in recently.documents if f"\n{word}" in one.terms}
            found = some if found is None else found & some
        if found is None or len(found) > _MOST or not recently.complete:
            return None
        uploads = self._videos.uploads([*found, *self._names.of(text)])
        asked = words(text)
        return sorted(
            f"{iso(one.time)}#{video_id}"
            for video_id, one in uploads.items()
            if has_words(one.name, asked)
        )


def words(text: str) -> list[str]:
    """Return the normalised words of a name, or of a part of one."""
    found = list(tokens(text))
    return terms(found) if found else []


def has_words(name: str, wanted: list[str]) -> bool:
    """Return whether each wanted word begins a word of a name."""
    known = words(name)
    return all(any(one.startswith(word) for one in known) for word in wanted)
