"""ETags, so that an unchanged response is not sent again."""

import time
from hashlib import blake2s, sha256

from fastapi import Request, Response
from pydantic import BaseModel

from pipeline.core.records import PublishedArtifact, StageResult

# Revalidate each time; not stored by shared caches, since the response may have signed URLs.
REVALIDATE = "private, no-cache"


def etag(*parts: object) -> str:
    """Return a weak ETag (independent of compression) that changes with any of ``parts``."""
    digest = blake2s(repr(parts).encode(), digest_size=12).hexdigest()
    return f'W/"{digest}"'


def content_id(result: StageResult, file: PublishedArtifact) -> str:
    """Return an id of a file's content, which is never overwritten: its SHA-256, or of its key."""
    return file.sha256 or sha256((result.prefix + file.name).encode()).hexdigest()


def headers(tag: str) -> dict[str, str]:
    """Return the headers of a response with this ETag, with or without a body."""
    return {"ETag": tag, "Cache-Control": REVALIDATE}


def revalidate(
    request: Request, response: Response, shown: BaseModel, *more: object
) -> Response | None:
    """Give a response its ETag; return a 304 response if the client has it already.

    Args:
        request: the request.
        response: gets the headers.
        shown: the body, without signatures, which differ each time.
        more: other parts of the ETag.
    """
    tag = etag(shown.model_dump_json(), *more)
    response.headers.update(headers(tag))
    return unchanged(request, tag)


def signed_since(lasts_s: float) -> int:
    """Return a part of an ETag that changes early enough for a client to get new signed URLs.

    Args:
        lasts_s: lifetime of the URLs.
    """
    return int(time.time() / (lasts_s / 2))


def unchanged(request: Request, tag: str) -> Response | None:
    """Return a 304 response if the client has the version of ``tag`` already."""
    held = {one.strip() for one in request.headers.get("If-None-Match", "").split(",")}
    return Response(status_code=304, headers=headers(tag)) if held & {tag, "*"} else None
