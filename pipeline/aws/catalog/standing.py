"""The small parts of videos' rows that a search and the merge of its index read."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

from pipeline.aws.catalog.run_writes import sort_key
from pipeline.aws.catalog.search_rows import INDEX
from pipeline.aws.catalog.table import Table
from pipeline.core.events import revision_of
from pipeline.core.status import StageState, VideoStatus, status_of

_READ = (
    *("pk", "sk", "upload.key", "upload.time", "sequencer", "version_id", "stages", "deleted_at"),
    *("state", "revision", "indexed", "block"),
)
_Row = Mapping[str, Any]


class Standing:
    """A video as it is now.

    Args:
        rows: its rows by sort key.
        stages: the stages.

    Attributes:
        name: its file name.
        uploaded_at: when.
        deleted: True if it was deleted.
        block: the block of the search index that has it.
        indexed: what the index has of its current results, by stage.
    """

    def __init__(self, rows: Mapping[str, _Row], stages: Iterable[str]) -> None:
        self._head: _Row = rows["video"]
        self._stages = tuple(stages)
        self.name: str = self._head["upload"]["key"].rsplit("/", 1)[-1]
        self.uploaded_at = datetime.fromisoformat(self._head["upload"]["time"])
        self.deleted = bool(self._head.get("deleted_at"))
        self.block: int | None = rows.get(INDEX, {}).get("block")
        revision = revision_of(self._head.get("version_id") or self._head["sequencer"])
        known = {stage: rows.get(sort_key(stage), {}) for stage in self._stages}
        self._runs = {stage: row for stage, row in known.items() if row.get("revision") == revision}
        found = {
            stage: json.loads(row["indexed"])
            for stage, row in self._runs.items()
            if row.get("indexed")
        }
        self.indexed: dict[str, dict[str, Any]] = {
            stage: about for stage, about in found.items() if about["revision"] == revision
        }

    @property
    def current(self) -> frozenset[str]:
        """Return the documents of its current results; a deleted video has none."""
        known = () if self.deleted else self.indexed.values()
        return frozenset(one["document"] for one in known if "document" in one)

    @cached_property
    def status(self) -> VideoStatus:
        """Return its status."""
        outcomes = []
        for stage in self._stages:
            about = self.indexed.get(stage)
            state: StageState = "pending" if stage in self._head["stages"] else "skipped"
            if stage in self._runs:
                state = self._runs[stage]["state"]
            outcomes.append((state, about is not None, bool(about and about.get("warned"))))
        return status_of(outcomes, deleted=self.deleted)

    @property
    def duration_s(self) -> float | None:
        """Return its duration, as far as its results tell it."""
        known = (about.get("duration_s") for about in self.indexed.values())
        return next((one for one in known if one is not None), None)


class Standings:
    """The videos as they are now.

    Args:
        table: the catalog's table.
        stages: the stages.

    Attributes:
        rows: number of rows that are read of a video.
    """

    def __init__(self, table: Table, stages: Iterable[str]) -> None:
        self._table = table
        self._stages = tuple(stages)
        self._sks = ("video", INDEX, *map(sort_key, self._stages))
        self.rows = len(self._sks)

    def read(self, video_ids: Iterable[str]) -> dict[str, Standing]:
        """Return videos by id; unknown ones are left out."""
        found: dict[str, dict[str, _Row]] = {}
        keys = [(video_id, sk) for video_id in video_ids for sk in self._sks]
        for item in self._table.get_many(keys, only=_READ):
            found.setdefault(item["pk"], {})[item["sk"]] = item
        return {
            video_id: Standing(rows, self._stages)
            for video_id, rows in found.items()
            if "upload" in rows.get("video", {})
        }

    def deleted(self, video_ids: Iterable[str]) -> list[str]:
        """Return those of these videos that were deleted."""
        keys = [(one, "video") for one in video_ids]
        rows = self._table.get_many(keys, only=("pk", "deleted_at"))
        return [row["pk"] for row in rows if row.get("deleted_at")]
