"""The recording of metrics to the sink of this process."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from pipeline.telemetry import context
from pipeline.telemetry.names import Metric

Sink = Callable[[Metric, float, Mapping[str, str]], None]
"""A function of a metric, a value in its unit and a value for each of its labels."""

_sink: Sink | None = None


def use(sink: Sink) -> None:
    """Set ``sink`` as the sink of this process."""
    global _sink  # noqa: PLW0603 - one a process, as logging's root is
    _sink = sink


def record(metric: Metric, value: float = 1.0, **labels: str) -> None:
    """Add ``value`` to a counter, or to a distribution.

    Args:
        metric: the metric.
        value: in its unit.
        **labels: those that differ from the thread's context, or that it lacks. A label that is
            found nowhere is empty.
    """
    known = {**context.current(), **labels}
    (_sink or _default())(metric, value, {label: known.get(label, "") for label in metric.labels})


@contextmanager
def timed(metric: Metric, **labels: str) -> Iterator[None]:
    """Record the seconds that the block takes, unless it raises."""
    started = time.monotonic()
    yield
    record(metric, time.monotonic() - started, **labels)


def _default() -> Sink:
    """Return Prometheus' sink if its directory is set (``hosts.local.stack``), else a null sink."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        from pipeline.telemetry import prometheus  # noqa: PLC0415 - not installed on AWS

        sink: Sink = prometheus.sink
    else:
        sink = _discard
    use(sink)
    return sink


def _discard(_metric: Metric, _value: float, _labels: Mapping[str, str]) -> None:
    pass
