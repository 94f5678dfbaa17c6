"""Routes: captions as players of HLS ask for them, with the signature of the playlist."""

from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Request, Response

from pipeline.api import caching, caption_tracks, captions, files
from pipeline.api.context import Parts
from pipeline.api.lookup import FoundVideo, artifact
from pipeline.api.playlist import MEDIA_TYPE, signed
from pipeline.api.problems import described

router = APIRouter(prefix=f"/playlists/{{video_id}}/{caption_tracks.FOLDER}", tags=["playback"])

_VTT = "text/vtt; charset=utf-8"
Signature = Annotated[str, Depends(signed)]
Form = Annotated[Literal["m3u8", "vtt"], Path(description="The playlist, or its one segment")]

_RESPONSES = described(403, 404, 409, 410, 422, 503) | {
    200: {
        "description": "The playlist, or the captions",
        "content": {MEDIA_TYPE: {"example": "#EXTM3U\n"}, "text/vtt": {"example": "WEBVTT\n"}},
    }
}


@router.get(
    f"/{caption_tracks.TRANSCRIPT}.{{form}}",
    summary="Get the transcript's captions in HLS",
    description="The master playlist lists them as soon as there are any.",
    response_class=Response,
    responses=_RESPONSES,
)
def transcript_track(
    signature: Signature, video: FoundVideo, form: Form, parts: Parts, request: Request
) -> Response:
    """Return the playlist of the transcript's captions, or these."""
    found = artifact(video, "captions_vtt", "a transcript")
    if form == "m3u8":
        return _playlist(video, f"{caption_tracks.TRANSCRIPT}.vtt?{signature}")
    return files.answer(video, found, parts, request, _VTT)


@router.get(
    f"/{caption_tracks.UPLOADED}/{{name}}.{{form}}",
    summary="Get uploaded captions in HLS",
    description="The master playlist lists those beside the video.",
    response_class=Response,
    responses=_RESPONSES,
)
def uploaded_track(
    signature: Signature,
    video: FoundVideo,
    name: Annotated[str, Path(description="File name", examples=["holiday.de.srt"])],
    form: Form,
    parts: Parts,
    request: Request,
) -> Response:
    """Return the playlist of captions that were uploaded beside the video, or these."""
    if form == "m3u8":
        found = captions.beside(video, name, parts)
        return _playlist(video, f"{quote(found.name)}.vtt?{signature}")
    return captions.get_captions(video, name, parts, request)


def _playlist(video: FoundVideo, uri: str) -> Response:
    duration_s = video.probe.duration_s if video.probe else 0.0
    return Response(
        caption_tracks.playlist(duration_s, uri),
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": caching.REVALIDATE},
    )
