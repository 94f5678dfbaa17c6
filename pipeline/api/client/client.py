"""The clients: all operations, and what takes several of them."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from pipeline.api.client.errors import ApiError
from pipeline.api.client.models import PartView, UploadView, VideoView
from pipeline.api.client.operations import AsyncOperations, Operations

Page = TypeVar("Page")

_EVERY_S = 1.0
_NOT_YET = 404


class Client(Operations):
    """The API, by blocking calls: ``with Client("http://127.0.0.1:8080") as api``."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def upload(
        self, file: Path, *, options: Mapping[str, str] | None = None, passthrough: Any = None
    ) -> UploadView:
        """Upload a file, part by part; ``video_id`` of what is returned is the video.

        Args:
            file: a video.
            options: of the upload, such as ``{"language": "de"}``.
            passthrough: what the video's record gives back.
        """
        size = file.stat().st_size
        begun = self.begin_upload(
            name=file.name,
            size=size,
            options=dict(options) if options else None,
            passthrough=passthrough,
        )
        with file.open("rb") as source:
            while begun.parts:
                for part in begun.parts:
                    source.seek(part.start)
                    self._put(part.url, source.read(part.size))
                begun = self.get_upload(begun.upload_id)
        return self.complete_upload(begun.upload_id)

    def wait(self, video_id: str, *, timeout_s: float = 3600) -> VideoView:
        """Wait until a video is no longer processed, and return it.

        Raises:
            TimeoutError: it is still processed.
        """
        end = time.monotonic() + timeout_s
        while True:
            try:
                found = self.get_video(video_id)
            except ApiError as error:
                if error.status != _NOT_YET:  # its event may still be on its way
                    raise
            else:
                if found.status != "processing":
                    return found
            if time.monotonic() > end:
                raise TimeoutError(f"Video {video_id} is still processed.")
            time.sleep(_EVERY_S)

    def pages(self, operation: Callable[..., Page], *args: Any, **query: Any) -> Iterator[Page]:
        """Yield all pages of a list: ``api.pages(api.list_videos, status="ready")``."""
        while True:
            page = operation(*args, **query)
            yield page
            query["cursor"] = getattr(page, "next_cursor", None)
            if query["cursor"] is None:
                return


class AsyncClient(AsyncOperations):
    """The API, by coroutines: ``async with AsyncClient("http://127.0.0.1:8080") as api``."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def upload(
        self, file: Path, *, options: Mapping[str, str] | None = None, passthrough: Any = None
    ) -> UploadView:
        """Upload a file, as ``Client.upload`` does."""
        size = (await asyncio.to_thread(file.stat)).st_size
        begun = await self.begin_upload(
            name=file.name,
            size=size,
            options=dict(options) if options else None,
            passthrough=passthrough,
        )
        while begun.parts:
            for part in begun.parts:
                await self._put(part.url, await asyncio.to_thread(_read, file, part))
            begun = await self.get_upload(begun.upload_id)
        return await self.complete_upload(begun.upload_id)

    async def wait(self, video_id: str, *, timeout_s: float = 3600) -> VideoView:
        """Wait until a video is no longer processed, as ``Client.wait`` does."""
        end = time.monotonic() + timeout_s
        while True:
            try:
                found = await self.get_video(video_id)
            except ApiError as error:
                if error.status != _NOT_YET:
                    raise
            else:
                if found.status != "processing":
                    return found
            if time.monotonic() > end:
                raise TimeoutError(f"Video {video_id} is still processed.")
            await asyncio.sleep(_EVERY_S)

    async def pages(
        self, operation: Callable[..., Awaitable[Page]], *args: Any, **query: Any
    ) -> AsyncIterator[Page]:
        """Yield all pages of a list, as ``Client.pages`` does."""
        while True:
            page = await operation(*args, **query)
            yield page
            query["cursor"] = getattr(page, "next_cursor", None)
            if query["cursor"] is None:
                return


def _read(file: Path, part: PartView) -> bytes:
    with file.open("rb") as source:
        source.seek(part.start)
        return source.read(part.size)
