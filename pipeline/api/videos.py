"""Route: the list of videos."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from pipeline.api import caching
from pipeline.api.context import Parts
from pipeline.api.parameters import language_code
from pipeline.api.problems import described
from pipeline.aws.catalog.listing import COUNTED, EXAMINED, Filter, page
from pipeline.core.status import ListedStatus
from pipeline.core.validation import Moment
from pipeline.results import video_view as views
from pipeline.results.artifact_view import Sign

router = APIRouter(tags=["videos"])


class VideoPage(BaseModel):
    """Videos, by the time of their upload."""

    videos: list[views.VideoItem]
    next_cursor: str | None = Field(
        description="Pass it as `cursor` for the next page; null at the end. With filters a page "
        "may be short, or empty, and still have one."
    )
    total: int | None = Field(
        None,
        description=f"With `count`: the number of videos, at most {COUNTED}. Null with filters "
        "other than `label`: these are not counted.",
    )


class ListQuery(BaseModel):
    """A filter and a page of the list of videos."""

    status: ListedStatus | None = None
    label: str | None = Field(
        None, min_length=1, max_length=100, description="A label of the video", examples=["dog"]
    )
    prefix: str | None = Field(
        None,
        max_length=1024,
        description="Beginning of its key or of its file name",
        examples=["videos/2026/"],
    )
    name: str | None = Field(
        None,
        max_length=200,
        description="Words of its file name; each may be the beginning of one. A video that has no "
        "result yet is found by its whole name",
        examples=["holiday beach"],
    )
    language: str | None = Field(None, max_length=35, description="What is spoken", examples=["de"])
    min_duration_s: float | None = Field(None, ge=0, description="It lasts at least so long")
    max_duration_s: float | None = Field(None, ge=0, description="It lasts at most so long")
    uploaded_after: Moment | None = Field(
        None, description="At this time or later", examples=["2026-01-31T00:00:00Z"]
    )
    uploaded_before: Moment | None = Field(
        None, description="Before this time", examples=["2026-02-01T00:00:00Z"]
    )
    sort: Literal["newest", "oldest"] = Field("newest", description="Which uploads come first")
    count: bool = Field(False, description="Count the videos, too: `total`")
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(None, max_length=200, description="`next_cursor` of a page")


@router.get(
    "/videos",
    summary="List videos, newest first",
    description="A request reads the videos that it returns, however many there are. With a filter "
    f"that few pass it reads at most {EXAMINED}, and returns those found and a cursor to continue "
    f"from. `count` reads a key of each video, of {COUNTED} at most.",
    response_model=VideoPage,
    responses=described(422, 503),
)
def list_videos(
    query: Annotated[ListQuery, Query()], parts: Parts, request: Request, response: Response
) -> object:
    """Return one page of videos, or 304 if the client has it already."""
    wanted = Filter(
        status=query.status,
        label=query.label,
        prefix=query.prefix,
        name=query.name,
        language=language_code(query.language),
        shortest_s=query.min_duration_s,
        longest_s=query.max_duration_s,
        after=query.uploaded_after,
        before=query.uploaded_before,
    )
    begin = parts.cursors.unseal(query.cursor)
    found, cursor = page(
        parts.catalog,
        wanted,
        cursor=begin,
        limit=query.limit,
        oldest_first=query.sort == "oldest",
    )
    counted = query.count and wanted.is_counted
    total = parts.catalog.timeline.number(label=wanted.label, most=COUNTED) if counted else None

    def shown(sign: Sign) -> VideoPage:
        return VideoPage(
            videos=[views.item(video, sign) for video in found],
            next_cursor=parts.cursors.seal(cursor),
            total=total,
        )

    age = caching.signed_since(parts.settings.presign_s)
    unchanged = caching.revalidate(request, response, shown(views.unsigned), age)
    return unchanged or shown(parts.artifacts.url)
