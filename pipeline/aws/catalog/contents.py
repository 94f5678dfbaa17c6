"""The stored results by content: by it, another video with the same bytes finds them.

    pk                     sk                             what
    #content#{content id}  content#{stage}                a mark: some result of the stage is stored
    #content#{content id}  content#{stage}#{fingerprint}  the latest video that has this result

The mark is read with the rows of a new upload, in the same request. So an upload of new bytes costs
no request more. These rows are hints: the result's own row and its manifest decide.
"""

from collections.abc import Iterable
from typing import Any

from pipeline.aws.catalog.table import Table, partition
from pipeline.core.records import StageResult

Content = tuple[str, str, str]
"""Content id, stage and fingerprint."""


class Contents:
    """The rows of contents in the catalog's table.

    Args:
        table: the catalog's table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def owner(self, content: Content) -> str | None:
        """Return the latest video that has a result."""
        item = self._table.get(*_key(content))
        return None if item is None else str(item["video_id"])

    def stored(self, wanted: Iterable[Content]) -> set[Content]:
        """Return which of these results some video has."""
        keys = {_key(content): content for content in wanted}
        found = self._table.get_many(list(keys), only=("pk", "sk"))
        return {keys[item["pk"], item["sk"]] for item in found}

    def gone(self, video_id: str, result: StageResult) -> list[dict[str, Any]]:
        """Return the keys of the rows to remove with a result of a video."""
        pk, sk = _key(_content(result))
        _, mark = mark_key(result.content_id, result.stage)
        rows = self._table.query(
            KeyConditionExpression=partition("pk", pk, prefix=f"{mark}#"), ConsistentRead=True
        )
        others = {row["sk"]: row["video_id"] for row in rows}
        removed = [sk] if others.get(sk) == video_id else []
        if not others.keys() - removed:
            removed.append(mark)
        return [{"pk": pk, "sk": one} for one in removed]


def mark_key(content_id: str, stage: str) -> tuple[str, str]:
    """Return the key of the mark that some result of a stage is stored for a content."""
    return f"#content#{content_id}", f"content#{stage}"


def rows(video_id: str, result: StageResult) -> list[dict[str, Any]]:
    """Return the rows to write with a result of a video."""
    mark, owner = mark_key(result.content_id, result.stage), _key(_content(result))
    return [
        {"pk": mark[0], "sk": mark[1]},
        {"pk": owner[0], "sk": owner[1], "video_id": video_id},
    ]


def _content(result: StageResult) -> Content:
    return result.content_id, result.stage, result.fingerprint


def _key(content: Content) -> tuple[str, str]:
    content_id, stage, fingerprint = content
    pk, mark = mark_key(content_id, stage)
    return pk, f"{mark}#{fingerprint}"
