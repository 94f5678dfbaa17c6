"""The removal of a deleted video's records; its tombstone stays, for events that come late.

Runs in progress are fenced: their rows stay, with a higher ``attempt`` and nothing else, so their
workers can write nothing more to them. A worker that was past its last check may still write rows
and files, and one that was paused before its claim may still claim. So the tombstone has a lease in
a shard of its own, and the janitor removes again, ever later, for longer than any run may take.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.aws.catalog.results import Results
from pipeline.aws.catalog.run_writes import FAILED, SPREAD, Kind, sort_key
from pipeline.aws.catalog.runs import overdue
from pipeline.aws.catalog.table import ConditionFailed, Table, epoch_key, iso, partition
from pipeline.core.events import Deletion, Upload
from pipeline.core.records import StageResult, StageRun, Video

_SHARD = "deleted"
_OF_A_RUN = (
    *("result", "result_revision", "indexed", "history", "error", "event_id"),
    *("lease_until", "lease_shard", "tried", "receipt", "deadline"),
    *("queued_at", "started_at", "finished_at", "first_finished_at", *FAILED, *SPREAD),
)
_OF_A_VIDEO = ("upload_month", "uploaded_order")
_KINDS: tuple[Kind, ...] = ("stage", "shadow")
_TRIES = 5
_LOOKS = 10  # the last one, at a lease of 60 s, is 17 hours after the deletion


@dataclass(frozen=True, slots=True)
class Records:
    """The records of a video at one moment.

    Attributes:
        runs: the runs of its stages, shadows included.
        results: its stored results.
        ranges: the rows of ranges.
    """

    runs: list[tuple[Kind, StageRun]]
    results: list[StageResult]
    ranges: list[dict[str, object]]


class Removal:
    """The removal of records from the catalog's table.

    Args:
        table: the catalog's table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._results = Results(table)

    def mark(self, video: Video, *, lease_s: float) -> bool:
        """Mark a video as deleted; return False if it was uploaded again since it was read.

        Args:
            video: the video.
            lease_s: seconds after which the janitor completes what was interrupted.
        """
        now = datetime.now(UTC)
        try:
            self._table.update(
                video.video_id,
                "video",
                set={"deleted_at": iso(now), **_look_at(now.timestamp() + lease_s)},
                remove=_OF_A_VIDEO,
                condition="#sequencer = :seen",
                given={"seen": video.upload.sequencer},
            )
        except ConditionFailed:
            return False
        return True

    def record(self, deletion: Deletion) -> Upload | None:
        """Mark the video as deleted, unless it was uploaded again since.

        A deletion can arrive before its upload, by another queue; the upload then ends as
        superseded. The deletion of a version deletes the video only while that version is current.
        It does not affect the order of uploads.

        Returns:
            its latest upload; None if this does not delete the video, or it was never recorded.
        """
        fields = {"deleted_at": iso(deletion.time), **_look_at(time.time())}
        if deletion.version_id:
            condition = "#version_id = :gone AND attribute_not_exists(#deleted_at)"
            given = {"gone": deletion.version_id}
        else:
            condition = "attribute_not_exists(#pk) OR #sequencer < :new"
            given = {"new": deletion.sequencer}
            fields["sequencer"] = deletion.sequencer
        try:
            head = self._table.update(
                deletion.video_id,
                "video",
                set=fields,
                remove=_OF_A_VIDEO,
                condition=condition,
                given=given,
                former=True,
            )
        except ConditionFailed:
            head = self._table.get(deletion.video_id, "video") or {}
            known = head.get("deleted_at")
            # Uploaded again since, or S3 expires a version of a video that was deleted long ago.
            if known is None or (deletion.version_id and known != fields["deleted_at"]):
                return None
        return Upload.model_validate(head["upload"]) if "upload" in head else None

    def is_deleted(self, video_id: str) -> bool:
        """Return True if a video is deleted now."""
        return "deleted_at" in (self._table.get(video_id, "video") or {})

    def records(self, video_id: str) -> Records:
        """Return what ``remove`` would remove of a video."""
        return Records(
            runs=list(self._runs(video_id)),
            results=self._results.all(video_id),
            ranges=self._rows(video_id, "range#"),
        )

    def remove(self, video_id: str, seen: Records) -> list[StageResult]:
        """Remove runs, ranges, results and what was probed, but nothing of a later upload.

        Args:
            video_id: a video that was deleted after ``seen`` was read. It may be uploaded again
                at any moment.
            seen: its records.

        Returns:
            the results that were taken up again meanwhile; they stay, with their files.
        """
        for kind, run in seen.runs:
            self._fence(video_id, kind, run)
        kept = [one for one in seen.results if not self._results.forget(video_id, one)]
        self._table.write(deletes=seen.ranges)  # their keys have the attempt, which only rises
        with suppress(ConditionFailed):
            self._table.update(
                video_id,
                "video",
                set={},
                remove=("probe", "metadata"),
                condition="attribute_exists(#deleted_at)",
            )
        return kept

    def begin_telling(self, upload: Upload) -> bool:
        """Return True to the first sender of a deletion's event; the janitor repeats what failed.

        Args:
            upload: the latest upload of the video.
        """
        try:
            self._table.update(
                upload.video_id,
                "video",
                set={"telling": upload.revision},
                condition="attribute_exists(#deleted_at) AND "
                "(attribute_not_exists(#telling) OR #telling <> :revision)",
                given={"revision": upload.revision},
            )
        except ConditionFailed:
            return False
        return True

    def stop_telling(self, upload: Upload) -> None:
        """Let another sender send the event of a deletion."""
        with suppress(ConditionFailed):
            self._table.update(
                upload.video_id,
                "video",
                set={},
                remove=("telling",),
                condition="#telling = :revision",
                given={"revision": upload.revision},
            )

    def told(self, upload: Upload) -> None:
        """Record that the event of a deletion was sent."""
        with suppress(ConditionFailed):
            self._table.update(
                upload.video_id,
                "video",
                set={"told": upload.revision},
                condition="attribute_exists(#deleted_at)",
            )

    def untold(self, video_id: str) -> Upload | None:
        """Return the latest upload of a deleted video, if the event of its deletion is missing."""
        head = self._table.get(video_id, "video") or {}
        if "deleted_at" not in head or "upload" not in head:
            return None
        upload = Upload.model_validate(head["upload"])
        return None if head.get("told") == upload.revision else upload

    def look_again(self, video_id: str, *, first_s: float) -> None:
        """Have the janitor look at a deleted video once more, each time after twice as long.

        Args:
            video_id: the video.
            first_s: seconds until the first of these looks.
        """
        head = self._table.get(video_id, "video") or {}
        looks = int(head.get("looks", 0))
        due = looks < _LOOKS
        with suppress(ConditionFailed):
            self._table.update(
                video_id,
                "video",
                set=_look_at(time.time() + first_s * 2**looks, looks + 1) if due else {},
                remove=() if due else ("lease_until", "lease_shard", "looks"),
                condition="attribute_exists(#deleted_at)",
            )

    def due(self) -> list[str]:
        """Return the deleted videos to look at now."""
        rows = overdue(self._table, before=time.time(), shards=[_SHARD])
        return [row["pk"] for row in rows]

    def _runs(self, video_id: str) -> Iterator[tuple[Kind, StageRun]]:
        for kind in _KINDS:
            for row in self._rows(video_id, sort_key("", kind)):
                yield kind, StageRun.model_validate(row)

    def _fence(self, video_id: str, kind: Kind, run: StageRun) -> None:
        """Leave nothing of a run but a higher attempt."""
        sk = sort_key(run.stage, kind)
        for _ in range(_TRIES):
            if run.state == "superseded" and run.result is None and run.event_id is None:
                return
            known = "#attempt = :seen" if run.attempt else "attribute_not_exists(#attempt)"
            given = {"sequencer": run.sequencer} | ({"seen": run.attempt} if run.attempt else {})
            try:
                self._table.update(
                    video_id,
                    sk,
                    set={"state": "superseded", "attempt": run.attempt + 1, "progress": 0}
                    | {"tries": 0},
                    remove=_OF_A_RUN,
                    condition=f"#sequencer = :sequencer AND {known}",
                    given=given,
                )
            except ConditionFailed:  # it was claimed or uploaded again meanwhile
                row = self._table.get(video_id, sk)
                if row is None or row["sequencer"] != run.sequencer:
                    return
                run = StageRun.model_validate(row)
            else:
                return

    def _rows(self, video_id: str, prefix: str) -> list[dict[str, object]]:
        found = self._table.query(
            KeyConditionExpression=partition("pk", video_id, prefix=prefix), ConsistentRead=True
        )
        return list(found)


def _look_at(moment: float, looks: int = 0) -> dict[str, Any]:
    """Return the fields by which the janitor finds a deleted video, after so many looks."""
    return {"lease_until": epoch_key(moment), "lease_shard": _SHARD, "looks": looks}
