"""Responses with a whole file of a result."""

from fastapi import Request, Response

from pipeline.api import caching
from pipeline.api.context import Context
from pipeline.core.disposition import content_disposition
from pipeline.core.records import PublishedArtifact, StageResult, Video
from pipeline.results.file_names import file_name


def answer(
    video: Video,
    found: tuple[StageResult, PublishedArtifact],
    context: Context,
    request: Request,
    media_type: str,
) -> Response:
    """Return a file, or 304 if the client has it already.

    Args:
        video: that the file belongs to; browsers save the file under its name.
        found: the result and its file.
        context: has the files.
        request: the request.
        media_type: Content-Type of the response.
    """
    result, file = found
    tag = caching.etag(caching.content_id(result, file))
    if unchanged := caching.unchanged(request, tag):
        return unchanged
    disposition = content_disposition("inline", file_name(video, file.name))
    return Response(
        context.artifacts.read(result.prefix + file.name),
        media_type=media_type,
        headers={**caching.headers(tag), "Content-Disposition": disposition},
    )
