"""A catalog and artifacts in memory, with the read interface that the API uses."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, cast

import httpx
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.api.app import create_app
from pipeline.api.context import Context
from pipeline.api.playback import Playback
from pipeline.aws.artifacts import Artifacts
from pipeline.aws.catalog import Catalog
from pipeline.aws.catalog.table import iso
from pipeline.core.events import Upload
from pipeline.core.records import Cost, Failure, PublishedArtifact, StageResult, StageRun, Video
from pipeline.core.settings import Settings
from pipeline.core.sidecar import Sidecar
from pipeline.core.stage import Notice
from pipeline.core.status import StageState
from pipeline.replays.store import Replays
from tests.fakes.replays import FakeReplays

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORIGIN = "https://files.example"
KEY = bytes(range(32))


def upload(number: int = 0, **given: Any) -> Upload:
    fields = {
        "event_id": "event",
        "time": START + timedelta(minutes=number),
        "bucket": "uploads",
        "key": f"videos/clip-{number:03d}.mp4",
        "sequencer": f"{number:040d}",
        "size": 1000,
        "etag": "e",
    }
    return Upload(**fields | given)


def result(
    source: Upload, stage: str, files: dict[str, str] | None = None, **given: Any
) -> StageResult:
    """Make a result whose files are given as name: role."""
    fields = {
        "stage": stage,
        "version": "1",
        "fingerprint": f"{stage}-fingerprint",
        "content_id": source.content_id,
        "revision": source.revision,
        "attempt": 1,
        "prefix": f"artifacts/{source.video_id}/{stage}/",
        "params": {"quality": 23},
        "identity": {"model": "tiny"},
        "artifacts": [
            PublishedArtifact(
                name=name, role=role, media_type="text/plain", bytes=10, sha256=f"sha of {name}"
            )
            for name, role in (files or {}).items()
        ],
        "summary": {},
        "warnings": [],
        "labels": [],
        "cost": Cost(seconds=2, media_seconds=10, cpu_seconds=1.5, bytes_in=1000, bytes_out=300),
        "queued_at": source.time,
        "started_at": source.time + timedelta(seconds=10),
        "finished_at": source.time + timedelta(seconds=30),
    }
    return StageResult(**fields | given)


def run(
    source: Upload, stage: str, state: StageState, made: StageResult | None = None, **given: Any
) -> StageRun:
    fields = {
        "stage": stage,
        "state": state,
        "revision": source.revision,
        "sequencer": source.sequencer,
        "attempt": 1,
        "result": made,
        "result_revision": made and made.revision,
    }
    return StageRun(**fields | given)


def done(source: Upload, stage: str, files: dict[str, str] | None = None, **given: Any) -> StageRun:
    made = result(source, stage, files, **given)
    return run(source, stage, "succeeded", made, progress=100, finished_at=made.finished_at)


def failed(source: Upload, stage: str, message: str = "It is empty.") -> StageRun:
    error = Failure(failure_class="bad_input", code="empty_file", message=message, retryable=False)
    end = source.time + timedelta(seconds=20)
    return run(source, stage, "failed", error=error, progress=40, finished_at=end)


def video(source: Upload, *runs: StageRun, **given: Any) -> Video:
    return Video(
        video_id=source.video_id, upload=source, stages={one.stage: one for one in runs}, **given
    )


def warning(code: str = "no_speech") -> Notice:
    return Notice(code=code, message="No speech was found in the sound.")


def signature(source: Upload) -> str:
    """Return the query string that signs URLs of its playlists now."""
    return Playback(lambda: KEY).query(source.video_id, lasts_s=Settings().presign_s)


class FakeKeys:
    """Secret keys: one for all names."""

    def get(self, _: str) -> bytes:
        return KEY


class FakeSidecars:
    """Captions beside videos, the same for all of them."""

    def __init__(self) -> None:
        self.found: list[Sidecar] = []

    def of(self, _: Upload) -> list[Sidecar]:
        return self.found


class FakeNamed:
    """An index of names; with None in ``found``, too many to be looked up."""

    def __init__(self) -> None:
        self.found: list[str] | None = None

    def places(self, _: str) -> list[str] | None:
        return self.found


class FakeCatalog:
    """A catalog that counts its reads; ``places`` may have stale places."""

    def __init__(self, videos: Iterable[Video] = (), *, places: list[str] | None = None) -> None:
        self._videos = {one.video_id: one for one in videos}
        ours = [place(one) for one in self._videos.values() if not one.deleted_at]
        self._places = sorted(ours if places is None else places, reverse=True)
        self.keys = FakeKeys()
        self.sidecars = FakeSidecars()
        self.named = FakeNamed()
        self.timeline = self
        self.read = 0
        self.walked = 0
        self.error: Exception | None = None

    def video(self, video_id: str) -> Video | None:
        if self.error:
            raise self.error
        return self._videos.get(video_id)

    def at_work(self, video: Video) -> dict[str, int]:
        return {stage: 2 for stage, run in video.stages.items() if run.spread}

    def videos(self, video_ids: list[str], **_: bool) -> list[Video]:
        self.read += len(video_ids)
        return [self._videos[one] for one in video_ids if one in self._videos]

    def newest(
        self, *, before: str | None = None, label: str | None = None, at_once: int = 0
    ) -> Iterator[str]:
        del label, at_once  # an index that is always behind: it has every label
        for one in self._places:
            if before is None or one < before:
                self.walked += 1
                yield one

    def oldest(
        self, *, after: str | None = None, label: str | None = None, at_once: int = 0
    ) -> Iterator[str]:
        del label, at_once
        for one in reversed(self._places):
            if after is None or one > after:
                self.walked += 1
                yield one

    def number(self, *, label: str | None = None, most: int) -> int:
        del label
        return min(most, len(self._places))


def place(one: Video) -> str:
    return f"{iso(one.upload.time)}#{one.video_id}"


class FakeArtifacts:
    """Files by key; a URL has the arguments that it was signed with.

    Attributes:
        lasting: lifetimes of signed URLs, by key.
    """

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self.files = files or {}
        self.lasting: dict[str, float | None] = {}
        self.chunks_read = 0
        self.signed: list[str] = []
        self.error: Exception | None = None

    def read(self, key: str) -> bytes:
        if self.error:
            raise self.error
        return self.files[key]

    def captions(self, sidecar: Sidecar) -> bytes:
        return self.read(sidecar.key)

    def stream(self, key: str, size: int = 64) -> Iterator[bytes]:
        content = self.read(key)
        for start in range(0, len(content), size):
            self.chunks_read += 1
            yield content[start : start + size]

    def url(self, key: str, *, download_as: str | None = None, lasts_s: float | None = None) -> str:
        self.lasting[key] = lasts_s
        self.signed.append(key)
        name = f"&as={download_as}" if download_as else ""
        return f"{ORIGIN}/{key}?signed{name}"

    def urls(self, prefix: str, *, lasts_s: float) -> Callable[[str], str]:
        return cache(lambda name: self.url(prefix + name, lasts_s=lasts_s))


@cache
def app() -> FastAPI:
    """Return one app for a whole process: FastAPI builds each route of an app at its first use."""
    return create_app()


class Parted:
    """The app of the process with parts and middleware of its own."""

    def __init__(self, parts: Context) -> None:
        self._parts = parts
        self._middleware = app().build_middleware_stack()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The routes and the middleware hold this one context: it gets the attributes of ours.
        app().state.context.__dict__ = self._parts.__dict__
        app().middleware_stack = self._middleware
        await app()(scope, receive, send)


class Client:
    """A client that calls an app like a browser, but without a socket."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.base_url = "http://api"

    def get(self, path: str, **given: Any) -> httpx.Response:
        return self.request("GET", path, **given)

    def request(self, method: str, path: str, **given: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=self.base_url) as api:
                return await api.request(method, path, **given)

        return asyncio.run(ask())


def client(
    *videos: Video,
    catalog: FakeCatalog | None = None,
    artifacts: FakeArtifacts | None = None,
    replays: FakeReplays | None = None,
    **settings: Any,
) -> Client:
    """Make the API with these parts; ``settings`` override the defaults."""
    parts = Context(
        Settings().model_copy(update=settings),
        cast("Catalog", catalog or FakeCatalog(videos)),
        cast("Artifacts", artifacts or FakeArtifacts()),
        cast("Replays", replays or FakeReplays()),
    )
    return Client(Parted(parts))
