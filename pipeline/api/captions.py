"""Route: captions that were uploaded beside a video, as WebVTT."""

from pathlib import PurePosixPath
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from pipeline.api import caching
from pipeline.api.context import Context, Parts
from pipeline.api.lookup import FoundVideo
from pipeline.api.problems import described
from pipeline.core.disposition import content_disposition
from pipeline.core.errors import NotFound
from pipeline.core.records import Video
from pipeline.core.sidecar import Sidecar
from pipeline.results.captions import to_webvtt

router = APIRouter(prefix="/videos/{video_id}", tags=["transcript"])


@router.get(
    "/captions/{name}",
    summary="Get uploaded captions",
    description="SubRip or WebVTT that was uploaded beside the video, as WebVTT. Take the address "
    "from `captions` of the video. 422 if the file has no captions.",
    response_class=Response,
    responses=described(404, 410, 422, 503)
    | {200: {"description": "The captions", "content": {"text/vtt": {"example": "WEBVTT\n"}}}},
)
def get_captions(
    video: FoundVideo,
    name: Annotated[str, Path(description="File name", examples=["holiday.de.srt"])],
    parts: Parts,
    request: Request,
) -> Response:
    """Return the captions in the file of this name."""
    found = beside(video, name, parts)
    tag = caching.etag(found.etag, found.version_id)
    if answer := caching.unchanged(request, tag):
        return answer
    saved_as = str(PurePosixPath(name).with_suffix(".vtt"))
    disposition = content_disposition("inline", saved_as)
    return Response(
        to_webvtt(parts.artifacts.captions(found)),
        media_type="text/vtt; charset=utf-8",
        headers={**caching.headers(tag), "Content-Disposition": disposition},
    )


def beside(video: Video, name: str, parts: Context) -> Sidecar:
    """Return the captions of this name beside a video.

    Raises:
        NotFound: ``unknown_captions``.
    """
    for found in parts.catalog.sidecars.of(video.upload):
        if found.name == name:
            return found
    raise NotFound("unknown_captions", f"{video.upload.name} has no captions {name}.")
