"""Every handler under AWS's own runtime client, with events as AWS sends them, set up as there.

Each child writes what it would on Lambda: JSON log lines, and embedded metrics among them.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.core import events
from pipeline.core.records import StageRun
from pipeline.core.settings import Settings
from pipeline.hosts.worker.functions import Function
from pipeline.hosts.worker.functions import hosted as hosted_by_worker
from pipeline.hosts.worker.runtime import Response, Runtime
from tests.conftest import topology_with
from tests.fakes import aws_events, emf, lambda_events, otlp, slowstage
from tests.fakes.claims import claim_run

STAGES = list(Settings().topology.stages)
VIDEO = Path(__file__).parents[3] / "samples" / "silent.mp4"
EVENT_ID = "17793124-05d4-b198-2fde-7ededc63b103"

pytestmark = pytest.mark.usefixtures("untraced_children")


class Hosted:
    """One handler in its child, and the lines that it has written."""

    def __init__(self, function: Function, capture: pytest.CaptureFixture[str]) -> None:
        arn = f"arn:aws:lambda:us-east-1:111122223333:function:videodrop-{function.name}"
        self.runtime = Runtime(function, arn, "us-east-1")
        self._capture = capture

    def __call__(self, event: Any) -> Any:
        answer = self.runtime.invoke(event)
        assert isinstance(answer, Response), answer
        return answer.payload

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines since the last call; each must be a JSON object."""
        return [json.loads(line) for line in self._capture.readouterr().out.splitlines()]


Host = Callable[..., Hosted]


@pytest.fixture
def host(capfd: pytest.CaptureFixture[str]) -> Iterator[Host]:
    """Return a function that hosts ``handlers.NAME.handler`` as on Lambda."""
    runtimes: list[Runtime] = []

    def start(handler: str, stage: str | None = None, **environment: str) -> Hosted:
        function = Function(
            name=stage or handler,
            handler=f"handlers.{handler}.handler",
            timeout_s=60,
            memory_mb=2048,
            env={
                "VIDEODROP_TELEMETRY": "aws",
                **({"VIDEODROP_STAGE": stage} if stage else {}),
                **environment,
            },
        )
        hosted = Hosted(function, capfd)
        runtimes.append(hosted.runtime)
        return hosted

    yield start
    for runtime in runtimes:
        runtime.close()


def put(config: Settings, body: bytes, **event: Any) -> str:
    """Upload an object, and return the event that AWS would send about it."""
    bucket, key = config.names.uploads_bucket, "videos/a.mp4"
    sent = aws.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    given = {"etag": sent["ETag"].strip('"'), "size": len(body), "event_id": EVENT_ID}
    return aws_events.created(key, bucket=bucket, **given | event)


def run_of(config: Settings, stage: str) -> StageRun:
    video_id = events.video_id(config.names.uploads_bucket, "videos/a.mp4")
    run = bootstrap.catalog(config).runs.get(video_id, stage)
    assert run is not None
    return run


def failed(answer: Any) -> list[str]:
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_answers_each_message_and_logs_its_event(
    stored: Settings, host: Host, stage: str
) -> None:
    hosted = host("stage", stage)
    answer = hosted(lambda_events.sqs("poison", put(stored, b"no video at all")))
    assert failed(answer) == ["m0"]
    run = run_of(stored, stage)
    assert (run.state, run.event_id) == ("failed", EVENT_ID)

    lines = hosted.lines()
    about = [line for line in lines if line.get("correlation_id")]
    assert about, "no line is about the event"
    assert all(line["correlation_id"] == EVENT_ID for line in about)
    assert {line["stage"] for line in about} == {stage}
    assert {line["video_id"] for line in about} == {events.parse(put(stored, b"")).video_id}
    assert any("not_media" in str(line["message"]) for line in about)
    assert all(
        line["function_request_id"] and line["level"] for line in lines if "_aws" not in line
    )

    found = emf.values(lines, stored.name)
    assert found["runs_total", (("stage", stage),)] == [1]
    assert found["runs_total", (("stage", stage), ("failure_class", "bad_input"))] == [1]
    ended = (("stage", stage), ("lane", "live"), ("outcome", "failed"))
    assert found["runs_total", ended] == [1]
    assert found["cold_starts_total", (("function", stage),)] == [1]
    assert len(found["run_duration_seconds", (("stage", stage), ("outcome", "failed"))]) == 1
    (waited,) = found["queue_wait_seconds", (("stage", stage), ("lane", "live"))]
    assert waited > 0


