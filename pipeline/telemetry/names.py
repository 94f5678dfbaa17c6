"""The metrics: name, unit and labels of each, and how CloudWatch aggregates it.

CloudWatch calls a metric ``runs_total``, in the namespace that is the installation's name;
Prometheus, which has no namespaces, ``videodrop_runs_total``. Names follow Prometheus' conventions:
base units, counters end with ``_total`` (https://prometheus.io/docs/practices/naming/).
``docs/reference/metrics.md`` lists them, and ``infra/`` builds alarms on them.
"""

from dataclasses import dataclass
from typing import Literal

NAMESPACE = "videodrop"


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        name: without the namespace.
        unit: CloudWatch's unit. ``Count`` and totals are counters, other seconds are distributions
            (Prometheus: histograms).
        help: its meaning in a sentence.
        labels: Prometheus' labels; one without a value is the empty string.
        sums: the sets of dimensions that CloudWatch stores it under, because CloudWatch cannot
            aggregate over dimensions. Sets with an empty label are left out.
    """

    name: str
    unit: Literal["Count", "Seconds"]
    help: str
    labels: tuple[str, ...]
    sums: tuple[tuple[str, ...], ...]

    @property
    def is_counter(self) -> bool:
        """Return True for a counter, False for a distribution of seconds."""
        return self.name.endswith("_total")


RUNS = Metric(
    "runs_total",
    "Count",
    "Events handled by a stage, by outcome, and by class if it failed",
    ("stage", "lane", "outcome", "failure_class"),
    (("stage",), ("stage", "failure_class"), ("stage", "lane", "outcome")),
)
FAULTS = Metric(
    "faults_total",
    "Count",
    "Runs of a stage that failed for another reason than their input",
    ("stage", "lane"),
    (("stage",),),
)
RUN_DURATION = Metric(
    "run_duration_seconds",
    "Seconds",
    "From a message's delivery to the end of its run, by outcome",
    ("stage", "lane", "outcome"),
    (("stage", "outcome"),),
)
RANGE_DURATION = Metric(
    "range_duration_seconds",
    "Seconds",
    "From a message's delivery to the end of its range or merge, by outcome",
    ("stage", "lane", "outcome"),
    (("stage", "outcome"),),
)
QUEUE_WAIT = Metric(
    "queue_wait_seconds",
    "Seconds",
    "From the arrival of a message in its queue to its first delivery",
    ("stage", "lane"),
    (("stage", "lane"),),
)
SOURCE_MEDIA = Metric(
    "source_media_seconds_total",
    "Seconds",
    "Length of the videos processed, without reused results",
    ("stage", "lane"),
    (("stage", "lane"),),
)
RETRIES = Metric(
    "retries_total",
    "Count",
    "Messages returned to their queue for another delivery",
    ("stage", "lane"),
    (("stage", "lane"),),
)
MODEL_LOAD = Metric(
    "model_load_seconds",
    "Seconds",
    "Time to load a model into memory, its library included",
    ("stage", "engine"),
    (("stage", "engine"),),
)
COLD_STARTS = Metric(
    "cold_starts_total",
    "Count",
    "Processes that handled their first event: of a stage, janitor, replays or query",
    ("function",),
    (("function",),),
)
HTTP_REQUESTS = Metric(
    "http_request_duration_seconds",
    "Seconds",
    "Requests to the query API by route and status; their number is the sample count",
    ("method", "route", "status"),
    (("route",), ("route", "status")),
)

ALL = (
    RUNS,
    FAULTS,
    RUN_DURATION,
    RANGE_DURATION,
    QUEUE_WAIT,
    SOURCE_MEDIA,
    RETRIES,
    MODEL_LOAD,
    COLD_STARTS,
    HTTP_REQUESTS,
)
