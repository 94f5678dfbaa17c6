"""The names that alarms and dashboards use, and their documentation."""

import re
from pathlib import Path

import pytest

from pipeline.telemetry import names
from pipeline.telemetry.names import Metric

_DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"
_ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (.+?) \|", re.MULTILINE)


def test_the_documentation_lists_every_metric_with_its_unit_and_dimensions():
    documented = {
        name: (unit, dimensions)
        for name, unit, dimensions in _ROW.findall(_DOCUMENT.read_text(encoding="utf-8"))
    }
    defined = {
        metric.name: (metric.unit, "; ".join(f"`{', '.join(one)}`" for one in metric.sums))
        for metric in names.ALL
    }
    assert documented == defined


@pytest.mark.parametrize("metric", names.ALL, ids=lambda metric: metric.name)
def test_cloudwatch_adds_up_by_labels_that_the_metric_has(metric: Metric):
    assert {label for one in metric.sums for label in one} <= set(metric.labels)
    assert metric.sums


@pytest.mark.parametrize("metric", names.ALL, ids=lambda metric: metric.name)
def test_a_name_ends_with_its_unit_as_prometheus_has_it(metric: Metric):
    assert metric.name.endswith("_total" if metric.unit == "Count" else ("_seconds", "_total"))
