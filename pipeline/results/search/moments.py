"""Moments as people see them, and the counts beside them."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from pipeline.core.records import VideoStatus


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class Mark(_View):
    """A part of a snippet to highlight."""

    start: int = Field(description="Index of its first character (code points)")
    end: int = Field(description="Index after its last character")


class Snippet(_View):
    """Words around a moment, as plain text."""

    text: str = Field(description="Plain text: escape it before you make markup of it")
    marks: list[Mark] = Field(description="What was searched for, in order")


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
    labels: list[str] = Field(description="The labels searched for, in view near it")
    more: int = Field(description="Further moments in this video; `video` lists them")
    poster: str | None = Field(description="Presigned URL of an image of the video")
    links: dict[str, str] = Field(
        description="Paths: `video`, `page` (plays from the moment), and `storyboard`, whose tile "
        "at `start` is its picture",
        examples=[{"page": "/#/videos/5c1e6f0a9b3d27481f60?t=12.3"}],
    )


class Count(_View):
    """The number of videos with a value."""

    value: str
    videos: int


class Facets(_View):
    """Counts over the videos that match, among those that this request examined."""

    labels: list[Count]
    languages: list[Count]
    videos: int
    moments: int
    complete: bool = Field(description="False if there are more than this request examined")


class MomentPage(_View):
    """Moments, the best first."""

    moments: list[MomentView]
    facets: Facets
    next_cursor: str | None = Field(
        description="Pass it as `cursor` for the next page; null at the end. A page may be short, "
        "or empty, and still have one."
    )
