"""Route: what the processes of this machine have counted, for Prometheus."""

import os

from fastapi import APIRouter, Response

from pipeline.api.problems import Problem

router = APIRouter()


@router.get("/metrics", include_in_schema=False)
def metrics() -> Response:
    """Prometheus' text format; not there on AWS, where CloudWatch has them."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        raise Problem(
            404,
            "no_metrics",
            "Metrics are kept here only by `videodrop up`; on AWS, CloudWatch has them.",
        )
    from pipeline.telemetry import prometheus  # noqa: PLC0415 - no part of the API on AWS

    return Response(
        prometheus.exposition(),
        media_type=prometheus.MEDIA_TYPE,
        headers={"Cache-Control": "no-store"},
    )
