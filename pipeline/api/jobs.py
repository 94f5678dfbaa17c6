"""Routes: what runs, what waits and what failed; queues are paused and resumed."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from pipeline.api import caching
from pipeline.api.context import Parts
from pipeline.api.problems import described
from pipeline.results.jobs import MOST, JobsView, PausedQueue, QueueLane

router = APIRouter(tags=["jobs"])

Stage = Annotated[str, Path(description="A stage", examples=["detect"])]
Lane = Annotated[
    QueueLane, Path(description="`live` for uploads, `replay` for what replays request")
]


@router.get(
    "/jobs",
    summary="List what runs, waits and failed",
    description=f"At most {MOST} of each. With the queues of all stages, and how many messages "
    "wait in each. A look costs about 35 reads of the table, and two requests a queue.",
    responses=described(503),
)
def show_jobs(parts: Parts, response: Response) -> JobsView:
    """Return the jobs of this installation."""
    response.headers["Cache-Control"] = caching.REVALIDATE
    return parts.jobs.now()


@router.post(
    "/queues/{stage}/{lane}/pause",
    summary="Pause a queue",
    description="Workers take no more messages from it; jobs in progress still end. Nothing is "
    "lost: SQS keeps messages for two weeks. It holds for workers only: disable the event source "
    "mapping of a Lambda function. `note` says so.",
    responses=described(403, 422, 503),
)
def pause_queue(stage: Stage, lane: Lane, parts: Parts) -> PausedQueue:
    """Pause a queue."""
    return parts.jobs.pause(stage, lane)


@router.post(
    "/queues/{stage}/{lane}/resume",
    status_code=204,
    summary="Resume a queue",
    description="Workers take messages from it again, within seconds.",
    responses=described(403, 422, 503),
)
def resume_queue(stage: Stage, lane: Lane, parts: Parts) -> None:
    """Resume a queue."""
    parts.jobs.resume(stage, lane)
