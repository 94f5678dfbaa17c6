"""The jobs of an installation: what runs, what waits, what failed, and its queues.

A look costs about 35 reads of the table and two requests a queue, however many jobs there were: an
index has the unfinished ones alone, and of those that failed the latest are read.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from pipeline.aws.catalog import Catalog
from pipeline.aws.queues import Counts
from pipeline.core import events
from pipeline.core.errors import FailureClass, InvalidArgument
from pipeline.core.records import StageRun, Video
from pipeline.core.topology import Lane
from pipeline.results.video_view import StageProgress, states

MOST = 100
"""The most jobs of a kind that are listed."""

PAUSED = (
    "Workers take no more messages from it; jobs in progress still end. A Lambda function takes "
    "messages until its event source mapping is disabled."
)

QueueLane = Literal["live", "replay"]
LANES: tuple[QueueLane, ...] = get_args(QueueLane)
_FAILED = MOST + 20  # places to read at once: several stages of a video may fail in a moment
_FIRST = datetime.min.replace(tzinfo=UTC)


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class JobView(_View):
    """A stage of a video that runs, waits or failed."""

    video_id: str
    name: str = Field(description="The video's file name")
    lane: QueueLane
    replay_id: str | None
    since: datetime | None = Field(description="When it started, was queued, or failed")
    run: StageProgress


class QueueView(_View):
    """A queue of a stage."""

    stage: str
    lane: QueueLane = Field(description="Uploads (live), or what replays request")
    waiting: int = Field(description="Messages that wait; an approximate count")
    at_work: int = Field(description="Messages that a worker has taken")
    paused: bool = Field(
        description="Workers take no message from it until it is resumed. A Lambda function "
        "does, until its event source mapping is disabled"
    )
    held_back: bool = Field(
        description="Nobody takes its messages for now, because live work goes first"
    )


class PausedQueue(_View):
    """A queue that is paused, and for whom."""

    stage: str
    lane: QueueLane
    paused: Literal[True] = True
    note: str = Field(examples=["Workers take no more messages from it."])


class JobsView(_View):
    """The stages that run, wait or failed, and their queues."""

    running: list[JobView]
    waiting: list[JobView]
    failed: list[JobView] = Field(description="The latest failures, newest first")
    queues: list[QueueView]
    dead_lettered: dict[str, int] = Field(
        description="Messages whose deliveries all failed, by stage: `videodrop redrive` sends "
        "them again"
    )
    complete: bool = Field(description=f"False if there are more than {MOST} of a kind")


class Jobs:
    """The jobs of an installation.

    Args:
        catalog: its records.
        count: returns the messages of a stage's queue.
    """

    def __init__(self, catalog: Catalog, count: Callable[[str, Lane], Counts]) -> None:
        self._catalog = catalog
        self._count = count

    def now(self) -> JobsView:
        """Return what runs, waits and failed now."""
        ids = self._catalog.unfinished(limit=MOST + 1)
        open_ = [
            (video, run)
            for video in self._catalog.videos(ids[:MOST])
            if not video.deleted_at
            for run in video.stages.values()
        ]
        failed, more = self._failed()
        counts = {
            (stage, lane): self._count(stage, lane)
            for stage in self._catalog.stages
            for lane in LANES
        }
        busy = any(found.at_work for (_, lane), found in counts.items() if lane == "live")
        paused = self._catalog.pauses.all()
        return JobsView(
            running=_jobs((one for one in open_ if one[1].state == "running"), _started),
            waiting=_jobs((one for one in open_ if one[1].state == "pending"), _queued),
            failed=failed,
            queues=[
                QueueView(
                    stage=stage,
                    lane=lane,
                    waiting=found.waiting,
                    at_work=found.at_work,
                    paused=(stage, lane) in paused,
                    held_back=bool(
                        lane == "replay" and busy and found.waiting and not found.at_work
                    ),
                )
                for (stage, lane), found in counts.items()
            ],
            dead_lettered={
                stage: dead
                for stage in self._catalog.stages
                if (dead := sum(self._count(stage, "dlq")))
            },
            complete=len(ids) <= MOST and not more,
        )

    def pause(self, stage: str, lane: QueueLane) -> PausedQueue:
        """Have workers take no more messages from a queue; those they have still end.

        Raises:
            InvalidArgument: ``unknown_stage``.
        """
        self._check(stage)
        self._catalog.pauses.pause(stage, lane)
        return PausedQueue(stage=stage, lane=lane, note=PAUSED)

    def resume(self, stage: str, lane: QueueLane) -> None:
        """Have workers take messages from a queue again.

        Raises:
            InvalidArgument: ``unknown_stage``.
        """
        self._check(stage)
        self._catalog.pauses.resume(stage, lane)

    def _check(self, stage: str) -> None:
        if stage not in self._catalog.stages:
            there_are = ", ".join(self._catalog.stages)
            raise InvalidArgument("unknown_stage", f"There is no stage {stage}, but {there_are}.")

    def _failed(self) -> tuple[list[JobView], bool]:
        """Return the latest failures, and whether there are more."""
        places = [
            place
            for one in get_args(FailureClass)
            for place in islice(self._catalog.runs.failed(one, at_once=_FAILED), MOST + 1)
        ]
        latest = sorted(set(places), reverse=True)
        ids = list(dict.fromkeys(place.rpartition("#")[2] for place in latest[:MOST]))
        found = [
            (video, run)
            for video in self._catalog.videos(ids)
            if not video.deleted_at
            for run in video.stages.values()
            if run.state == "failed"
        ]
        return _jobs(found, _ended)[::-1], len(latest) > MOST


def _jobs(
    found: Iterable[tuple[Video, StageRun]], since: Callable[[Video, StageRun], datetime | None]
) -> list[JobView]:
    """Return the views of runs, the earliest first."""
    views = [
        JobView(
            video_id=video.video_id,
            name=video.upload.name,
            lane=events.lane(run.event_id),
            replay_id=events.replay_id(run.event_id),
            since=since(video, run),
            run=next(one for one in states(video) if one.stage == run.stage),
        )
        for video, run in found
    ]
    return sorted(views, key=lambda one: one.since or _FIRST)


def _started(_: Video, run: StageRun) -> datetime | None:
    return run.started_at


def _queued(video: Video, run: StageRun) -> datetime | None:
    return run.queued_at or video.upload.time


def _ended(_: Video, run: StageRun) -> datetime | None:
    return run.finished_at
