"""Routes: detections in a video, by frame and by object."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from pipeline.api import caching
from pipeline.api.context import Parts
from pipeline.api.lookup import FoundVideo, artifact
from pipeline.api.problems import described
from pipeline.core.errors import BadInput
from pipeline.stages.detect.detections import Frame, Track, Wanted

router = APIRouter(prefix="/videos/{video_id}", tags=["detections"])

_CURSOR = Field(description="Pass it as `cursor` for the next page; null at the end")

Item = TypeVar("Item")


class FramePage(BaseModel):
    """Frames with a selected object, in order of time."""

    frames: list[Frame]
    next_cursor: str | None = _CURSOR


class TrackPage(BaseModel):
    """Objects, in the order in which they leave the view."""

    tracks: list[Track]
    next_cursor: str | None = _CURSOR


class DetectionQuery(BaseModel):
    """A selection of detections."""

    label: str | None = Field(None, min_length=1, max_length=100, examples=["dog"])
    start: float = Field(0, ge=0, description="Seconds: only from here on")
    end: float | None = Field(None, ge=0, description="Seconds: only up to here")
    min_confidence: float = Field(0, ge=0, le=1)
    limit: int = Field(100, ge=1, le=1000)
    cursor: str | None = Field(None, max_length=100, description="`next_cursor` of a page")

    @property
    def wanted(self) -> Wanted:
        """Return the filter."""
        end = float("inf") if self.end is None else self.end
        return Wanted(self.label, self.start, end, self.min_confidence)


@dataclass(frozen=True)
class Asked:
    """A request to either route, and its response."""

    video: FoundVideo
    query: Annotated[DetectionQuery, Query()]
    parts: Parts
    request: Request
    response: Response

    def answer(
        self,
        role: str,
        wanted: Callable[[Iterator[bytes]], Iterator[tuple[int, Item]]],
        page: Callable[[list[Item], str | None], BaseModel],
    ) -> object:
        """Return one page of the file with this role, or 304 if the client has it already."""
        result, file = artifact(self.video, role, "detections")
        content_id = caching.content_id(result, file)
        tag = caching.etag(content_id, self.query)
        if answer := caching.unchanged(self.request, tag):
            return answer
        self.response.headers.update(caching.headers(tag))
        chunks = self.parts.artifacts.stream(result.prefix + file.name)
        begin = self.parts.cursors.unseal(self.query.cursor)
        first = _index(begin, content_id) if begin else 0
        found, more = _page(wanted(chunks), first, self.query.limit)
        cursor = None if more is None else f"{more}-{content_id[:12]}"
        return page(found, self.parts.cursors.seal(cursor))


@router.get(
    "/detections",
    summary="List the objects in a video by frame",
    description="Frames in order of time, each with the selected objects; frames without any are "
    "left out. The label summary with intervals is in the stage's `summary` of the video.",
    response_model=FramePage,
    responses=described(404, 409, 410, 422, 503),
)
def list_frames(asked: Annotated[Asked, Depends()]) -> object:
    """Return one page of frames."""
    wanted = asked.query.wanted.frames
    return asked.answer(
        "detections_json", wanted, lambda found, more: FramePage(frames=found, next_cursor=more)
    )


@router.get(
    "/detections/tracks",
    summary="List the objects in a video, each once",
    description="One entry for each object from where it appears to where it is lost.",
    response_model=TrackPage,
    responses=described(404, 409, 410, 422, 503),
)
def list_tracks(asked: Annotated[Asked, Depends()]) -> object:
    """Return one page of tracks."""
    wanted = asked.query.wanted.tracks
    return asked.answer(
        "tracks_json", wanted, lambda found, more: TrackPage(tracks=found, next_cursor=more)
    )


def _page(
    found: Iterator[tuple[int, Item]], first: int, limit: int
) -> tuple[list[Item], int | None]:
    """Return at most ``limit`` of the items, from an index on, and the index of the next one."""
    page: list[Item] = []
    for index, item in found:
        if len(page) == limit:
            return page, index
        if index >= first:
            page.append(item)
    return page, None


def _index(cursor: str, content_id: str) -> int:
    """Return the index at which a page begins; a cursor is valid only for its own file."""
    index, _, of = cursor.partition("-")
    if of != content_id[:12]:
        raise BadInput("invalid_cursor", "The result is a new one. Start without a cursor.")
    return int(index)
