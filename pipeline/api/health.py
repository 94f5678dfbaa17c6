"""Route: health of this API, and the address of the uploads bucket."""

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

import pipeline
from pipeline.api.context import Parts
from pipeline.api.problems import Problem, described
from pipeline.core.beats import silent

router = APIRouter(tags=["service"])


class Health(BaseModel):
    """The state of a healthy API."""

    status: Literal["ok"] = "ok"
    version: str
    stages: list[str] = Field(description="The stages that process a video")
    drop: str = Field(
        description="Where to upload videos", examples=["s3://videodrop-uploads/videos/"]
    )


@router.get(
    "/health",
    summary="Check that the catalog can be reached",
    description="Makes one small read of the table; 503 if it fails, or if a part of a local stack "
    "(`worker`, `inbox`) does not show that it is alive.",
    responses=described(503),
)
def get_health(parts: Parts, response: Response) -> Health:
    """Read one video that cannot exist."""
    beats = parts.settings.beats
    if beats and (dead := silent(beats)):
        raise Problem(
            503,
            "part_silent",
            f"The {' and the '.join(dead)} of this stack stopped working. See its logs, and start "
            "videodrop up again.",
        )
    parts.catalog.video("health")
    response.headers["Cache-Control"] = "no-store"
    topology = parts.settings.topology
    return Health(
        version=pipeline.__version__,
        stages=list(topology.stages),
        drop=f"s3://{parts.settings.names.uploads_bucket}/{topology.uploads.prefix}",
    )
