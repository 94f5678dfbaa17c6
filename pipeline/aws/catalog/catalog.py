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
    #recent       {video id}#…                  the words of recent results (``search_rows``)
    #pages#…      {document}#{page}             the places of a video's words
    #terms#…      {term}#{block}                the videos that have a term
    #events       {position}                    the log of events (``event_log``)
    #webhooks     {webhook id}                  a webhook; ``#webhook#…``: its deliveries

Indexes: ``uploads`` (month, then place in time) lists videos newest first without a scan,
``names`` (file name, then place in time), ``labels`` (label, then place in time), ``leases`` (runs
that are not terminal, by the deadline of their next heartbeat), ``failures`` (class, then time). A
video's place in time is ``{upload time}#{video_id}``.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pipeline.aws.announce import Announcer, silent
from pipeline.aws.catalog import labels
from pipeline.aws.catalog.event_log import EventLog
from pipeline.aws.catalog.index import Index, Unindexed
from pipeline.aws.catalog.keys import Keys
from pipeline.aws.catalog.labels import Labels
from pipeline.aws.catalog.named import Named
from pipeline.aws.catalog.names import Names
from pipeline.aws.catalog.pauses import Pauses
from pipeline.aws.catalog.pending import PendingUploads
from pipeline.aws.catalog.ranges import Ranges
from pipeline.aws.catalog.removal import Removal
from pipeline.aws.catalog.results import Results
from pipeline.aws.catalog.revisions import Revisions, place
from pipeline.aws.catalog.run_writes import sort_key
from pipeline.aws.catalog.runs import Runs, overdue
from pipeline.aws.catalog.sidecars import Sidecars
from pipeline.aws.catalog.table import ConditionFailed, Table
from pipeline.aws.catalog.timeline import Timeline
from pipeline.aws.catalog.timings import Timings
from pipeline.aws.catalog.webhooks import Webhooks
from pipeline.core.errors import NotAnnounced
from pipeline.core.events import Deletion, Upload
from pipeline.core.records import StageResult, StageRun, Video

log = logging.getLogger(__name__)
_ALWAYS = 9_999_999_999.0  # epoch seconds, later than any lease
_UNFINISHED = 200  # keys of videos and runs that a call reads, where a hundred videos are wanted

Overdue = tuple[str, StageRun, bool] | Video
"""A run: video id, run, and whether it is a shadow. Or a video whose stages may be unclaimed."""


