"""The query API as one ASGI app: uvicorn serves it anywhere, Mangum on Lambda."""

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

import pipeline
from pipeline.api import (
    detections,
    health,
    metrics,
    page,
    playlist,
    problems,
    replays,
    storyboard,
    transcript,
    versions,
    video,
    videos,
)
from pipeline.api.context import Context
from pipeline.api.headers import SecurityHeaders
from pipeline.api.measured import Measured
from pipeline.api.origin import OwnPagesWrite
from pipeline.api.trusted import TrustedHosts
from pipeline.aws.artifacts import Artifacts
from pipeline.aws.catalog import Catalog
from pipeline.core.settings import Settings
from pipeline.replays.store import Replays

_DESCRIPTION = """
Drop a video into the uploads bucket; this API tells what became of it.

* `GET /videos` lists videos, newest first; `GET /videos/{id}` has everything about one.
* Files come as presigned URLs that last about an hour, as does `links.playlist`, which players need
  no token for. Ask again for fresh ones.
* Every error is `application/problem+json` (RFC 9457): `code` is for programs, `detail` for people.
* Earlier results stay: `GET /videos/{id}/versions` lists them, `/diff` below it compares two, and
  one `POST` makes another one current, or goes back.
* `POST /replays` reprocesses videos with another model or setting, or says what that would take.
* A page of another site can change nothing here (403 `foreign_origin`). On a machine of one's own
  nothing is answered under a name that is not its own (403 `foreign_host`).
"""


def create_app(
    *,
    settings: Settings | None = None,
    catalog: Catalog | None = None,
    artifacts: Artifacts | None = None,
    replay_store: Replays | None = None,
) -> FastAPI:
    """The app; parts not given are this installation's own, made at the first request."""
    app = FastAPI(
        title="videodrop",
        version=pipeline.__version__,
        description=_DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,  # FastAPI's own pages load scripts from a CDN; page.py has ours
        redoc_url=None,
    )
    context = app.state.context = Context(settings, catalog, artifacts, replay_store)
    problems.install(app)
    for module in (
        videos,
        video,
        transcript,
        detections,
        storyboard,
        playlist,
        versions,
        replays,
        health,
        metrics,
        page,
    ):
        app.include_router(module.router)
    page.mount(app)
    app.add_middleware(OwnPagesWrite, public=lambda: context.settings.public_origins)
    app.add_middleware(TrustedHosts, names=lambda: context.settings.hosts)
    app.add_middleware(GZipMiddleware, minimum_size=1024)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Measured)
    return app
