"""The stored results of videos, current or not: immutable rows, a row a fingerprint."""

from collections.abc import Iterable
from typing import Any

from pipeline.aws.catalog import contents
from pipeline.aws.catalog.table import ConditionFailed, Table, partition
from pipeline.core.records import StageResult


class Results:
    """The stored results in the catalog's table.

    Args:
        table: the catalog's table.

    Attributes:
        contents: the same results by content, for other videos with the same bytes.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self.contents = contents.Contents(table)

    def get(self, video_id: str, stage: str, fingerprint: str) -> StageResult | None:
        """Return a stored result of this video, current or not."""
        item = self._table.get(video_id, _sort_key(stage, fingerprint))
        return None if item is None else StageResult.model_validate(item)

    def all(self, video_id: str, stage: str | None = None) -> list[StageResult]:
        """Return the stored results of a video, or of one stage of it, oldest first."""
        prefix = _sort_key(stage, "") if stage else "result#"
        rows = self._table.query(
            KeyConditionExpression=partition("pk", video_id, prefix=prefix),
            ConsistentRead=True,
        )
        found = [StageResult.model_validate(row) for row in rows]
        return sorted(found, key=lambda result: result.finished_at)

    def stored(self, wanted: list[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
        """Return which of these (video id, stage, fingerprint) have a stored result."""
        keys = {(vid, _sort_key(stage, fp)): (vid, stage, fp) for vid, stage, fp in wanted}
        found = self._table.get_many(list(keys), only=("pk", "sk"))
        return {keys[item["pk"], item["sk"]] for item in found}

    def put(
        self, video_id: str, result: StageResult, *, also: Iterable[dict[str, Any]] = ()
    ) -> None:
        """Store a result under its fingerprint, and by its content.

        Args:
            video_id: its video.
            result: the result.
            also: further items to write in the same request.
        """
        key = {"pk": video_id, "sk": _sort_key(result.stage, result.fingerprint)}
        self._table.write(puts=[key | fields(result), *contents.rows(video_id, result), *also])

    def take(self, video_id: str, result: StageResult, by: str) -> bool:
        """Take up a stored result that is to become current again.

        A process that has read it to remove it then leaves it, with its files.

        Args:
            video_id: its video.
            result: the result as it was read.
            by: a name for the promotion that takes it up, unlike those before it.

        Returns:
            False if it was removed or replaced meanwhile.
        """
        try:
            self._table.update(
                video_id,
                _sort_key(result.stage, result.fingerprint),
                set={"taken_by": by},
                condition="#prefix = :prefix",
                given={"prefix": result.prefix},
            )
        except ConditionFailed:
            return False
        return True

    def forget(self, video_id: str, result: StageResult) -> bool:
        """Remove a stored result from the table; the caller removes its files.

        Returns:
            True if its row is gone, or has other files now. False if it was taken up again since it
            was read: its row and its files stay.
        """
        # Its own row is the last to go: by it, another call finds the others after a crash.
        self._table.write(deletes=self.contents.gone(video_id, result))
        try:
            self._table.delete(
                video_id,
                _sort_key(result.stage, result.fingerprint),
                # Rows of earlier versions may have a later revision with the same files.
                condition="#prefix = :prefix AND #revision = :revision AND "
                "(attribute_not_exists(#taken_by) OR #taken_by = :taken_by)",
                given={name: getattr(result, name) for name in ("prefix", "revision", "taken_by")},
            )
        except ConditionFailed:
            now = self.get(video_id, result.stage, result.fingerprint)
            if now is None:
                return True
            self._table.write(puts=contents.rows(video_id, now))
            return now.prefix != result.prefix
        return True


def fields(result: StageResult) -> dict[str, Any]:
    """Return a result as it is written to the table."""
    return result.model_dump(mode="json")


def _sort_key(stage: str, fingerprint: str) -> str:
    return f"result#{stage}#{fingerprint}"
