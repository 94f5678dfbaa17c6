"""Metrics: the origin of their labels, and equal values in both sinks."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.core.settings import Settings
from pipeline.telemetry import emf as emf_sink
from pipeline.telemetry import function, metrics, names, prometheus
from pipeline.telemetry.context import about
from pipeline.telemetry.names import Metric
from tests.fakes import emf

Recorded = list[tuple[str, float, dict[str, str]]]


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    taken: Recorded = []
    monkeypatch.setattr(
        metrics, "_sink", lambda metric, value, labels: taken.append((metric.name, value, labels))
    )
    return taken


def test_labels_come_from_the_context_unless_they_are_given(recorded: Recorded):
    with about(stage="detect", lane="live", video_id="v"):
        metrics.record(names.RETRIES)
        metrics.record(names.RETRIES, 2, lane="replay")
    metrics.record(names.RETRIES)
    assert recorded == [
        ("retries_total", 1, {"stage": "detect", "lane": "live"}),
        ("retries_total", 2, {"stage": "detect", "lane": "replay"}),
        ("retries_total", 1, {"stage": "", "lane": ""}),
    ]


def test_a_timed_block_is_recorded_in_seconds_unless_it_fails(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
):
    clock = iter([10.0, 12.5, 20.0])
    monkeypatch.setattr("pipeline.telemetry.metrics.time.monotonic", lambda: next(clock))
    with metrics.timed(names.MODEL_LOAD, stage="detect", engine="e"):
        pass
    with pytest.raises(ValueError, match="no"), metrics.timed(names.MODEL_LOAD):
        raise ValueError("no")
    assert recorded == [("model_load_seconds", 2.5, {"stage": "detect", "engine": "e"})]


# -- CloudWatch ----------------------------------------------------------------------------------


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    monkeypatch.setattr(metrics, "_sink", emf_sink.sink("installation"))
    return lambda: emf.values(map(json.loads, capsys.readouterr().out.splitlines()), "installation")


@pytest.mark.parametrize("metric", names.ALL, ids=lambda metric: metric.name)
def test_cloudwatch_gets_a_value_by_each_set_of_dimensions(metric: Metric, written: Any):
    metrics.record(metric, 2.5, **dict.fromkeys(metric.labels, "x"))
    assert written() == {
        (metric.name, tuple((label, "x") for label in one)): [2.5] for one in metric.sums
    }


def test_cloudwatch_gets_no_dimension_from_the_environment(
    written: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "films")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "films")
    metrics.record(names.COLD_STARTS, function="detect")
    assert written() == {("cold_starts_total", (("function", "detect"),)): [1]}


def test_a_value_is_written_at_once_since_processes_share_a_pipe(
    monkeypatch: pytest.MonkeyPatch,
):
    writes: list[str] = []
    output = SimpleNamespace(write=writes.append, flush=lambda: writes.append("flushed"))
    monkeypatch.setattr(metrics, "_sink", emf_sink.sink("installation"))
    monkeypatch.setattr("sys.stdout", output)
    metrics.record(names.COLD_STARTS, function="detect")
    line, flushed = writes
    assert json.loads(line)["function"] == "detect"
    assert (line[-1], flushed) == ("\n", "flushed")


def test_cloudwatch_gets_no_dimension_without_a_value(written: Any):
    metrics.record(names.RUNS, stage="detect", lane="live", outcome="succeeded")
    assert {key for _, key in written()} == {
        (("stage", "detect"),),
        (("stage", "detect"), ("lane", "live"), ("outcome", "succeeded")),
    }
    metrics.record(names.MODEL_LOAD, 1.0)
    assert written() == {}


# -- cold starts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("initialization", "counted"),
    [(None, 1), ("on-demand", 1), ("snap-start", 1), ("provisioned-concurrency", 0)],
)
def test_a_process_counts_its_first_event_unless_it_was_started_before_there_was_any(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch, initialization: str | None, counted: int
):
    monkeypatch.delenv("AWS_LAMBDA_INITIALIZATION_TYPE", raising=False)
    if initialization:
        monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", initialization)
    handler = function.observed("detect", Settings())(lambda event, _context: event)
    assert [handler({"n": n}, None) for n in range(2)] == [{"n": 0}, {"n": 1}]
    assert recorded == [("cold_starts_total", 1, {"function": "detect"})] * counted


# -- Prometheus ----------------------------------------------------------------------------------

# Counts everything twice, and is killed in the middle of it.
_COUNTS = """
import os, signal
from pipeline.telemetry import metrics, names
for metric in names.ALL:
    for _ in range(2):
        metrics.record(metric, 2.5, **dict.fromkeys(metric.labels, "x"))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_prometheus_gets_the_same_metrics_from_all_processes_also_from_killed_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    counting = [subprocess.Popen([sys.executable, "-c", _COUNTS], env=os.environ) for _ in range(2)]
    assert [process.wait(60) for process in counting] == [-signal.SIGKILL] * 2
    found = {
        sample.name: sample
        for family in text_string_to_metric_families(prometheus.exposition().decode())
        for sample in family.samples
    }
    for metric in names.ALL:
        name = f"videodrop_{metric.name}"
        labels = dict.fromkeys(metric.labels, "x")
        if metric.is_counter:
            assert (found[name].value, found[name].labels) == (10, labels)
        else:
            assert (found[f"{name}_sum"].value, found[f"{name}_sum"].labels) == (10, labels)
            assert found[f"{name}_count"].value == 4


def test_without_a_host_that_reads_them_nothing_is_counted_and_nothing_imported():
    code = (
        "import sys\n"
        "from pipeline.telemetry import metrics, names\n"
        "metrics.record(names.RETRIES)\n"
        "print(sorted({'prometheus_client', 'aws_lambda_powertools'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
