"""Route: search over all videos."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from pipeline.api import caching
from pipeline.api.context import Parts
from pipeline.api.parameters import language_code
from pipeline.api.problems import described
from pipeline.core.status import ListedStatus
from pipeline.core.validation import Moment
from pipeline.results.search import moments, query
from pipeline.results.search.moments import MomentPage
from pipeline.results.search.search import CALLS, MOST
from pipeline.results.video_view import unsigned

router = APIRouter(tags=["search"])


class SearchQuery(BaseModel):
    """The query, and the page of moments to return."""

    q: str = Field(
        "",
        max_length=300,
        description="Words that are said, that a label in view has, or the file's name. "
        '`heart attack` finds both words, `"heart attack"` in this order, `card*` words that begin '
        "so; `-attack` leaves out videos with this word. Words match in all their forms, and "
        "without accents.",
        examples=['"heart attack" -card*'],
    )
    label: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(
        [], max_length=5, description="Labels of objects, all of them in view", examples=[["dog"]]
    )
    within: str = Field(
        f"{query.WITHIN_S:g}s",
        pattern=r"^\d{1,4}(\.\d{1,3})?s?$",
        description="Everything happens within so many seconds",
        examples=["5s"],
    )
    min_confidence: float = Field(0, ge=0, le=1, description="Of the labels")
    language: str | None = Field(
        None, max_length=35, description="Of most of the speech", examples=["de"]
    )
    status: ListedStatus | None = None
    uploaded_after: Moment | None = Field(
        None, description="At this time or later", examples=["2026-01-31T00:00:00Z"]
    )
    uploaded_before: Moment | None = Field(
        None, description="Before this time", examples=["2026-02-01T00:00:00Z"]
    )
    video: str | None = Field(
        None, pattern=r"^[0-9a-f]{20}$", description="Only the video with this id"
    )
    per_video: int = Field(5, ge=1, le=1000, description="Moments of one video, at most")
    limit: int = Field(20, ge=1, le=20)
    cursor: str | None = Field(None, max_length=400, description="`next_cursor` of a page")


@router.get(
    "/search",
    summary="Search what is said and seen",
    description="Moments of the current results, the best first: those in which the words are "
    f"close to each other, then the latest videos. A request examines at most {MOST} videos that "
    f"may match, by at most {CALLS} reads; the pages after it examine the others. All pages "
    "together have every moment once. `facets` count the videos that this request examined.",
    response_model=MomentPage,
    responses=described(422, 503),
)
def search(
    asked: Annotated[SearchQuery, Query()], parts: Parts, request: Request, response: Response
) -> object:
    """Return one page of moments, or 304 if the client has it already."""
    begin = parts.cursors.unseal(asked.cursor)
    found = parts.search.find(_query(asked), cursor=begin, limit=asked.limit)
    found = found._replace(next_cursor=parts.cursors.seal(found.next_cursor))
    shown = moments.page(found, unsigned)
    age = caching.signed_since(parts.settings.presign_s)
    unchanged = caching.revalidate(request, response, shown, age)
    return unchanged or moments.page(found, parts.artifacts.url)


def _query(asked: SearchQuery) -> query.Query:
    return query.Query(
        asked.q,
        labels=tuple(dict.fromkeys(label.lower() for label in asked.label)),
        within_s=float(asked.within.removesuffix("s")),
        min_confidence=asked.min_confidence,
        language=language_code(asked.language),
        status=asked.status,
        after=asked.uploaded_after,
        before=asked.uploaded_before,
        video_id=asked.video,
        per_video=asked.per_video,
    )
