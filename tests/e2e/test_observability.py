"""Observability of a run: one id from upload to answer, and its metrics."""

from collections import Counter
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.telemetry import names
from tests.e2e.conftest import Stack

pytestmark = pytest.mark.models


def test_one_id_connects_the_upload_the_log_and_the_answer(
    stack: Stack, samples: dict[str, dict[str, Any]]
) -> None:
    log = (stack.home / "logs" / "worker.log").read_text(encoding="utf-8")
    for video in samples.values():
        # Each of the four queues received the same event of the upload.
        (event_id,) = {stage["event_id"] for stage in video["stages"]}
        for stage in video["stages"]:
            told = [
                line
                for line in log.splitlines()
                if f" correlation_id={event_id}" in line and f" stage={stage['stage']}" in line
            ]
            assert any(f"{stage['stage']} {video['video_id']}: succeeded" in line for line in told)
            assert all(f" video_id={video['video_id']}" in line for line in told)


def test_what_is_said_in_a_video_is_in_no_log(
    stack: Stack, samples: dict[str, dict[str, Any]]
) -> None:
    logs = [path.read_text(errors="replace") for path in (stack.home / "logs").iterdir()]
    for video in samples.values():
        spoken = stack.get(f"/videos/{video['video_id']}/transcript").json().get("segments", [])
        for text in (segment["text"].strip() for segment in spoken):
            assert not any(" " in text and text in log for log in logs), text


def test_metrics_count_the_runs_of_the_stack(
    stack: Stack, samples: dict[str, dict[str, Any]]
) -> None:
    families = {
        family.name: family for family in text_string_to_metric_families(stack.get("/metrics").text)
    }
    known = {f"videodrop_{metric.name}".removesuffix("_total") for metric in names.ALL}
    assert families.keys() <= known
    done: Counter[str] = Counter()
    for sample in families["videodrop_runs"].samples:
        if sample.labels["outcome"] == "succeeded" and sample.labels["lane"] == "live":
            done[sample.labels["stage"]] += int(sample.value)
    stages = {stage["stage"] for video in samples.values() for stage in video["stages"]}
    assert all(done[stage] >= len(samples) for stage in stages)
    loaded = {
        sample.labels["engine"] for sample in families["videodrop_model_load_seconds"].samples
    }
    assert loaded == {"ctranslate2", "onnxruntime", "silero-vad"}
    started = {sample.labels["function"] for sample in families["videodrop_cold_starts"].samples}
    assert stages | {"janitor"} <= started
    routes = {
        sample.labels["route"]
        for sample in families["videodrop_http_request_duration_seconds"].samples
    }
    assert "/videos/{video_id}" in routes
