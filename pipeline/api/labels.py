"""Route: the labels of the videos."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from pipeline.api import caching
from pipeline.api.context import Parts
from pipeline.api.problems import described
from pipeline.aws.catalog import listing

router = APIRouter(tags=["search"])


class LabelCount(BaseModel):
    """A label and the number of videos that have it."""

    label: str
    videos: int = Field(examples=[12])


class LabelPage(BaseModel):
    """Labels of some videos, the commonest first."""

    labels: list[LabelCount]
    videos: int = Field(description="The number of videos that were counted", examples=[200])
    next_cursor: str | None = Field(
        description="Pass it as `cursor` to count the next videos; null at the end"
    )


@router.get(
    "/labels",
    summary="Count the labels of videos",
    description=f"One request counts the newest {listing.EXAMINED} videos, or those after "
    "`cursor`. Add up the pages for all videos.",
    response_model=LabelPage,
    responses=described(422, 503),
)
def list_labels(
    parts: Parts,
    request: Request,
    response: Response,
    cursor: Annotated[
        str | None, Query(max_length=200, description="`next_cursor` of a page")
    ] = None,
) -> object:
    """Return the labels of some videos, or 304 if the client has them already."""
    begin = parts.cursors.unseal(cursor)
    counts, videos, more = listing.labels(parts.catalog, cursor=begin)
    ranked = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    found = LabelPage(
        labels=[LabelCount(label=label, videos=count) for label, count in ranked],
        videos=videos,
        next_cursor=parts.cursors.seal(more),
    )
    return caching.revalidate(request, response, found) or found
