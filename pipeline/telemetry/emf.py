"""Metrics on AWS: one line of CloudWatch's embedded metric format in the log for each value.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import sys
from collections.abc import Mapping

from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import (
    AmazonCloudWatchEMFProvider,
)

from pipeline.telemetry.metrics import Sink
from pipeline.telemetry.names import Metric


def sink(namespace: str) -> Sink:
    """Return the sink of an installation; ``namespace`` is CloudWatch's."""

    def write(metric: Metric, value: float, labels: Mapping[str, str]) -> None:
        known = {label: given for label, given in labels.items() if given}
        sums = [one for one in metric.sums if known.keys() >= set(one)]
        if not sums:
            return
        # A provider for each value: Powertools' Metrics is one for the whole process, and would mix
        # the dimensions of concurrent values.
        provider = AmazonCloudWatchEMFProvider(namespace=namespace)
        # POWERTOOLS_SERVICE_NAME is for logs: as a dimension it would hide values from alarms.
        provider.service = ""
        provider.add_metric(metric.name, metric.unit, value)
        first, *others = [{label: known[label] for label in one} for one in sums]
        for label, given in first.items():
            provider.add_dimension(label, given)
        for dimensions in others:
            provider.add_dimensions(**dimensions)
        # One write, because a worker's child processes share a pipe.
        sys.stdout.write(json.dumps(provider.serialize_metric_set()) + "\n")
        sys.stdout.flush()

    return write
