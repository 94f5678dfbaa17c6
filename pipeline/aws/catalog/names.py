"""The videos by the names of their files, for people: an index, a moment late."""

from itertools import islice
from typing import Any

from pipeline.aws.catalog.table import Table, partition
from pipeline.core import upload_key
from pipeline.core.events import Upload

_MOST = 100  # of one name: a person has to tell them apart


class Names:
    """The index of names in the catalog's table.

    Args:
        table: the catalog's table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def of(self, stem: str) -> list[str]:
        """Return the ids of videos whose file has this name, the extension aside; newest first."""
        condition = partition("upload_name", upload_key.stem(stem + "."))
        rows = self._table.query(
            IndexName="names",
            KeyConditionExpression=condition,
            ScanIndexForward=False,
            limit=_MOST,
        )
        return [row["pk"] for row in islice(rows, _MOST)]


def fields(upload: Upload) -> dict[str, Any]:
    """Return the fields of a video's row that the index is made of; a key may lack a name."""
    return {"upload_name": upload_key.stem(upload.name)} if upload.name else {}
