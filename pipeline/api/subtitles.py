"""Routes: the subtitles and chapters that came with a video's file."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from pipeline.api import caching
from pipeline.api.context import Parts
from pipeline.api.files import answer
from pipeline.api.lookup import FoundVideo, artifact
from pipeline.api.problems import Problem, described
from pipeline.results import artifact_view
from pipeline.stages.transcode.chapters import Chapters

router = APIRouter(prefix="/videos/{video_id}", tags=["playback"])

_VTT = "text/vtt; charset=utf-8"
_EXAMPLE = "WEBVTT\n\n00:00:00.400 --> 00:00:02.100\nA red circle.\n"

Format = Literal["json", "vtt"]


class SubtitlesView(BaseModel):
    """One track of subtitles."""

    number: int
    name: str = Field(description="Its title, else its number and language")
    language: str | None = Field(description="Language tag, e.g. eng")
    default: bool = Field(description="The file shows it unless another one is chosen")
    forced: bool = Field(description="Only what has to be read in any case")


class SubtitlesList(BaseModel):
    """All tracks of subtitles, in the file's order."""

    subtitles: list[SubtitlesView]


@router.get(
    "/subtitles",
    summary="List the subtitles of the file",
    description="Text subtitles that were in the uploaded file, in its order; "
    "`/subtitles/1.vtt` is the first one. The transcript's captions are at `/transcript.vtt`.",
    response_model=SubtitlesList,
    responses=described(404, 409, 410, 422, 503),
)
def list_subtitles(video: FoundVideo, request: Request, response: Response) -> object:
    """Return the subtitles of the video, or 304 if the client has them already."""
    result, _ = artifact(video, "subtitles_vtt", "subtitles")
    found = SubtitlesList.model_validate({"subtitles": result.summary["subtitles"]})
    return caching.revalidate(request, response, found) or found


@router.get(
    "/subtitles/{number}.vtt",
    summary="Get subtitles as WebVTT",
    response_class=Response,
    responses=described(404, 409, 410, 422, 503)
    | {200: {"description": "The subtitles", "content": {"text/vtt": {"example": _EXAMPLE}}}},
)
def get_subtitles(
    video: FoundVideo,
    parts: Parts,
    request: Request,
    number: Annotated[int, Path(ge=1, description="As `/subtitles` gives it", examples=[1])],
) -> Response:
    """Return one track of subtitles."""
    result, _ = artifact(video, "subtitles_vtt", "subtitles")
    files = [
        one
        for owner, one in artifact_view.of_video(video, role="subtitles_vtt")
        if owner.prefix == result.prefix
    ]
    if number > len(files):
        raise Problem(
            404, "unknown_subtitles", f"{video.upload.name} has {len(files)} tracks of subtitles."
        )
    return answer(video, (result, files[number - 1]), parts, request, _VTT)


@router.get(
    "/chapters",
    summary="Get the chapters of the file",
    description="`json` has start and end in seconds, and titles; `vtt` suits a `<track>`.",
    response_class=Response,
    responses=described(404, 409, 410, 422, 503)
    | {
        200: {
            "model": Chapters,
            "description": "The chapters",
            "content": {
                "text/vtt": {"example": "WEBVTT\n\n00:00:00.000 --> 00:01:00.000\nIntro\n"},
            },
        }
    },
)
def get_chapters(
    video: FoundVideo,
    parts: Parts,
    request: Request,
    form: Annotated[Format, Query(alias="format")] = "json",
) -> Response:
    """Return the chapters in the requested format."""
    found = artifact(video, f"chapters_{form}", "chapters")
    media_type = "application/json" if form == "json" else _VTT
    return answer(video, found, parts, request, media_type)
