"""Routes: the transcript of a video, as JSON, captions or plain text."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from pipeline.api.context import Parts
from pipeline.api.files import answer
from pipeline.api.lookup import FoundVideo, artifact
from pipeline.api.problems import described
from pipeline.stages.transcribe.transcript import Transcript

router = APIRouter(prefix="/videos/{video_id}", tags=["transcript"])

Format = Literal["json", "vtt", "srt", "txt"]

# Artifact role and Content-Type of each format.
_FORMATS: dict[Format, tuple[str, str]] = {
    "json": ("transcript_json", "application/json"),
    "vtt": ("captions_vtt", "text/vtt; charset=utf-8"),
    "srt": ("captions_srt", "application/x-subrip; charset=utf-8"),
    "txt": ("transcript_txt", "text/plain; charset=utf-8"),
}


def _answer(video: FoundVideo, parts: Parts, request: Request, form: Format) -> Response:
    role, media_type = _FORMATS[form]
    found = artifact(video, role, "a transcript")
    return answer(video, found, parts, request, media_type)


_RESPONSES = described(404, 409, 410, 422, 503) | {
    200: {
        "model": Transcript,
        "description": "The transcript; without speech it is valid and empty",
        "content": {
            "text/vtt": {"example": "WEBVTT\n\n00:00:00.400 --> 00:00:02.100\nA red circle.\n"},
            "application/x-subrip": {
                "example": "1\n00:00:00,400 --> 00:00:02,100\nA red circle.\n"
            },
            "text/plain": {"example": "A red circle.\n"},
        },
    }
}


@router.get(
    "/transcript",
    summary="Get the transcript",
    description="`json` has segments and words with times and probabilities; `vtt` and `srt` are "
    "captions of at most two lines; `txt` is the text alone. 409 while it is not ready.",
    response_class=Response,
    responses=_RESPONSES,
)
def get_transcript(
    video: FoundVideo,
    parts: Parts,
    request: Request,
    form: Annotated[Format, Query(alias="format")] = "json",
) -> Response:
    """Return the transcript in the requested format."""
    return _answer(video, parts, request, form)


@router.get(
    "/transcript.{form}",
    summary="Get the transcript by file name",
    description="The same, at an address that suits a `<track>` or a download.",
    response_class=Response,
    responses=_RESPONSES,
)
def get_transcript_file(
    video: FoundVideo, parts: Parts, request: Request, form: Format
) -> Response:
    """Return the transcript in the format of the file name."""
    return _answer(video, parts, request, form)
