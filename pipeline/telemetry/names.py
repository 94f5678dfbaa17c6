"""What is measured: each metric's name, unit, labels, and how CloudWatch adds it up.

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
        unit: CloudWatch's word for it. ``Count`` and totals are counters, other seconds are
            distributions (Prometheus: histograms).
        help: its meaning in a sentence.
        labels: what Prometheus can select it by; one without a value is the empty string.
        sums: the sets of dimensions that CloudWatch keeps it by, since it cannot add up over
            dimensions by itself. Those with an empty label are left out.
    """

    name: str
    unit: Literal["Count", "Seconds"]
    help: str
    labels: tuple[str, ...]
    sums: tuple[tuple[str, ...], ...]

    @property
    def is_counter(self) -> bool:
        """Whether it only ever grows; otherwise it is a distribution of seconds."""
        return self.name.endswith("_total")


RUNS = Metric(
    "runs_total",
    "Count",
    "Events that a stage is done with, by outcome, and by class where it failed",
    ("stage", "lane", "outcome", "failure_class"),
    (("stage",), ("stage", "failure_class"), ("stage", "lane", "outcome")),
)
RUN_DURATION = Metric(
    "run_duration_seconds",
    "Seconds",
    "From a message's delivery to the end of its run, by outcome",
    ("stage", "lane", "outcome"),
    (("stage", "outcome"),),
)
QUEUE_WAIT = Metric(
    "queue_wait_seconds",
    "Seconds",
    "What a message waited in its queue for its first delivery",
    ("stage", "lane"),
    (("stage", "lane"),),
)
SOURCE_MEDIA = Metric(
    "source_media_seconds_total",
    "Seconds",
    "Length of the videos that were computed; reused results are not",
    ("stage", "lane"),
    (("stage", "lane"),),
)
RETRIES = Metric(
    "retries_total",
    "Count",
    "Messages that were given back to be delivered again",
    ("stage", "lane"),
    (("stage", "lane"),),
)
MODEL_LOAD = Metric(
    "model_load_seconds",
    "Seconds",
    "What it took to load a model into memory, its library included",
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
    RUN_DURATION,
    QUEUE_WAIT,
    SOURCE_MEDIA,
    RETRIES,
    MODEL_LOAD,
    COLD_STARTS,
    HTTP_REQUESTS,
)
