"""Metrics on one machine: every process counts in its own files, ``/metrics`` adds them up.

This is prometheus_client's multiprocess mode: the files are in ``PROMETHEUS_MULTIPROC_DIR``, and
the counts of a killed process stay.
"""

from collections.abc import Mapping
from functools import cache

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from pipeline.telemetry.names import NAMESPACE, Metric

MEDIA_TYPE = CONTENT_TYPE_LATEST

# From the fastest response to the longest run.
_BUCKETS_S = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 600, 900)


def sink(metric: Metric, value: float, labels: Mapping[str, str]) -> None:
    """Record a value; see ``metrics.Sink``."""
    instrument = _instrument(metric).labels(**labels)
    if isinstance(instrument, Counter):
        instrument.inc(value)
    else:
        instrument.observe(value)


def exposition() -> bytes:
    """Return the metrics of all processes since the stack started, in Prometheus' text format."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # it has no annotations
    return generate_latest(registry)


@cache
def _instrument(metric: Metric) -> Counter | Histogram:
    name = f"{NAMESPACE}_{metric.name}"
    if metric.is_counter:
        return Counter(name, metric.help, metric.labels)
    return Histogram(name, metric.help, metric.labels, buckets=_BUCKETS_S)
