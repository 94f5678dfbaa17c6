"""Routes: stored results of a video, their differences, promotion and rollback."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from pipeline.api import caching
from pipeline.api.context import Parts
from pipeline.api.lookup import FoundVideo
from pipeline.api.problems import described
from pipeline.results.comparison import VersionDiff
from pipeline.results.versions import FEWEST_DIGITS, Version

router = APIRouter(prefix="/videos/{video_id}/versions", tags=["versions"])

_BEGINS = f"The beginning of its fingerprint: at least {FEWEST_DIGITS} digits"

Stage = Annotated[str, Path(description="A stage", examples=["detect"])]


class VersionList(BaseModel):
    """Versions by stage, the oldest first."""

    versions: list[Version]


class DiffQuery(BaseModel):
    """A choice of two versions."""

    stage: str = Field(examples=["transcribe"])
    before: str | None = Field(
        None,
        min_length=FEWEST_DIGITS,
        description=f"{_BEGINS}. By default "
        "the current version, or, if that is `after`, the one that was current before it",
    )
    after: str | None = Field(
        None, min_length=FEWEST_DIGITS, description=f"{_BEGINS}. By default the current version"
    )


@router.get(
    "",
    summary="List the stored results of a video",
    description="Results of other models, settings or code are kept after a newer one replaced "
    "them, until retention removes them. Those of an earlier upload with other content are not "
    "listed.",
    response_model=VersionList,
    responses=described(404, 410, 422, 503),
)
def list_versions(
    video: FoundVideo,
    parts: Parts,
    request: Request,
    response: Response,
    stage: Annotated[str | None, Query(description="Only of this stage")] = None,
) -> object:
    """Return the versions, or 304 if the client has them already."""
    found = VersionList(versions=parts.versions.of(video, stage))
    return caching.revalidate(request, response, found) or found


@router.get(
    "/diff",
    summary="Compare two versions",
    description="Parameters, models, warnings, files and cost; words where both have a transcript "
    "(`before` is the reference of the word error rate), labels and when they are in view, and "
    "renditions. Without `before` and `after` it compares the current version with the previous.",
    responses=described(403, 404, 409, 410, 422, 503),
)
def compare_versions(
    video: FoundVideo, query: Annotated[DiffQuery, Query()], parts: Parts, response: Response
) -> VersionDiff:
    """Return the difference."""
    response.headers["Cache-Control"] = caching.REVALIDATE
    return parts.versions.diff(video, query.stage, before=query.before, after=query.after)


@router.post(
    "/{stage}/rollback",
    summary="Roll back to the version that was current before",
    description="Nothing is computed. A second call goes one version further back. 409 if there is "
    "none, or while the stage is running.",
    responses=described(403, 404, 409, 410, 422, 503),
)
def roll_back_version(video: FoundVideo, stage: Stage, parts: Parts) -> Version:
    """Roll back, and return the version that is current now."""
    return parts.versions.rollback(video.video_id, stage)


@router.post(
    "/{stage}/{fingerprint}/promote",
    summary="Make a version the current one",
    description="Nothing is computed. `rollback` undoes it. 409 while the stage is running, 410 if "
    "the version's files are gone.",
    responses=described(403, 404, 409, 410, 422, 503),
)
def promote_version(
    video: FoundVideo,
    stage: Stage,
    fingerprint: Annotated[str, Path(description=_BEGINS, examples=["3f786850e387"])],
    parts: Parts,
) -> Version:
    """Promote a version, and return it."""
    return parts.versions.promote(video.video_id, stage, fingerprint)
