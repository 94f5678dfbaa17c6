"""The revisions of videos: each upload to a key is one, and the latest is what people see."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pipeline.aws.catalog import names
from pipeline.aws.catalog.contents import mark_key
from pipeline.aws.catalog.run_writes import sort_key
from pipeline.aws.catalog.runs import Runs, lease
from pipeline.aws.catalog.table import ConditionFailed, Table, iso
from pipeline.aws.catalog.videos import Known, Videos
from pipeline.core.errors import Superseded
from pipeline.core.events import Upload
from pipeline.core.media_info import Probe
from pipeline.core.records import Video

MONTHS = ("#months", "#months")


class Revisions(Videos):
    """The videos, and the writes of their revisions.

    Args:
        table: the catalog's table.
        stages: the stages, in the order in which they are shown.

    Attributes:
        runs: the stage runs.
    """

    def __init__(self, table: Table, stages: Iterable[str]) -> None:
        super().__init__(table, stages)
        self.runs = Runs(table)

    def record_upload(
        self,
        upload: Upload,
        *,
        patience_s: float,
        by: str | None = None,
        metadata: Callable[[], Mapping[str, str] | None] = lambda: None,
    ) -> Known:
        """Make ``upload`` the current revision, if it is new; all its stages become pending.

        One read shows which of the writes are left: another stage may have made them all, or have
        died before it made the last. A stage of which no run is recorded counts as pending, and
        becomes running by its claim. The video's own lease tells the janitor when all stages
        should have been claimed.

        Args:
            upload: the event; recording it again changes nothing.
            patience_s: seconds that a stage may be pending before it counts as lost.
            by: the stage that received the event, and that claims its run next.
            metadata: returns the object's metadata, if it can be read; called if it is new.

        Raises:
            Superseded: a later upload or deletion of this key is recorded.
        """
        vid = upload.video_id
        month = place(upload)[:7]
        mark = mark_key(upload.content_id, by or "")
        rows = self._read(vid, by, also=[MONTHS, mark])
        head = rows.get("video", {"sequencer": ""})
        deleted = "deleted_at" in head and head["sequencer"] == upload.sequencer
        if deleted or head["sequencer"] > upload.sequencer:
            raise Superseded
        # First, because a video whose month is not recorded is never listed.
        if month not in rows.get(MONTHS[1], {}).get("months", ()):
            self._table.add_to_set(*MONTHS, "months", month)
        if head["sequencer"] < upload.sequencer:
            fields: dict[str, Any] = {**lease(vid, time.time() + patience_s)}
            if (said := metadata()) is not None:
                fields["metadata"] = dict(said)
            head = self._replace(upload, fields)
        late = [one for one in self._stages if _is_older(rows.get(sort_key(one)), upload)]
        for stage in late:
            self.runs.queue(upload, stage, patience_s=patience_s)
        known = self._known(
            upload, rows | {"video": self._fields(upload) | head}, by, marked=mark[1] in rows
        )
        return replace(known, run=self.runs.get(vid, by)) if by and by in late else known

    def _replace(self, upload: Upload, more: dict[str, Any]) -> dict[str, Any]:
        """Return the row of a new revision.

        Several stages may begin at once: one of them writes it, and the others read it.

        Args:
            upload: the revision.
            more: further fields.

        Raises:
            Superseded: a later upload or deletion of this key is recorded.
        """
        fields = self._fields(upload) | more
        try:
            self._table.update(
                upload.video_id,
                "video",
                set=fields,
                # Also where none was read: an earlier one may have been recorded since.
                remove={"deleted_at", "probe", "metadata"} - fields.keys(),
                condition="attribute_not_exists(#pk) OR #sequencer < :new",
                given={"new": upload.sequencer},
            )
        except ConditionFailed as error:
            head = self._table.get(upload.video_id, "video") or {}
            if head.get("sequencer") != upload.sequencer or "deleted_at" in head:
                raise Superseded from error
            return head
        return fields

    def _fields(self, upload: Upload) -> dict[str, Any]:
        """Return the fields of a new revision's row."""
        order = place(upload)
        return {
            "sequencer": upload.sequencer,
            "version_id": upload.version_id,
            "upload": upload.model_dump(mode="json"),
            "stages": list(self._stages),
            "upload_month": order[:7],
            "uploaded_order": order,
            **names.fields(upload),
        }

    def all_claimed(self, video: Video) -> None:
        """Record that no stage of a revision is left to be claimed, so that it is not overdue."""
        with suppress(ConditionFailed):  # a later upload or a deletion has its own lease
            self._table.update(
                video.video_id,
                "video",
                set={},
                remove=("lease_until", "lease_shard"),
                condition="#sequencer = :ours AND attribute_not_exists(#deleted_at)",
                given={"ours": video.upload.sequencer},
            )

    def record_probe(self, upload: Upload, probe: Probe, metadata: Mapping[str, str]) -> None:
        """Record the probe of a file, if ``upload`` is still the current revision.

        Args:
            upload: the revision.
            probe: of its file.
            metadata: of the object, recorded so that planning need not read it from S3.
        """
        try:
            self._table.update(
                upload.video_id,
                "video",
                set={"probe": probe.model_dump(mode="json"), "metadata": dict(metadata)},
                condition="#sequencer = :ours",
                given={"ours": upload.sequencer},
            )
        except ConditionFailed:
            return


def place(upload: Upload) -> str:
    """Return the place in time of an upload's video."""
    return f"{iso(upload.time)}#{upload.video_id}"


def _is_older(row: dict[str, Any] | None, upload: Upload) -> bool:
    """Return True if a stage's row is of an earlier revision."""
    return row is not None and row["sequencer"] < upload.sequencer
