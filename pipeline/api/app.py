"""The query API as one ASGI app, served by uvicorn or, on Lambda, by Mangum."""

from fastapi import Depends, FastAPI
from starlette.middleware.gzip import GZipMiddleware

import pipeline
from pipeline.api import (
    caption_playlists,
    captions,
    deleting,
    detections,
    events,
    health,
    jobs,
    labels,
    metrics,
    openapi,
    page,
    playlist,
    problems,
    replays,
    reprocessing,
    s3_events,
    search,
    stages,
    storyboard,
    subtitles,
    transcript,
    uploads,
    versions,
    video,
    videos,
    webhooks,
)
from pipeline.api.authorized import Authorized
from pipeline.api.context import Context
from pipeline.api.cors import CrossOrigin
from pipeline.api.head import HeadAsGet
from pipeline.api.headers import SecurityHeaders
from pipeline.api.measured import Measured
from pipeline.api.origin import OwnPagesWrite
from pipeline.api.parameters import known_only
from pipeline.api.relay import Relay
from pipeline.api.slashes import TrailingSlashes
from pipeline.api.trusted import TrustedHosts
from pipeline.aws.artifacts import Artifacts
from pipeline.aws.catalog import Catalog
from pipeline.core.settings import Settings
from pipeline.replays.store import Replays
from pipeline.results.search.search import Search

_DESCRIPTION = """
Upload a video, by this API or to the uploads bucket; this API shows its progress and results.

* `POST /uploads` begins an upload: the parts go to presigned addresses, and may be resumed.
* `GET /videos` lists videos, newest first; `GET /videos/{id}` describes one in full.
* `GET /search` finds the moments in which words are said, objects are in view, or both.
* Files are presigned URLs that expire after about an hour, as does `links.playlist`, for which
  players need no token. Request the video again for fresh ones. An address that begins with a
  slash is below the API's own.
* Other requests need `Authorization: Bearer …` where a token is asked for (401 `unauthorized`).
* Every error is `application/problem+json` (RFC 9457): `code` is for programs, `detail` for people.
* Earlier results are kept: `GET /videos/{id}/versions` lists them, `/diff` below it compares two,
  and one `POST` makes another one current, or rolls back.
* `POST /replays` reprocesses videos with another model or setting, or estimates its cost;
  `POST /videos/{id}/replays` does so for one, and `/retry` beside it repeats what failed.
* `DELETE /videos/{id}` deletes a video with all that was made of it; `/restore` below it undoes
  that where the bucket keeps deleted files.
* `GET /jobs` shows what runs, waits and failed; queues can be paused and resumed.
* `GET /events` streams what happens; `POST /webhooks` has it posted to an address of yours.
* A page of another site cannot change anything (403 `foreign_origin`). On your own machine the API
  rejects requests for unknown host names (403 `foreign_host`).
"""


def create_app(
    *,
    settings: Settings | None = None,
    catalog: Catalog | None = None,
    artifacts: Artifacts | None = None,
    replay_store: Replays | None = None,
    finder: Search | None = None,
) -> FastAPI:
    """Create the app; parts not given are this installation's, made at the first request."""
    app = FastAPI(
        title="videodrop",
        version=pipeline.__version__,
        description=_DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,  # FastAPI's own pages load scripts from a CDN; page.py serves ours
        redoc_url=None,
        redirect_slashes=False,
        openapi_tags=openapi.TAGS,
        servers=openapi.SERVERS,
        generate_unique_id_function=openapi.operation_id,
        dependencies=[Depends(known_only)],
    )
    context = app.state.context = Context(settings, catalog, artifacts, replay_store, finder)
    problems.install(app)
    for module in (
        uploads,
        videos,
        search,
        labels,
        video,
        deleting,
        transcript,
        captions,
        subtitles,
        detections,
        storyboard,
        caption_playlists,  # before the route of all playlists
        playlist,
        versions,
        replays,
        reprocessing,
        jobs,
        stages,
        events,
        s3_events,
        webhooks,
        health,
        metrics,
        page,
    ):
        app.include_router(module.router)
    page.mount(app)
    openapi.complete(app)
    # The last one added is the first to see a request. Files are not compressed: clients ask for
    # ranges of them.
    app.add_middleware(GZipMiddleware, minimum_size=1024)
    app.add_middleware(Relay, store=lambda: context.store)
    app.add_middleware(Authorized, token=lambda: context.token)
    app.add_middleware(TrailingSlashes)  # before the check of what is open
    app.add_middleware(
        OwnPagesWrite,
        public=lambda: context.settings.public_origins,
        others=lambda: context.settings.cors_origins,
    )
    app.add_middleware(TrustedHosts, names=lambda: context.settings.hosts)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(HeadAsGet)
    app.add_middleware(CrossOrigin, origins=lambda: context.settings.cors_origins)
    app.add_middleware(Measured)
    return app
