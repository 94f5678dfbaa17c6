"""Metrics on one machine: every process counts in files of its own, ``/metrics`` adds them up.

That is prometheus_client's multiprocess mode: the files are in ``PROMETHEUS_MULTIPROC_DIR``, and
what a process counted stays when it is killed.
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

# From a request that is answered at once to the longest run.
_BUCKETS_S = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 600, 900)


def sink(metric: Metric, value: float, labels: Mapping[str, str]) -> None:
    """See ``metrics.Sink``."""
    instrument = _instrument(metric).labels(**labels)
    if isinstance(instrument, Counter):
        instrument.inc(value)
    else:
        instrument.observe(value)


def exposition() -> bytes:
    """What all processes have counted since the stack was started, as Prometheus' text format."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # it has no annotations
    return generate_latest(registry)


@cache
def _instrument(metric: Metric) -> Counter | Histogram:
    name = f"{NAMESPACE}_{metric.name}"
    if metric.is_counter:
        return Counter(name, metric.help, metric.labels)
    return Histogram(name, metric.help, metric.labels, buckets=_BUCKETS_S)