@pytest.fixture
def toy(stored: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """Set up an installation with one stage, which takes no time."""
    path = topology_with({"toy": "tests.fakes.toystage"}, tmp_path / "topology.json", only=True)
    monkeypatch.setenv("VIDEODROP_TOPOLOGY", str(path))
    return stored


def test_an_archived_event_is_a_run_of_its_own_on_the_replay_lane(
    toy: Settings, host: Host
) -> None:
    hosted = host("stage", "toy")
    queue = f"{toy.name}-toy-replay"
    body = put(toy, VIDEO.read_bytes())
    assert failed(hosted(lambda_events.sqs(body, queue=f"{toy.name}-toy"))) == []
    again = put(toy, VIDEO.read_bytes(), **{"replay-name": "january"})
    assert failed(hosted(lambda_events.sqs(again, queue=queue))) == []

    lines = hosted.lines()
    assert {line["correlation_id"] for line in lines if "correlation_id" in line} == {
        EVENT_ID,
        f"{EVENT_ID}@january",
    }
    found = emf.values(lines, toy.name)
    assert found["cold_starts_total", (("function", "toy"),)] == [1]
    assert sum(found["source_media_seconds_total", (("stage", "toy"), ("lane", "live"))]) > 1
    runs = {key: counts for (name, key), counts in found.items() if name == "runs_total"}
    assert runs == {
        (("stage", "toy"),): [1, 1],
        (("stage", "toy"), ("lane", "live"), ("outcome", "succeeded")): [1],
        (("stage", "toy"), ("lane", "replay"), ("outcome", "current")): [1],
    }


@pytest.fixture
def slow(
    stored: Settings,  # noqa: ARG001 - needed for its effect
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Settings:
    """Set up an installation with one stage, which takes longer than its function on Lambda has."""
    path = topology_with({"toy": "tests.fakes.slowstage"}, tmp_path / "topology.json", only=True)
    topology = json.loads(path.read_text())
    # Five seconds of it are reserved for recording that the time is over.
    topology["stages"]["toy"] |= {"timeout_s": slowstage.SECONDS + 4, "memory_mb": 2048}
    path.write_text(json.dumps(topology))
    monkeypatch.setenv("VIDEODROP_TOPOLOGY", str(path))
    return Settings()


@pytest.mark.parametrize(
    ("where", "state", "code"), [("worker", "succeeded", None), ("lambda", "failed", "deadline")]
)
def test_a_run_has_the_time_of_its_host(
    slow: Settings,
    capfd: pytest.CaptureFixture[str],
    where: str,
    state: str,
    code: str | None,
) -> None:
    function = hosted_by_worker(slow, ["toy"])[0]
    if where == "lambda":  # Terraform gives the function the stage's timeout
        function = replace(function, timeout_s=slow.topology.stages["toy"].timeout_s)
    host = Hosted(function, capfd)
    try:
        assert failed(host(lambda_events.sqs(put(slow, VIDEO.read_bytes())))) == []
    finally:
        host.runtime.close()
    run = run_of(slow, "toy")
    assert (run.state, run.error and run.error.code) == (state, code)


def test_a_warm_up_is_not_an_event(toy: Settings, host: Host) -> None:
    hosted = host("stage", "toy")
    assert hosted({"warm_up": True}) == {}
    assert set(emf.values(hosted.lines(), toy.name)) == {
        ("cold_starts_total", (("function", "toy"),))
    }


def test_the_janitor_handles_scheduled_events_and_messages(stored: Settings, host: Host) -> None:
    hosted = host("janitor")
    deleted = aws_events.deleted(bucket=stored.names.uploads_bucket)
    upload = events.parse(put(stored, b"a video"))
    catalog = bootstrap.catalog(stored)
    assert isinstance(upload, events.Upload)
    catalog.record_upload(upload, patience_s=3600)
    claim_run(catalog.runs, upload, "detect", event_id=EVENT_ID, lease_s=-1e6)
    assert failed(hosted(lambda_events.sqs("poison", deleted, queue="videodrop-janitor"))) == ["m0"]
    video = catalog.video(upload.video_id)
    assert video is not None
    assert video.status == "deleted"


def test_a_lost_run_that_the_janitor_fails_is_counted_and_logged_with_its_event(
    installation: Settings, host: Host
) -> None:
    upload = events.parse(put(installation, b"a video"))
    assert isinstance(upload, events.Upload)
    catalog = bootstrap.catalog(installation)
    catalog.record_upload(upload, patience_s=3600)
    claim_run(catalog.runs, upload, "detect", event_id="replay:r1", lease_s=-1e6)
    hosted = host("janitor")
    assert hosted(lambda_events.tick()) == {"ended": 1}
    lines = hosted.lines()
    (told,) = [line for line in lines if line.get("video_id") == upload.video_id]
    assert (told["correlation_id"], told["replay_id"]) == ("replay:r1", "r1")
    found = emf.values(lines, installation.name)
    assert found["runs_total", (("stage", "detect"), ("failure_class", "lost"))] == [1]
    lost = (("stage", "detect"), ("lane", "replay"), ("outcome", "failed"))
    assert found["runs_total", lost] == [1]


def test_the_driver_of_replays_answers_each_message(stored: Settings, host: Host) -> None:
    hosted = host("replays")
    wake_up = json.dumps(
        {
            "version": "0",
            "id": "6f87d04b-9f74-4f04-a780-7acf4b0a9b38",
            "detail-type": "Replay Requested",
            "source": "videodrop",
            "account": "111122223333",
            "time": "2026-10-08T16:53:06Z",
            "region": "us-east-1",
            "resources": [],
            "detail": {"replay_id": "r1"},
        }
    )
    assert failed(hosted(lambda_events.sqs("poison", wake_up, queue="videodrop-replays"))) == ["m0"]
    found = emf.values(hosted.lines(), stored.name)
    assert found["cold_starts_total", (("function", "replays"),)] == [1]


def test_the_query_api_answers_with_api_gateways_request_id_and_counts(
    stored: Settings, host: Host
) -> None:
    hosted = host("query")
    answer = hosted(lambda_events.http("/videos/00000000000000000000"))
    assert answer["statusCode"] == 404
    assert answer["headers"]["x-request-id"] == "JKJaXmPLvHcESHA="
    assert hosted(lambda_events.http("/metrics"))["statusCode"] == 404
    found = emf.values(hosted.lines(), stored.name)
    name, route = "http_request_duration_seconds", ("route", "/videos/{video_id}")
    assert len(found[name, (route,)]) == 1
    assert len(found[name, (route, ("status", "404"))]) == 1


def test_only_a_stage_that_cannot_use_its_configured_gpu_is_not_loaded(
    host: Host, tmp_path: Path
) -> None:
    stub = "def zeros(*_, device):\n    raise RuntimeError('The NVIDIA driver is too old')\n"
    (tmp_path / "torch.py").write_text(stub)
    other = "def get_supported_compute_types(*_):\n    raise RuntimeError('No CUDA')\n"
    (tmp_path / "ctranslate2.py").write_text(other)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    promised = {
        "VIDEODROP_DEVICE": "cuda",
        "VIDEODROP_PARAMS__DETECT__MODEL": "yolo-shapes.pt",
        "PYTHONPATH": path,
    }
    failed = host("stage", "detect", **promised).runtime.start()
    assert failed is not None
    assert (failed.kind, "driver is too old" in failed.message) == ("init_error", True)
    failed = host("stage", "transcribe", **promised).runtime.start()
    assert failed is not None
    assert "ctranslate2 cannot use it: No CUDA" in failed.message
    assert host("stage", "thumbnail", **promised).runtime.start() is None


# -- traces --------------------------------------------------------------------------------------


TRACE_ID, SENDER = "5e6722a7cc56a4f146db7ae02d4da47e", "2b5ef9f1e0a5c8d7"


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> Iterator[otlp.Collector]:
    """Return a collector that the environment names."""
    with otlp.collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
        yield collector


def test_a_sampled_message_is_traced_from_its_sender_to_the_run_and_no_other(
    toy: Settings, host: Host, traces: otlp.Collector
) -> None:
    hosted = host("stage", "toy")
    unsampled = lambda_events.TRACE.replace("Sampled=1", "Sampled=0")
    hosted(lambda_events.sqs("poison", AWSTraceHeader=unsampled))
    hosted(lambda_events.sqs(put(toy, VIDEO.read_bytes()), AWSTraceHeader=lambda_events.TRACE))
    run, invocation = traces.until("toy")
    assert (run.name, invocation.name, invocation.service) == ("run toy", "toy", "toy")
    assert {run.trace_id, invocation.trace_id} == {TRACE_ID}
    assert (run.parent_id, invocation.parent_id) == (invocation.span_id, SENDER)
    assert run.attributes == {
        "stage": "toy",
        "lane": "live",
        "outcome": "succeeded",
        "video_id": events.video_id(toy.names.uploads_bucket, "videos/a.mp4"),
        "correlation_id": EVENT_ID,
    }
    assert not run.failed


def test_a_request_is_one_span_without_its_address(
    stored: Settings,  # noqa: ARG001 - needed for its effect
    host: Host,
    traces: otlp.Collector,
) -> None:
    path = "/videos/00000000000000000000"
    assert host("query")(lambda_events.http(path, "signature=secret"))["statusCode"] == 400
    (span,) = traces.until("query")
    assert list(span.attributes) == ["faas.invocation_id"]


def test_an_error_that_a_stage_ends_with_is_in_its_trace(
    toy: Settings, host: Host, traces: otlp.Collector
) -> None:
    answer = host("stage", "toy")(lambda_events.sqs(put(toy, b"no video"), "poison"))
    assert failed(answer) == ["m1"]
    run, invocation = traces.until("toy")
    assert (run.failed, run.events, run.attributes["outcome"]) == (True, ["exception"], "failed")
    assert not invocation.parent_id, "no message is to be continued"


def test_an_outage_of_the_collector_delays_no_run(
    toy: Settings, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    hosted = host("stage", "toy")
    hosted({"warm_up": True})
    started = time.monotonic()
    assert failed(hosted(lambda_events.sqs(put(toy, VIDEO.read_bytes())))) == []
    assert time.monotonic() - started < 8
    assert run_of(toy, "toy").state == "succeeded"


def test_nothing_is_traced_unless_a_collector_is_named(toy: Settings, host: Host) -> None:
    with otlp.collector() as collector:
        hosted = host("stage", "toy")
        hosted(lambda_events.sqs(put(toy, VIDEO.read_bytes()), AWSTraceHeader=lambda_events.TRACE))
        assert collector.spans == []
    assert run_of(toy, "toy").state == "succeeded"
