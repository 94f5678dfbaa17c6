"""A stream of server-sent events: what the log gets, and the progress of some videos.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import anyio
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from pipeline.api.shared_reads import LOOK_S, PROGRESS_S, SharedReads
from pipeline.core.records import Video
from pipeline.core.status import VideoStatus
from pipeline.results import video_view as views

_SILENCE_S = 15.0  # proxies close a connection that is silent for long
_RETRY_MS, _RETRY_BOUNDED_MS = 1000, 3000


class Progress(BaseModel):
    """The data of `progress`: of a video that was asked for, whenever it has changed."""

    video_id: str
    status: VideoStatus
    progress: float = Field(description="Percent over all stages")
    stages: list[views.StageProgress]


class EventStream:
    """A stream for one client.

    Args:
        reads: the log of events, and the videos.
        position: position in the log after which to begin; None for its present end.
        videos: ids of the videos whose progress is sent, too.
        seconds: how long it stays open; 0 for one look.
    """

    def __init__(
        self, reads: SharedReads, *, position: int | None, videos: list[str], seconds: float
    ) -> None:
        self._reads = reads
        self._position = position
        self._videos = videos
        self._seconds = seconds
        self._told: dict[str, str] = {}
        self._due = 0.0

    def open(self) -> str:
        """Return the beginning: where the client continues from, and how soon, if it is cut."""
        if self._position is None:
            self._position = self._reads.last()
        retry = _RETRY_MS if self._seconds else _RETRY_BOUNDED_MS
        return f"retry: {retry}\nid: {self._position}\n\n"

    def look(self) -> str:
        """Return what is new, which may be nothing."""
        return "".join([*self._events(), *self._progress()])

    async def follow(self, is_over: Callable[[], Awaitable[bool]]) -> AsyncIterator[str]:
        """Yield the stream.

        Args:
            is_over: returns True once the client has gone.
        """
        end, heard = time.monotonic() + self._seconds, time.monotonic()
        yield await run_in_threadpool(self.look)
        while time.monotonic() < end and not await is_over():
            await anyio.sleep(LOOK_S)
            if found := await run_in_threadpool(self.look):
                heard = time.monotonic()
                yield found
            elif time.monotonic() - heard > _SILENCE_S:
                heard = time.monotonic()
                yield ":\n\n"

    def _events(self) -> Iterator[str]:
        for one in self._reads.after(self._position or 0):
            self._position = one.position
            data = json.dumps(one.event.payload)
            yield f"id: {one.position}\nevent: {one.event.type}\ndata: {data}\n\n"

    def _progress(self) -> Iterator[str]:
        if not self._videos or time.monotonic() < self._due:
            return
        self._due = time.monotonic() + PROGRESS_S
        for video in self._reads.videos(self._videos):
            data = progress(video).model_dump_json()
            if self._told.get(video.video_id) != data:
                self._told[video.video_id] = data
                yield f"event: progress\ndata: {data}\n\n"


def progress(video: Video) -> Progress:
    """Return the progress of a video."""
    return Progress(
        video_id=video.video_id,
        status=video.status,
        progress=views.progress(video),
        stages=views.states(video),
    )
