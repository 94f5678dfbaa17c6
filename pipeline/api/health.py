"""Route: whether this API can do its work, and where to drop videos."""

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

import pipeline
from pipeline.api.context import Parts
from pipeline.api.problems import described

router = APIRouter(tags=["service"])


class Health(BaseModel):
    """All is well."""

    status: Literal["ok"] = "ok"
    version: str
    stages: list[str] = Field(description="What happens to a video here")
    drop: str = Field(
        description="Where to put videos", examples=["s3://videodrop-uploads/videos/"]
    )


@router.get(
    "/health",
    summary="Can the catalog be reached?",
    description="One small read of the table; 503 when it fails.",
    responses=described(503),
)
def health(parts: Parts, response: Response) -> Health:
    """Read one video that cannot exist."""
    parts.catalog.video("health")
    response.headers["Cache-Control"] = "no-store"
    topology = parts.settings.topology
    return Health(
        version=pipeline.__version__,
        stages=list(topology.stages),
        drop=f"s3://{parts.settings.names.uploads_bucket}/{topology.uploads.prefix}",
    )
