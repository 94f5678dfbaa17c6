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
    #upload#…     upload                        an upload in progress
    #search#…     head, {generation}#{page}     the index of a video's words (``search_rows``)
    #words#…      {term}#{block}                the videos that have a term

Indexes: ``uploads`` (month, then place in time) lists videos newest first without a scan,
``names`` (file name, then place in time), ``labels`` (label, then place in time), ``leases`` (runs
that are not terminal, by the deadline of their next heartbeat), ``failures`` (class, then time). A
video's place in time is ``{upload time}#{video_id}``.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from pipeline.aws.catalog import labels
from pipeline.aws.catalog.index import Index, Unindexed
from pipeline.aws.catalog.keys import Keys
from pipeline.aws.catalog.labels import AT_ONCE, Labels
from pipeline.aws.catalog.named import Named
from pipeline.aws.catalog.names import Names
from pipeline.aws.catalog.pending import PendingUploads
from pipeline.aws.catalog.ranges import Ranges
from pipeline.aws.catalog.results import Results
from pipeline.aws.catalog.revisions import MONTHS, Revisions, place
from pipeline.aws.catalog.runs import Runs, overdue
from pipeline.aws.catalog.sidecars import Sidecars
from pipeline.aws.catalog.table import ConditionFailed, Table, iso, partition
from pipeline.aws.catalog.timings import Timings
from pipeline.core.events import Deletion, Upload
from pipeline.core.records import StageResult, StageRun, Video

Overdue = tuple[str, StageRun, bool] | Video
"""A run: video id, run, and whether it is a shadow. Or a video whose stages may be unclaimed."""


