"""The videos as they are read: their rows and those of their stage runs, put together."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.aws.catalog.run_writes import sort_key
from pipeline.aws.catalog.table import Table
from pipeline.core.events import Upload
from pipeline.core.media_info import Probe
from pipeline.core.records import StageResult, StageRun, Video

_PROBED = ("probe.container", "probe.duration_s", "probe.size_bytes")
_BRIEF = (
    *("pk", "sk", "upload", "stages", "metadata", "deleted_at"),
    *_PROBED,
    *("stage", "state", "revision", "sequencer", "event_id", "finished_at", "error", "tried"),
    *("result_revision", "progress", "spread", "ended"),
    *(
        f"result.{name}"
        for name in StageResult.model_fields
        if name not in {"artifacts", "summary", "probe"}
    ),
    *(f"result.{name}" for name in _PROBED),
)


@dataclass(frozen=True)
class Known:
    """The records of a video and of one stage's run, as one request read them.

    Attributes:
        video: the video.
        run: the run; None if there is none.
        untried: True if no run of the stage was ever claimed, whether regular or shadow: then it
            has no result.
        marked: True if a result of the stage for the same bytes is stored, of any video; None if
            that was not read.
    """

    video: Video
    run: StageRun | None
    untried: bool
    marked: bool | None = None


@dataclass(frozen=True)
class Head:
    """The latest upload of a video, and when it was deleted.

    Attributes:
        sequencer: of the upload, or of the deletion that followed it.
    """

    upload: Upload
    sequencer: str
    deleted_at: datetime | None


class Videos:
    """The videos in the catalog's table; ``Catalog`` adds the writes.

    Args:
        table: the catalog's table.
        stages: the stages, in the order in which they are shown.
    """

    def __init__(self, table: Table, stages: Iterable[str]) -> None:
        self._table = table
        self._stages = tuple(stages)

    @property
    def stages(self) -> tuple[str, ...]:
        """Return the stages, in the order in which they are shown."""
        return self._stages

    def known(self, video_id: str, stage: str, *, shadow: bool) -> Known | None:
        """Return a video and a run of one of its stages, read consistently in one request."""
        rows = self._read(video_id, stage)
        if "upload" not in rows.get("video", {}):
            return None
        upload = Upload.model_validate(rows["video"]["upload"])
        return self._known(upload, rows, stage, shadow=shadow)

    def video(self, video_id: str) -> Video | None:
        """Return one video with the state of every stage, read consistently."""
        return next(iter(self.videos([video_id])), None)

    def videos(self, video_ids: list[str], *, brief: bool = False) -> list[Video]:
        """Return several videos, in the order given; unknown ids are left out.

        Args:
            video_ids: their ids.
            brief: leave out streams, the files and the summary of each result, and the history of
                each run. They are most of the bytes.
        """
        found: dict[str, dict[str, Any]] = {}
        for item in self._table.get_many(self._keys(video_ids), only=_BRIEF if brief else ()):
            if brief and item.get("result"):
                item["result"] |= {"artifacts": [], "summary": {}}
            found.setdefault(item["pk"], {})[item["sk"]] = item
        # A deleted video may have a tombstone only.
        known = [vid for vid in video_ids if "upload" in found.get(vid, {}).get("video", {})]
        return [self._video(vid, found[vid]) for vid in known]

    def upload(self, video_id: str) -> Upload | None:
        """Return the latest upload of a video; None if it is unknown or was deleted."""
        head = self._table.get(video_id, "video") or {}
        if "upload" not in head or "deleted_at" in head:
            return None
        return Upload.model_validate(head["upload"])

    def uploads(self, video_ids: list[str]) -> dict[str, Upload]:
        """Return the latest uploads of videos by id, without deleted ones: one item a video."""
        keys = [(vid, "video") for vid in dict.fromkeys(video_ids)]
        items = self._table.get_many(keys, only=("pk", "upload", "deleted_at"))
        return {
            item["pk"]: Upload.model_validate(item["upload"])
            for item in items
            if "upload" in item and "deleted_at" not in item
        }

    def heads(self, video_ids: list[str]) -> dict[str, Head]:
        """Return the latest uploads of videos by id, with deleted ones: one item a video."""
        keys = [(vid, "video") for vid in dict.fromkeys(video_ids)]
        items = self._table.get_many(keys, only=("pk", "upload", "sequencer", "deleted_at"))
        return {
            item["pk"]: Head(
                Upload.model_validate(item["upload"]),
                item["sequencer"],
                datetime.fromisoformat(item["deleted_at"]) if "deleted_at" in item else None,
            )
            for item in items
            if "upload" in item
        }

    def _keys(self, video_ids: Iterable[str]) -> list[tuple[str, str]]:
        sks = ["video", *map(sort_key, self._stages)]
        return [(vid, sk) for vid in dict.fromkeys(video_ids) for sk in sks]

    def _read(
        self, video_id: str, stage: str | None, *, also: Iterable[tuple[str, str]] = ()
    ) -> dict[str, dict[str, Any]]:
        """Return the rows of a video by sort key, with those of both kinds of runs of a stage."""
        sks = ["video", *map(sort_key, self._stages)]
        if stage:
            sks += [sort_key(stage), sort_key(stage, "shadow")]
        keys = [*((video_id, sk) for sk in dict.fromkeys(sks)), *also]
        return {item["sk"]: item for item in self._table.get_many(keys)}

    def _known(
        self,
        upload: Upload,
        rows: dict[str, dict[str, Any]],
        stage: str | None,
        *,
        shadow: bool = False,
        marked: bool | None = None,
    ) -> Known:
        regular, other = (rows.get(sort_key(stage or "", kind)) for kind in ("stage", "shadow"))
        run = other if shadow else regular
        return Known(
            video=self._video(upload.video_id, rows),
            run=StageRun.model_validate(run) if run else None,
            untried=not any(one and one.get("attempt") for one in (regular, other)),
            marked=marked,
        )

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
            probe=head.get("probe") or _probe_of(stages.values()),
            deleted_at=head.get("deleted_at"),
            stages=stages,
        )


def _probe_of(runs: Iterable[StageRun]) -> Probe | None:
    """Return the probe that the results of a small video hold."""
    results = (run.current_result for run in runs)
    return next((result.probe for result in results if result and result.probe), None)
