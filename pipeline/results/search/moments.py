"""Moments as people see them."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from pipeline.core.status import VideoStatus
from pipeline.results.artifact_view import Sign
from pipeline.results.search.facets import Facets
from pipeline.results.search.search import Found, Hit
from pipeline.results.search.snippets import Snippet


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class MomentView(_View):
    """A moment in a video."""

    video_id: str
    name: str = Field(description="File name of the video", examples=["talk.mp4"])
    uploaded_at: datetime
    status: VideoStatus
    duration_s: float | None
    language: str | None = Field(description="ISO 639 code of most of its speech")
    start: float = Field(description="Seconds; 0 where only the name has the words")
    end: float = Field(description="Seconds")
    snippet: Snippet | None = Field(description="None where nothing is said")
    more: int = Field(description="Further moments in this video; `video` lists them")
    poster: str | None = Field(description="Presigned URL of an image of the video")
    links: dict[str, str] = Field(
        description="Paths: `video`, `page` (plays from the moment), and `storyboard`, whose tile "
        "at `start` is its picture",
        examples=[{"page": "/#/videos/5c1e6f0a9b3d27481f60?t=12.3"}],
    )


class MomentPage(_View):
    """Moments, the best first."""

    moments: list[MomentView]
    facets: Facets
    next_cursor: str | None = Field(
        description="Pass it as `cursor` for the next page; null at the end. A page may be short, "
        "or empty, and still have one."
    )


def page(found: Found, sign: Sign) -> MomentPage:
    """Return the view of a page of moments.

    Args:
        found: the page.
        sign: signs the addresses of posters.
    """
    return MomentPage(
        moments=[_moment(hit, sign) for hit in found.hits],
        facets=found.facets,
        next_cursor=found.next_cursor,
    )


def _moment(hit: Hit, sign: Sign) -> MomentView:
    indexed, video = hit.indexed, hit.indexed.standing
    base = f"/videos/{indexed.video_id}"
    start = hit.moment.start / 1000
    links = {"video": base, "page": f"/#/videos/{indexed.video_id}?t={start:g}"}
    if indexed.storyboard:
        links["storyboard"] = f"{base}/storyboard.vtt"
    return MomentView(
        video_id=indexed.video_id,
        name=video.name,
        uploaded_at=video.uploaded_at,
        status=video.status,
        duration_s=video.duration_s,
        language=indexed.language,
        start=start,
        end=hit.end / 1000,
        snippet=hit.snippet,
        more=hit.more,
        poster=sign(indexed.poster) if indexed.poster else None,
        links=links,
    )