class Catalog(Revisions):
    """The records of all videos, runs and results.

    Args:
        table: the catalog's table.
        stages: the stages, in the order in which they are shown.
        index: the search index to keep in step; none by default.

    Attributes:
        shadows: runs whose results are only compared with the current ones.
        results: stored results, of both kinds of runs.
        contents: the same results, and uploads, by content.
        names: videos by their names.
        named: videos by words of their names.
        pending: uploads in progress.
        timings: recorded run times.
        keys: keys that all hosts sign with.
        sidecars: captions uploaded beside videos.
        ranges: ranges of runs whose work is spread.
    """

    def __init__(self, table: Table, stages: Iterable[str], index: Index | None = None) -> None:
        super().__init__(table, stages)
        self._search: Index = index or Unindexed()
        self._labels = Labels(table)
        self.shadows = Runs(table, "shadow")
        self.results = Results(table)
        self.contents = self.results.contents
        self.names = Names(table)
        self.named = Named(table, self)
        self.pending = PendingUploads(table)
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

    def overdue(self, *, before: float) -> Iterator[Overdue]:
        """Yield the runs whose lease ended before a moment, and videos with unclaimed stages.

        Args:
            before: epoch seconds.
        """
        for key in overdue(self._table, before=before):
            video_id, (kind, _, stage) = key["pk"], key["sk"].partition("#")
            # The index may lag behind the item.
            if kind == "video":
                rows = self._read(video_id, None)
                head = rows.get(kind, {})
                if "upload" in head and float(head.get("lease_until", before)) < before:
                    yield self._video(video_id, rows)
            elif kind in {"stage", "shadow"}:
                shadow = kind == "shadow"
                run = self.runs_of(shadow=shadow).get(video_id, stage)
                if run and run.lease_until is not None and run.lease_until < before:
                    yield video_id, run, shadow

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
                remove=("upload_month", "uploaded_order", "lease_until", "lease_shard"),
                condition=condition,
                given=given,
            )
        except ConditionFailed:
            head = self._table.get(deletion.video_id, "video")
            if head is None or "deleted_at" not in head:
                return  # uploaded again since; otherwise this message was delivered before
        self._search.forget(deletion.video_id)
        self._labels.forget(deletion.video_id, keep=None)

    def succeed(
        self,
        video_id: str,
        run: StageRun,
        result: StageResult,
        *,
        upload: Upload | None = None,
        also: Iterable[dict[str, Any]] = (),
    ) -> None:
        """Make ``result`` current and findable: by its labels, and by its words and objects.

        Args:
            video_id: of the run.
            run: as it was claimed.
            result: the result.
            upload: the source, if it is known; it tells the video's place in time.
            also: further items to write in the same request.

        Raises:
            LeaseLost: another worker took over; nothing changed for readers.
        """
        written = self._search.write(video_id, result, attempt=run.attempt, upload=upload)
        if upload:
            also = [*also, *labels.rows(video_id, result, order=place(upload))]
        else:
            self._index(video_id, result)
        self.runs.succeed(video_id, run, result, also=also)
        self._search.show(written, attempt=run.attempt, revision=run.revision, upload=upload)
        if run.attempt > 1:  # no labels were written before the first claim
            self._labels.forget(video_id, keep=result)

    def promote(
        self, video_id: str, run: StageRun, result: StageResult, *, history: list[str] | None = None
    ) -> None:
        """Make a stored result current (``Runs.promote``) and findable.

        Raises:
            LeaseLost: the run is in progress, or changed since it was read.
        """
        written = self._search.write(video_id, result, attempt=run.attempt + 1, upload=None)
        self._index(video_id, result)
        self.runs.promote(video_id, run, result, history=history)
        self._search.show(written, attempt=run.attempt + 1, revision=run.revision, upload=None)
        self._labels.forget(video_id, keep=result)

    def undo_promotion(self, video_id: str, run: StageRun) -> None:
        """Undo a promotion (``Runs.undo_promotion``) and restore both indexes.

        Raises:
            LeaseLost: the run changed since.
        """
        written = None
        if run.current_result:
            written = self._search.write(
                video_id, run.current_result, attempt=run.attempt + 2, upload=None
            )
            self._index(video_id, run.current_result)
        self.runs.undo_promotion(video_id, run)
        self._search.show(written, attempt=run.attempt + 2, revision=run.revision, upload=None)
        if run.current_result:
            self._labels.forget(video_id, keep=run.current_result)

    def newest(self, *, before: str | None = None, label: str | None = None) -> Iterator[str]:
        """Yield places in time of videos, newest first.

        Args:
            before: start after this place (a cursor).
            label: only videos that are indexed under this label.
        """
        if label is not None:
            yield from self._labels.places(label, before=before, rising=False)
            return
        for month in reversed(self._months()):
            if before and month > before[:7]:
                continue
            yield from self._month(month, before=before, rising=False)

    def oldest(self, *, after: str | None = None, label: str | None = None) -> Iterator[str]:
        """Yield places in time of videos, oldest first; see ``newest``."""
        if label is not None:
            yield from self._labels.places(label, after=after, rising=True)
            return
        for month in self._months():
            if not after or month >= after[:7]:
                yield from self._month(month, after=after, rising=True)

    def number(self, *, label: str | None = None, most: int) -> int:
        """Return the number of videos, at most ``most``; a label's may lag behind."""
        if label is not None:
            return sum(1 for _ in islice(self.newest(label=label), most))
        found = 0
        for month in reversed(self._months()):
            condition = partition("upload_month", month)
            found += self._table.number(
                most - found, IndexName="uploads", KeyConditionExpression=condition
            )
            if found >= most:
                break
        return found

    def _months(self) -> list[str]:
        return sorted((self._table.get(*MONTHS) or {}).get("months", set()))

    def _month(
        self, month: str, *, before: str | None = None, after: str | None = None, rising: bool
    ) -> Iterator[str]:
        condition = partition(
            "upload_month", month, sort="uploaded_order", below=before, above=after
        )
        for item in self._table.query(
            IndexName="uploads",
            KeyConditionExpression=condition,
            ScanIndexForward=rising,
            ProjectionExpression="uploaded_order",
            Limit=AT_ONCE,
        ):
            yield item["uploaded_order"]

    def unlabel(self, video_id: str) -> None:
        """Remove a deleted video from the index of labels.

        Its deletion does so too; but a run that was in progress then has indexed its own later.
        """
        self._labels.forget(video_id, keep=None)

    def _index(self, video_id: str, result: StageResult) -> None:
        """Index the labels of a result that becomes current; a deleted video has no place."""
        if not result.labels:
            return
        known = self._table.get(video_id, "video") or {}
        if order := known.get("uploaded_order"):
            self._labels.put(video_id, result, order=order)