class Catalog(Revisions):
    """The records of all videos, runs and results.

    Args:
        table: the catalog's table.
        stages: the stages, in the order in which they are shown.
        index: the search index to keep in step; none by default.
        announcer: sends events of runs and videos; none are sent by default.

    Attributes:
        announcer: the same.
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
        events: the log of events.
        webhooks: the webhooks, and what is delivered to them.
        removal: the removal of deleted videos' records.
        pauses: queues that people have paused.
        timeline: the videos by the time of their upload.
    """

    def __init__(
        self,
        table: Table,
        stages: Iterable[str],
        index: Index | None = None,
        announcer: Announcer | None = None,
    ) -> None:
        super().__init__(table, stages)
        self.announcer = announcer or silent()
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
        self.events = EventLog(table)
        self.webhooks = Webhooks(table)
        self.removal = Removal(table)
        self.pauses = Pauses(table)
        self.timeline = Timeline(table)

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

    def announce(self, video_id: str, run: StageRun) -> None:
        """Send the event of a run that ended without a message; the janitor repeats it if need be.

        Args:
            video_id: of the run.
            run: as it is recorded now; not that of a shadow.
        """
        try:
            self.announcer.stage_ended(video_id, run)
        except NotAnnounced:
            log.warning("%s %s: its event was not sent", run.stage, video_id, exc_info=True)
        else:
            self.runs.told(video_id, run)

    def announce_deletion(self, upload: Upload, *, again: bool = False) -> None:
        """Send the event of a deletion, unless it is sent already.

        Args:
            upload: the latest upload of the deleted video.
            again: True to send it although a sender has begun: it died.

        Raises:
            NotAnnounced: the bus did not take it.
        """
        if not again and not self.removal.begin_telling(upload):
            return
        try:
            self.announcer.video_deleted(upload)
        except NotAnnounced:
            self.removal.stop_telling(upload)
            raise
        self.removal.told(upload)

    def unfinished(self, *, limit: int) -> list[str]:
        """Return the ids of videos of which something runs or waits, up to a number of them."""
        found: dict[str, None] = {}
        for key in overdue(self._table, before=_ALWAYS, at_once=_UNFINISHED):
            if key["sk"].partition("#")[0] in {"video", "stage"}:
                found[key["pk"]] = None
            if len(found) == limit:
                break
        return list(found)

    def record_deletion(self, deletion: Deletion) -> Upload | None:
        """Record a deletion (``Removal.record``), and remove the video from both indexes."""
        upload = self.removal.record(deletion)
        if upload:
            self.unindex(deletion.video_id)
        return upload

    def succeed(
        self,
        video_id: str,
        run: StageRun,
        result: StageResult,
        *,
        upload: Upload | None = None,
        also: Iterable[dict[str, Any]] = (),
        files: Mapping[str, bytes] | None = None,
    ) -> None:
        """Make ``result`` current and findable: by its labels, and by its words and objects.

        Args:
            video_id: of the run.
            run: as it was claimed.
            result: the result.
            upload: the source, if it is known; it tells the video's place in time.
            also: further items to write in the same request.
            files: contents of its files by name, as far as they are at hand.

        Raises:
            LeaseLost: another worker took over; nothing changed for readers.
        """
        indexed = self._search.of(
            video_id, result, revision=run.revision, upload=upload, files=files
        )
        also = [*also, *indexed.rows]
        if upload:
            also = [*also, *labels.rows(video_id, result, order=place(upload), attempt=run.attempt)]
        else:
            self._index(video_id, result, run.attempt)
        self.runs.succeed(video_id, run, result, also=also, indexed=indexed.about)
        if run.attempt > 1:  # no labels were written before the first claim
            self._labels.forget(video_id, keep=result, attempt=run.attempt)

    def promote(
        self, video_id: str, run: StageRun, result: StageResult, *, history: list[str] | None = None
    ) -> StageRun:
        """Make a stored result current (``Runs.promote``) and findable; return the run.

        Raises:
            LeaseLost: the run is in progress, or changed since it was read.
        """
        about = self._write_index(video_id, run, result, run.attempt + 1)
        promoted = self.runs.promote(video_id, run, result, history=history, indexed=about)
        self._labels.forget(video_id, keep=result, attempt=promoted.attempt)
        return promoted

    def undo_promotion(self, video_id: str, run: StageRun) -> None:
        """Undo a promotion (``Runs.undo_promotion``) and restore both indexes.

        Raises:
            LeaseLost: the run changed since.
        """
        former, attempt = run.current_result, run.attempt + 2  # the promotion had the next one
        about = self._write_index(video_id, run, former, attempt) if former else None
        self.runs.undo_promotion(video_id, run, indexed=about)
        if former:
            self._labels.forget(video_id, keep=former, attempt=attempt)

    def index(self, video_id: str, run: StageRun, result: StageResult) -> bool:
        """Index a current result of an earlier version; return False if the run changed since."""
        indexed = self._search.of(video_id, result, revision=run.revision, upload=None)
        self._table.write(puts=indexed.rows)
        try:
            self._table.update(
                *(video_id, sort_key(run.stage)),
                set={"indexed": indexed.about},
                condition="#attempt = :attempt AND #state = :state",
                given={"attempt": run.attempt, "state": run.state},
            )
        except ConditionFailed:
            return False
        return True

    def unindex(self, video_id: str) -> None:
        """Remove a deleted video from the indexes of words and labels.

        Its deletion does so too; but a run that was in progress then has indexed its own later.
        """
        self._search.forget(video_id)
        self._labels.unindex(video_id, self.removal.is_deleted)

    def _write_index(
        self, video_id: str, run: StageRun, result: StageResult, attempt: int
    ) -> str | None:
        """Write both indexes of a result that becomes current with ``attempt``."""
        indexed = self._search.of(video_id, result, revision=run.revision, upload=None)
        self._table.write(puts=indexed.rows)
        self._index(video_id, result, attempt)
        return indexed.about

    def _index(self, video_id: str, result: StageResult, attempt: int) -> None:
        """Index the labels of a result that becomes current; a deleted video has no place."""
        if not result.labels:
            return
        known = self._table.get(video_id, "video") or {}
        if order := known.get("uploaded_order"):
            self._labels.put(video_id, result, order=order, attempt=attempt)
