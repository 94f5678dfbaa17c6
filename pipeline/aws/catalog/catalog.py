"""The catalog: videos, stage runs, results and labels in one DynamoDB table.

    pk            sk                            what
    {video_id}    video                         the latest upload, the probe, a tombstone
    {video_id}    stage#{stage}                 state, lease, progress and current result
    {video_id}    shadow#{stage}                the same of a run whose result is only compared
    {video_id}    result#{stage}#{fingerprint}  an immutable result, kept for versions and reuse
    {video_id}    label#{stage}#{label}         one row a label, for the index ``labels``
    {video_id}    range#…                       a range of a run whose work is spread
    #months       #months                       the months in which anything was uploaded
    #timings      {month}#{stage}#{digest}      run times, summed
    #keys         {name}                        secret keys that all hosts share
    #sidecars#…   {file name}                   captions uploaded beside a video
    #content#…    content#{stage}…              results by content (``contents``)
    #search#…     head, {generation}#{page}     the index of a video's words (``search_rows``)
    #words#…      {term}#{block}                the videos that have a term

Indexes: ``uploads`` (month, then place in time) lists videos newest first without a scan,
``labels`` (label, then place in time), ``leases`` (runs that are not terminal, by the deadline of
their next heartbeat), ``failures`` (class, then time). A video's place in time is
``{upload time}#{video_id}``.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pipeline.aws.catalog.contents import mark_key
from pipeline.aws.catalog.index import Index, Unindexed
from pipeline.aws.catalog.keys import Keys
from pipeline.aws.catalog.labels import Labels
from pipeline.aws.catalog.ranges import Ranges
from pipeline.aws.catalog.results import Results
from pipeline.aws.catalog.run_writes import sort_key
from pipeline.aws.catalog.runs import Runs
from pipeline.aws.catalog.sidecars import Sidecars
from pipeline.aws.catalog.table import ConditionFailed, Table, iso, partition
from pipeline.aws.catalog.timings import Timings
from pipeline.aws.catalog.videos import Known, Videos
from pipeline.core.errors import Superseded
from pipeline.core.events import Deletion, Upload
from pipeline.core.media_info import Probe
from pipeline.core.records import StageResult, StageRun, Video

_MONTHS = ("#months", "#months")


class Catalog(Videos):
    """The records of all videos, runs and results.

    Args:
        table: the catalog's table.
        stages: the stages, in the order in which they are shown.
        index: the search index to keep in step; none by default.

    Attributes:
        runs: the stage runs.
        shadows: runs whose results are only compared with the current ones.
        results: stored results, of both kinds of runs.
        timings: recorded run times.
        keys: keys that all hosts sign with.
        sidecars: captions uploaded beside videos.
        ranges: ranges of runs whose work is spread.
    """

    def __init__(self, table: Table, stages: Iterable[str], index: Index | None = None) -> None:
        super().__init__(table, stages)
        self._search: Index = index or Unindexed()
        self._labels = Labels(table)
        self.runs = Runs(table)
        self.shadows = Runs(table, "shadow")
        self.results = Results(table)
        self.timings = Timings(table)
        self.keys = Keys(table)
        self.sidecars = Sidecars(table)
        self.ranges = Ranges(table)

    def runs_of(self, *, shadow: bool) -> Runs:
        """Return the shadow runs, or the regular ones."""
        return self.shadows if shadow else self.runs

    def at_work(self, video: Video) -> dict[str, int]:
        """Return the number of ranges that workers do now, by stage; others have no ranges."""
        return {
            stage: self.ranges.at_work(video.video_id, run)
            for stage, run in video.stages.items()
            if run.spread
        }

    def record_upload(self, upload: Upload, *, patience_s: float, by: str | None = None) -> Known:
        """Make ``upload`` the current revision, if it is new; all its stages become pending.

        One read shows which of the writes are left: another stage may have made them all, or have
        died before it made the last. A stage that no run is recorded of becomes running by its
        claim, and needs no write before.

        Args:
            upload: the event; recording it again changes nothing.
            patience_s: seconds that a stage may be pending before it counts as lost.
            by: the stage that received the event, and that claims its run next.

        Raises:
            Superseded: a later upload or deletion of this key is recorded.
        """
        vid = upload.video_id
        month = _place(upload)[:7]
        mark = mark_key(upload.content_id, by or "")
        rows = self._read(vid, by, also=[_MONTHS, mark])
        head = rows.get("video", {"sequencer": ""})
        if head["sequencer"] > upload.sequencer:
            raise Superseded
        # First, because a video whose month is not recorded is never listed.
        if month not in rows.get(_MONTHS[1], {}).get("months", ()):
            self._table.add_to_set(*_MONTHS, "months", month)
        late = [one for one in self._stages if _is_older(rows.get(sort_key(one)), upload)]
        if head["sequencer"] < upload.sequencer:
            head, won = self._replace(upload)
            if by and not won:  # the process that wrote it marks the others
                late = [one for one in late if one == by]
            if by and sort_key(by) not in rows:
                late = [one for one in late if one != by]
        for stage in late:
            self.runs.queue(upload, stage, patience_s=patience_s)
        known = self._known(
            upload, rows | {"video": self._fields(upload) | head}, by, marked=mark[1] in rows
        )
        return replace(known, run=self.runs.get(vid, by)) if by and by in late else known

    def _replace(self, upload: Upload) -> tuple[dict[str, Any], bool]:
        """Return the row of a new revision, and whether this process wrote it.

        Raises:
            Superseded: a later upload or deletion of this key is recorded.
        """
        fields = self._fields(upload)
        try:
            self._table.update(
                upload.video_id,
                "video",
                set=fields,
                remove=("deleted_at", "probe", "metadata"),
                condition="attribute_not_exists(#pk) OR #sequencer < :new",
                given={"new": upload.sequencer},
            )
        except ConditionFailed as error:
            head = self._table.get(upload.video_id, "video")
            if head is None or head["sequencer"] != upload.sequencer:
                raise Superseded from error
            return head, False
        return fields, True

    def _fields(self, upload: Upload) -> dict[str, Any]:
        """Return the fields of a new revision's row."""
        place = _place(upload)
        return {
            "sequencer": upload.sequencer,
            "version_id": upload.version_id,
            "upload": upload.model_dump(mode="json"),
            "stages": list(self._stages),
            "upload_month": place[:7],
            "uploaded_order": place,
        }

    def record_deletion(self, deletion: Deletion) -> None:
        """Mark the video as deleted, unless it was uploaded again since.

        A deletion can arrive before its upload, by another queue; the upload then ends as
        superseded. The deletion of a version deletes the video only while that version is current.
        It does not affect the order of uploads.
        """
        fields = {"deleted_at": iso(deletion.time)}
        if deletion.version_id:
            condition, given = "#version_id = :gone", {"gone": deletion.version_id}
        else:
            condition = "attribute_not_exists(#pk) OR #sequencer < :new"
            given = {"new": deletion.sequencer}
            fields["sequencer"] = deletion.sequencer
        try:
            self._table.update(
                deletion.video_id,
                "video",
                set=fields,
                remove=("upload_month", "uploaded_order"),
                condition=condition,
                given=given,
            )
        except ConditionFailed:
            head = self._table.get(deletion.video_id, "video")
            if head is None or "deleted_at" not in head:
                return  # uploaded again since; otherwise this message was delivered before
        self._search.forget(deletion.video_id)
        self._labels.forget(deletion.video_id, keep=None)

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

    def succeed(self, video_id: str, run: StageRun, result: StageResult) -> None:
        """Make ``result`` current and findable: by its labels, and by its words and objects.

        Raises:
            LeaseLost: another worker took over; nothing changed for readers.
        """
        written = self._search.write(video_id, result, attempt=run.attempt)
        self._index(video_id, result)
        self.runs.succeed(video_id, run, result)
        self._search.show(written, attempt=run.attempt, revision=run.revision)
        if run.attempt > 1:  # no labels were written before the first claim
            self._labels.forget(video_id, keep=result)

    def promote(
        self, video_id: str, run: StageRun, result: StageResult, *, history: list[str] | None = None
    ) -> None:
        """Make a stored result current (``Runs.promote``) and findable.

        Raises:
            LeaseLost: the run is in progress, or changed since it was read.
        """
        written = self._search.write(video_id, result, attempt=run.attempt + 1)
        self._index(video_id, result)
        self.runs.promote(video_id, run, result, history=history)
        self._search.show(written, attempt=run.attempt + 1, revision=run.revision)
        self._labels.forget(video_id, keep=result)

    def undo_promotion(self, video_id: str, run: StageRun) -> None:
        """Undo a promotion (``Runs.undo_promotion``) and restore both indexes.

        Raises:
            LeaseLost: the run changed since.
        """
        written = None
        if run.current_result:
            written = self._search.write(video_id, run.current_result, attempt=run.attempt + 2)
            self._index(video_id, run.current_result)
        self.runs.undo_promotion(video_id, run)
        self._search.show(written, attempt=run.attempt + 2, revision=run.revision)
        if run.current_result:
            self._labels.forget(video_id, keep=run.current_result)

    def newest(self, *, before: str | None = None, label: str | None = None) -> Iterator[str]:
        """Yield places in time of videos, newest first.

        Args:
            before: start after this place (a cursor).
            label: only videos that are indexed under this label.
        """
        if label is not None:
            yield from self._labels.newest(label, before=before)
            return
        months = (self._table.get(*_MONTHS) or {}).get("months", set())
        for month in sorted(months, reverse=True):
            if before and month > before[:7]:
                continue
            condition = partition("upload_month", month, sort="uploaded_order", below=before)
            for item in self._table.query(
                IndexName="uploads",
                KeyConditionExpression=condition,
                ScanIndexForward=False,
                ProjectionExpression="uploaded_order",
            ):
                yield item["uploaded_order"]

    def _index(self, video_id: str, result: StageResult) -> None:
        """Index the labels of a result that becomes current; a deleted video has no place."""
        if not result.labels:
            return
        known = self._table.get(video_id, "video") or {}
        if order := known.get("uploaded_order"):
            self._labels.put(video_id, result, order=order)


def _place(upload: Upload) -> str:
    """Return the place in time of an upload's video."""
    return f"{iso(upload.time)}#{upload.video_id}"


def _is_older(row: dict[str, Any] | None, upload: Upload) -> bool:
    """Return True if a stage's row is missing or of an earlier revision."""
    return row is None or row["sequencer"] < upload.sequencer
