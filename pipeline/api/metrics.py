"""Route: metrics of this machine's processes, for Prometheus."""

import os

from fastapi import APIRouter, Response

from pipeline.api.problems import Problem

router = APIRouter()


@router.get("/metrics", include_in_schema=False)
def metrics() -> Response:
    """Return Prometheus' text format; 404 on AWS, where CloudWatch has the metrics."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        raise Problem(
            404,
            "no_metrics",
            "Metrics are kept here only by `videodrop up`; on AWS, CloudWatch has them.",
        )
    from pipeline.telemetry import prometheus  # noqa: PLC0415 - not needed on AWS

    return Response(
        prometheus.exposition(),
        media_type=prometheus.MEDIA_TYPE,
        headers={"Cache-Control": "no-store"},
    )
