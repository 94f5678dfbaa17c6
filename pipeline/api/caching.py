"""Validators: an answer that has not changed need not be sent again."""

from hashlib import blake2s

from fastapi import Request, Response

# Ask each time whether it changed; never keep it for others, since it may hold signed URLs.
REVALIDATE = "private, no-cache"


def etag(*parts: object) -> str:
    """A weak ETag (it does not depend on compression) that changes with any of ``parts``."""
    digest = blake2s(repr(parts).encode(), digest_size=12).hexdigest()
    return f'W/"{digest}"'


def headers(tag: str) -> dict[str, str]:
    """What a response with this ETag carries, whether or not it has a body."""
    return {"ETag": tag, "Cache-Control": REVALIDATE}


def unchanged(request: Request, tag: str) -> Response | None:
    """The 304 answer, if the client already holds what ``tag`` stands for."""
    held = {one.strip() for one in request.headers.get("If-None-Match", "").split(",")}
    return Response(status_code=304, headers=headers(tag)) if held & {tag, "*"} else None
