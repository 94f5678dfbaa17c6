"""Route: the events of the installation as they come."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from pipeline.api.context import Parts
from pipeline.api.event_stream import EventStream
from pipeline.api.problems import described

router = APIRouter(tags=["events"])

_MEDIA_TYPE = "text/event-stream"
_EXAMPLE = {
    "id": "42",
    "event": "video.ready",
    "data": '{"type": "video.ready", "timestamp": "2026-01-31T12:00:00Z", "data": {}}',
}
# OpenAPI 3.1 has no word for a stream: this describes each of its events.
_EVENT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "The place to continue from"},
        "event": {"type": "string", "description": "The type, or `progress`"},
        "data": {"type": "string", "description": "JSON: what a webhook gets, or `Progress`"},
    },
}
_STREAM: dict[str, Any] = {
    "description": "Server-sent events",
    "content": {_MEDIA_TYPE: {"schema": _EVENT, "example": _EXAMPLE}},
}
# Proxies that collect answers, such as nginx, pass this one on as it comes.
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

VideoId = Annotated[str, Field(pattern=r"^[0-9a-f]{20}$")]


class StreamQuery(BaseModel):
    """The beginning of a stream, and the videos to tell the progress of."""

    after: int | None = Field(
        None,
        ge=0,
        lt=10**16,
        description="Begin after this event; the header `Last-Event-ID` goes before it. By "
        "default the stream begins now",
    )
    video: list[VideoId] = Field(
        [], max_length=100, description="Also send `progress` of these videos"
    )


@router.get(
    "/events",
    summary="Follow the events as they come",
    description="Server-sent events. `event` is the type, `data` what a webhook gets, and `id` the "
    "place to continue from: send the last one as `Last-Event-ID`, and none is lost for two weeks. "
    "An event may come twice; its `data.id` stays the same. Where answers cannot be streamed, as "
    "on Lambda, the answer has what is new and ends; `retry` says when to ask again.",
    response_class=StreamingResponse,
    responses={200: _STREAM, **described(422, 503)},
)
async def follow_events(
    query: Annotated[StreamQuery, Query()],
    parts: Parts,
    request: Request,
    last_event_id: Annotated[
        str | None, Header(pattern=r"^[0-9]{1,16}$", description="The last `id` received")
    ] = None,
) -> StreamingResponse:
    """Return the stream."""
    stream = EventStream(
        parts.shared_reads,
        position=int(last_event_id) if last_event_id else query.after,
        videos=list(dict.fromkeys(query.video)),
        seconds=parts.settings.stream_s,
    )
    opening = await run_in_threadpool(stream.open)

    async def body() -> Any:
        yield opening
        async for part in stream.follow(request.is_disconnected):
            yield part

    return StreamingResponse(body(), media_type=_MEDIA_TYPE, headers=_HEADERS)
