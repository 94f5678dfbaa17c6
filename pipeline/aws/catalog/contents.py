"""The stored results by content: by it, another video with the same bytes finds them.

    pk                     sk                             what
    #content#{content id}  content#{stage}                a mark: some result of the stage is stored
    #content#{content id}  content#{stage}#{fingerprint}  the latest video that has this result
    #content#{content id}  upload#{video id}              a video that was uploaded with these bytes

The mark is read with the rows of a new upload, in the same request. So an upload of new bytes costs
no request more. Our own ways to upload write the last row. These rows are hints: the result's own
row and its manifest decide, and the row of the video.
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

    def uploaded(self, content_ids: Iterable[str], video_id: str, key: str) -> None:
        """Record that a video was uploaded with these bytes.

        Args:
            content_ids: ids that the bytes may have in S3.
            video_id: the video.
            key: its key in the uploads bucket.
        """
        row = {"sk": f"upload#{video_id}", "video_id": video_id, "key": key}
        self._table.write(puts=[{"pk": f"#content#{one}", **row} for one in content_ids])

    def videos(self, content_ids: Iterable[str]) -> dict[str, str | None]:
        """Return the videos that had these bytes once, and their keys where they are known."""
        found: dict[str, str | None] = {}
        for one in content_ids:
            condition = partition("pk", f"#content#{one}")
            for row in self._table.query(KeyConditionExpression=condition, ConsistentRead=True):
                if video_id := row.get("video_id"):
                    found[video_id] = row.get("key") or found.get(video_id)
        return found

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
