"""Route: the storyboard as WebVTT with presigned images."""

import posixpath

from fastapi import APIRouter, Response

from pipeline.api import caching
from pipeline.api.context import Parts
from pipeline.api.lookup import FoundVideo, artifact
from pipeline.api.playlist import relative, within
from pipeline.api.problems import described

router = APIRouter(prefix="/videos/{video_id}", tags=["playback"])

MEDIA_TYPE = "text/vtt; charset=utf-8"


@router.get(
    "/storyboard.vtt",
    summary="Get the thumbnails for scrubbing",
    description="WebVTT in the form that players use for scrubbing: each cue is the presigned URL "
    "of a sprite sheet with `#xywh=`, the rectangle to show.",
    response_class=Response,
    responses=described(404, 409, 410, 422, 503)
    | {200: {"description": "The storyboard", "content": {"text/vtt": {"example": "WEBVTT\n"}}}},
)
def get_storyboard(video: FoundVideo, parts: Parts) -> Response:
    """Return the storyboard with presigned sheets."""
    result, found = artifact(video, "storyboard_vtt", "a storyboard")
    folder = posixpath.dirname(found.name)
    sign = parts.artifacts.urls(result.prefix, lasts_s=parts.lasts_s(video))
    here = f"/videos/{video.video_id}/storyboard.vtt"
    lines = []
    for line in parts.artifacts.read(result.prefix + found.name).decode().splitlines():
        uri, mark, rectangle = line.partition("#xywh=")
        sheet = relative(sign(within(folder, uri)), here) if mark else uri
        lines.append(f"{sheet}{mark}{rectangle}")
    return Response(
        "\n".join(lines) + "\n",
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": caching.REVALIDATE},
    )
