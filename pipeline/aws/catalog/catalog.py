"""The catalog: videos, stage runs, results and labels in one DynamoDB table.

    pk            sk                            what
    {video_id}    video                         the latest upload, the probe, a tombstone
    {video_id}    stage#{stage}                 state, lease, progress and current result
    {video_id}    shadow#{stage}                the same of a run whose result is only compared
    {video_id}    result#{stage}#{fingerprint}  an immutable result, kept for versions and reuse
    {video_id}    label#{stage}#{label}         one row a label, for the index ``labels``
    #months       #months                       the months in which anything was uploaded
    #timings      {month}#{stage}#{digest}      run times, summed
    #keys         {name}                        secret keys that all hosts share

Indexes: ``uploads`` (month, then place in time) lists videos newest first without a scan,
``labels`` (label, then place in time), ``leases`` (runs that are not terminal, by the deadline of
their next heartbeat), ``failures`` (class, then time). A video's place in time is
``{upload time}#{video_id}``.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pipeline.aws.catalog.keys import Keys
from pipeline.aws.catalog.labels import Labels
from pipeline.aws.catalog.results import Results
from pipeline.aws.catalog.run_writes import sort_key
from pipeline.aws.catalog.runs import Runs
from pipeline.aws.catalog.table import ConditionFailed, Table, iso, partition
from pipeline.aws.catalog.timings import Timings
from pipeline.core.errors import Superseded
from pipeline.core.events import Deletion, Upload
from pipeline.core.media_info import Probe
from pipeline.core.records import StageResult, StageRun, Video

_MONTHS = ("#months", "#months")
_BRIEF = (
    *("pk", "sk", "upload", "stages", "metadata", "deleted_at"),
    *("probe.container", "probe.duration_s", "probe.size_bytes"),
    *("stage", "state", "revision", "sequencer", "event_id", "finished_at", "error", "tried"),
    "result_revision",
    *(
        f"result.{name}"
        for name in StageResult.model_fields
        if name not in {"artifacts", "summary"}
    ),
)


class Catalog:
    """The records of all videos, runs and results.

    Args:
        table: the catalog's table.
        stages: the stages, in the order in which they are shown.

    Attributes:
        runs: the stage runs.
        shadows: runs whose results are only compared with the current ones.
        results: stored results, of both kinds of runs.
        timings: recorded run times.
        keys: keys that all hosts sign with.
    """

    def __init__(self, table: Table, stages: Iterable[str]) -> None:
        self._table = table
        self._stages = tuple(stages)
        self._labels = Labels(table)
        self.runs = Runs(table)
        self.shadows = Runs(table, "shadow")
        self.results = Results(table)
        self.timings = Timings(table)
        self.keys = Keys(table)

    def runs_of(self, *, shadow: bool) -> Runs:
        """Return the shadow runs, or the regular ones."""
        return self.shadows if shadow else self.runs

    def record_upload(self, upload: Upload, *, patience_s: float) -> None:
        """Make ``upload`` the current revision, if it is new; all its stages become pending.

        Args:
            upload: the event; recording it again changes nothing.
            patience_s: seconds that a stage may be pending before it counts as lost.

        Raises:
            Superseded: a later upload or deletion of this key is recorded.
        """
        vid = upload.video_id
        order = f"{iso(upload.time)}#{vid}"
        # First, because a video whose month is not recorded is never listed.
        self._table.add_to_set(*_MONTHS, "months", order[:7])
        try:
            self._table.update(
                vid,
                "video",
                set={
                    "sequencer": upload.sequencer,
                    "version_id": upload.version_id,
                    "upload": upload.model_dump(mode="json"),
                    "stages": list(self._stages),
                    "upload_month": order[:7],
                    "uploaded_order": order,
                },
                remove=("deleted_at", "probe", "metadata"),
                condition="attribute_not_exists(#pk) OR #sequencer < :new",
                given={"new": upload.sequencer},
            )
        except ConditionFailed as error:
            known = self._table.get(vid, "video")
            if known is None or known["sequencer"] != upload.sequencer:
                raise Superseded from error
        # Also if it was recorded before: that process may have died before this.
        for stage in self._stages:
            self.runs.queue(upload, stage, patience_s=patience_s)

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
            return
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
        """Make ``result`` current and index its labels.

        Raises:
            LeaseLost: another worker took over; nothing changed for readers.
        """
        self._index(video_id, result)
        self.runs.succeed(video_id, run, result)
        self._labels.forget(video_id, keep=result)

    def promote(
        self, video_id: str, run: StageRun, result: StageResult, *, history: list[str] | None = None
    ) -> None:
        """Make a stored result current (``Runs.promote``) and findable by its labels.

        Raises:
            LeaseLost: the run is in progress, or changed since it was read.
        """
        self._index(video_id, result)
        self.runs.promote(video_id, run, result, history=history)
        self._labels.forget(video_id, keep=result)

    def undo_promotion(self, video_id: str, run: StageRun) -> None:
        """Undo a promotion (``Runs.undo_promotion``) and restore the index of labels.

        Raises:
            LeaseLost: the run changed since.
        """
        if run.current_result:
            self._index(video_id, run.current_result)
        self.runs.undo_promotion(video_id, run)
        if run.current_result:
            self._labels.forget(video_id, keep=run.current_result)

    def video(self, video_id: str) -> Video | None:
        """Return one video with the state of every stage, read consistently."""
        return next(iter(self.videos([video_id])), None)

    def videos(self, video_ids: list[str], *, brief: bool = False) -> list[Video]:
        """Return several videos, in the order given; unknown ids are left out.

        Args:
            video_ids: their ids.
            brief: leave out the fields that planning does not need: streams, the files and the
                summary of each result, and the history of each run. They are most of the bytes.
        """
        sks = ["video", *map(sort_key, self._stages)]
        keys = [(vid, sk) for vid in dict.fromkeys(video_ids) for sk in sks]
        found: dict[str, dict[str, Any]] = {}
        for item in self._table.get_many(keys, only=_BRIEF if brief else ()):
            if brief and item.get("result"):
                item["result"] |= {"artifacts": [], "summary": {}}
            found.setdefault(item["pk"], {})[item["sk"]] = item
        # A deleted video may have a tombstone only.
        known = [vid for vid in video_ids if "upload" in found.get(vid, {}).get("video", {})]
        return [self._video(vid, found[vid]) for vid in known]

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
        known = self._table.get(video_id, "video") or {}
        if order := known.get("uploaded_order"):
            self._labels.put(video_id, result, order=order)

    def _video(self, video_id: str, items: dict[str, dict[str, Any]]) -> Video:
        head = items["video"]
        upload = Upload.model_validate(head["upload"])
        stages = {}
        for stage in self._stages:
            known = items.get(sort_key(stage))
            if known is None or known["sequencer"] < upload.sequencer:
                known = {
                    "stage": stage,
                    # A stage added to the topology after the upload was not requested.
                    "state": "pending" if stage in head["stages"] else "skipped",
                    "revision": upload.revision,
                    "sequencer": upload.sequencer,
                }
            stages[stage] = StageRun.model_validate(known)
        return Video(
            video_id=video_id,
            upload=upload,
            metadata=head.get("metadata"),
            probe=head.get("probe"),
            deleted_at=head.get("deleted_at"),
            stages=stages,
        )
