"""The metrics of a runner: each event once, with stage and lane."""

from typing import Any

import pytest

from pipeline.core.errors import DependencyFailed
from pipeline.runs.delivery import Delivery, Retry
from pipeline.telemetry import metrics
from tests.fakes.claims import claim_run
from tests.fakes.rig import Rig, upload_of

LIVE = {"stage": "toy", "lane": "live"}
Recorded = list[tuple[str, dict[str, str], float]]


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    taken: Recorded = []
    monkeypatch.setattr(
        metrics, "_sink", lambda metric, value, labels: taken.append((metric.name, labels, value))
    )
    return taken


def runs(recorded: Recorded) -> list[dict[str, str]]:
    return [labels for name, labels, _ in recorded if name == "runs_total"]


def ended(outcome: str, failure_class: str = "", lane: str = "live") -> dict[str, str]:
    return {"stage": "toy", "lane": lane, "outcome": outcome, "failure_class": failure_class}


def test_an_event_is_counted_by_its_outcome_and_its_media_when_it_was_computed(
    rig: Rig, recorded: Recorded
):
    body = rig.put()
    rig.handle(body)
    rig.handle(body)
    rig.reprocess(body, text="other")
    assert runs(recorded) == [
        ended("succeeded"),
        ended("current"),
        ended("succeeded", lane="replay"),
    ]
    media = [(labels["lane"], value) for name, labels, value in recorded if "media" in name]
    assert media == [("live", 1), ("replay", 1)]
    durations = [labels for name, labels, _ in recorded if name == "run_duration_seconds"]
    assert [one["outcome"] for one in durations] == ["succeeded", "current", "succeeded"]


def test_a_failed_run_is_counted_once_with_its_class(
    rig: Rig, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rig.stage, "run_", lambda *_: 1 / 0)
    rig.handle(rig.put())
    assert runs(recorded) == [ended("failed", "bug")]


def test_a_redelivered_message_is_counted_as_a_retry_and_not_as_a_run(
    rig: Rig, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
):
    def unlucky(*_: Any) -> Any:
        raise DependencyFailed("aws_error", "S3 was unavailable.")

    monkeypatch.setattr(rig.stage, "run_", unlucky)
    with pytest.raises(Retry):
        rig.handle(rig.put())
    assert recorded == [("retries_total", LIVE, 1)]


def test_a_run_whose_process_was_killed_is_counted_by_its_host(rig: Rig, recorded: Recorded):
    body = rig.put()
    upload = upload_of(body)
    rig.catalog.record_upload(upload, patience_s=60)
    claim_run(rig.catalog.runs, upload, "toy", event_id=upload.event_id, lease_s=60)
    assert rig.runner().abandon(body, "timeout", "It took too long.")
    assert runs(recorded) == [ended("failed", "timeout")]


def test_only_the_first_delivery_says_how_long_a_message_waited(
    rig: Rig, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pipeline.runs.runner.time.time", lambda: 1000.0)
    body = rig.put()
    rig.runner().handle(body, Delivery(60, sent_at=990.0))
    rig.runner().handle(body, Delivery(60, sent_at=990.0, receives=2))
    waits = [(labels, value) for name, labels, value in recorded if name == "queue_wait_seconds"]
    assert waits == [(LIVE, 10.0)]
