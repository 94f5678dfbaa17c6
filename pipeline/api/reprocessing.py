"""Routes: one video again, by a plan, or what failed of it."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Body, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator

from pipeline.api.context import Parts
from pipeline.api.lookup import FoundVideo
from pipeline.api.problems import described
from pipeline.api.replays import CREATED, StartQuery, started
from pipeline.core.errors import Conflict, InvalidArgument
from pipeline.core.records import Video
from pipeline.replays import views
from pipeline.replays.request import MOST_USD, ReplayRequest, check_chosen

router = APIRouter(prefix="/videos/{video_id}", tags=["replays"])


class VideoReplay(BaseModel):
    """The stages and settings with which to reprocess a video."""

    model_config = ConfigDict(extra="forbid")

    stages: list[str] | None = Field(
        None, min_length=1, description="Only these stages", examples=[["detect"]]
    )
    params: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Parameters by stage; those that earlier replays have set stay",
        examples=[{"detect": {"confidence": 0.4}}],
    )
    reset: StrictBool = Field(
        default=False, description="Drop the parameters that earlier replays have set"
    )
    shadow: StrictBool = Field(
        default=False, description="Keep current results: compute, compare, report the difference"
    )
    budget_usd: float | None = Field(
        None,
        strict=True,
        ge=0,
        le=MOST_USD,
        description="USD: do not start if the estimate exceeds it",
    )
    dry_run: StrictBool = Field(default=False, description="Plan only, until it is resumed")

    @model_validator(mode="after")
    def _params_are_for_chosen_stages(self) -> Self:
        check_chosen(self.params, self.stages)
        return self


class Retry(BaseModel):
    """The failed stages to retry."""

    model_config = ConfigDict(extra="forbid")

    stages: list[str] | None = Field(
        None, min_length=1, description="Only these stages; by default all that failed"
    )


@router.post(
    "/replays",
    status_code=201,
    summary="Reprocess a video, or see what that would do",
    description="Plans first: for each stage whether it would run, and why, with an estimate. A "
    "dry run then waits until it is resumed (`links.resume`); otherwise the plan is run. The "
    "answer is that of `POST /replays`.",
    responses=described(403, 404, 410, 422, 503) | {201: CREATED},
)
async def replay_video(
    video: FoundVideo,
    asked: Annotated[
        VideoReplay,
        Body(
            openapi_examples={
                "a setting": {
                    "summary": "Another confidence, as a plan",
                    "value": {"params": {"detect": {"confidence": 0.4}}, "dry_run": True},
                }
            }
        ),
    ],
    query: Annotated[StartQuery, Query()],
    parts: Parts,
    response: Response,
) -> views.ReplayView:
    """Start a replay of one video."""
    request = ReplayRequest(videos=[video.video_id], **asked.model_dump())
    return await started(request, query, parts, response)


@router.post(
    "/retry",
    status_code=201,
    summary="Retry what failed",
    description="Runs the stages that failed again, also where the same input is likely to fail "
    "again. The answer is that of `POST /replays`. 409 if nothing failed.",
    responses=described(403, 404, 409, 410, 422, 503) | {201: CREATED},
)
async def retry_video(
    video: FoundVideo,
    query: Annotated[StartQuery, Query()],
    parts: Parts,
    response: Response,
    asked: Annotated[Retry | None, Body()] = None,
) -> views.ReplayView:
    """Start a replay of the failed stages of one video."""
    stages = failed(video, asked.stages if asked else None)
    request = ReplayRequest(videos=[video.video_id], stages=stages, failed=True)
    return await started(request, query, parts, response)


def failed(video: Video, wanted: list[str] | None) -> list[str]:
    """Return the stages of a video that failed, of those wanted.

    Raises:
        InvalidArgument: ``unknown_stage``.
        Conflict: ``nothing_failed``.
    """
    if unknown := set(wanted or ()) - video.stages.keys():
        raise InvalidArgument(
            "unknown_stage",
            f"There is no stage {', '.join(sorted(unknown))}, but {', '.join(video.stages)}.",
        )
    found = [
        stage
        for stage, run in video.stages.items()
        if run.state == "failed" and (wanted is None or stage in wanted)
    ]
    if not found:
        raise Conflict(
            "nothing_failed", f"No stage of {video.upload.name} that could be retried has failed."
        )
    return found
