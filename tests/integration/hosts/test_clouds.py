"""Stages on GPU clouds, each against a stub of its host's contract, with a real child."""

import base64
import json
import sys
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.core import events
from pipeline.core.errors import MissingDependency
from pipeline.core.settings import Settings
from pipeline.hosts.worker.jobs import Jobs, NotDone
from pipeline.hosts.worker.server import PushHost
from tests.conftest import forget_process_state, topology_with
from tests.fakes import aws_events, clouds

pytestmark = pytest.mark.usefixtures("untraced_children")

CLIP = Path(__file__).parents[3] / "samples" / "silent.mp4"
KEY = "videos/silent.mp4"


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dict[str, Any]]]:
    """Return a function that returns what the stage has written down."""
    path = tmp_path / "notes"
    path.touch()
    monkeypatch.setenv("NOTES", str(path))
    return lambda: [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def stage(
    stored: Settings,
    notes: Any,  # noqa: ARG001 - needed for its effect
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    """Return settings of a host of one stage, which notes what happens to it."""
    topology = topology_with({"snap": "tests.fakes.snapstage"}, tmp_path / "t.json", only=True)
    monkeypatch.setenv("VIDEODROP_TOPOLOGY", str(topology))
    monkeypatch.setenv("VIDEODROP_STAGE", "snap")
    monkeypatch.setenv("VIDEODROP_NAME", stored.name)
    forget_process_state()
    return bootstrap.settings()


@pytest.fixture
def dropped(stage: Settings) -> dict[str, Any]:
    """Return the event of a video that was dropped."""
    bucket = stage.names.uploads_bucket
    sent = aws.client("s3").put_object(Bucket=bucket, Key=KEY, Body=CLIP.read_bytes())
    given = {"etag": sent["ETag"].strip('"'), "size": CLIP.stat().st_size}
    return dict(json.loads(aws_events.created(KEY, bucket=bucket, **given)))


def state(config: Settings) -> str:
    run = bootstrap.catalog(config).runs.get(
        events.video_id(config.names.uploads_bucket, KEY), "snap"
    )
    return run.state if run else "none"


def loaded(name: str, library: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import an adapter with a stub in place of its host's library."""
    monkeypatch.setitem(sys.modules, name.removeprefix("handlers.on_"), library)
    monkeypatch.delitem(sys.modules, name, raising=False)
    return import_module(name)


# -- RunPod ----------------------------------------------------------------------------------------


@pytest.fixture
def runpod(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[Any]]]:
    """Return a function that starts the worker with these inputs, and returns its answers."""
    adapters = []

    def start(*inputs: Any) -> list[Any]:
        library = clouds.runpod([{"id": f"job-{i}", "input": one} for i, one in enumerate(inputs)])
        adapter = loaded("handlers.on_runpod", library, monkeypatch)
        adapters.append(adapter)
        adapter.main()
        return list(library.answers)

    yield start
    for adapter in adapters:
        if adapter._jobs.cache_info().currsize:
            adapter._jobs().close()


def test_a_job_of_runpod_is_done_and_a_wrong_one_has_an_error(runpod, stage, dropped, notes):
    elsewhere = json.loads(aws_events.created(KEY, bucket="another"))
    done, foreign, wrong, none = runpod(dropped, elsewhere, {"prompt": "a cat"}, None)
    assert done == {"batchItemFailures": []}
    assert state(stage) == "succeeded"
    assert foreign["error"].startswith("foreign_object: ")
    assert wrong["error"].startswith("bad_event: ")
    assert none["error"].startswith("bad_event: ")
    assert [one["step"] for one in notes()].count("run") == 1


def test_a_worker_of_runpod_that_cannot_load_its_stage_is_replaced(
    runpod, stage, dropped, monkeypatch
):
    monkeypatch.setenv("VIDEODROP_LEASE_S", "no number")
    (answer,) = runpod(dropped)
    assert answer["error"].startswith("init_error: ")
    assert answer["refresh_worker"] is True
    assert state(stage) == "none"


# -- Modal -----------------------------------------------------------------------------------------


@pytest.fixture
def modal(stage: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ARG001 - see above
    return loaded("handlers.on_modal", clouds.modal(), monkeypatch)


def test_a_snapshot_of_modal_has_libraries_and_weights_but_no_client(modal, notes, dropped, stage):
    container = modal.Stage()
    before = clouds.steps(modal.Stage, "enter", snap=True)
    after = clouds.steps(modal.Stage, "enter", snap=False)
    aws.client.cache_clear()  # those of this test
    aws.table.cache_clear()
    try:
        for step in before:
            getattr(container, step)()
        assert [one["step"] for one in notes()] == ["prepare", "identity"]
        assert {one["clients"] for one in notes()} == {0}
        assert aws.client.cache_info().currsize == aws.table.cache_info().currsize == 0
        for step in after:
            getattr(container, step)()
        warm = notes()[-1]
        assert warm["step"] == "warm_up"
        assert warm["imported"], "the first step imported what a run needs"
        (method,) = clouds.steps(modal.Stage, "method")
        assert getattr(container, method)(dropped) == {"batchItemFailures": []}
        assert state(stage) == "succeeded"
        assert len({one["pid"] for one in notes()}) == 1, "the child of the snapshot does the work"
        assert getattr(container, method)({"no": "event"})["error"].startswith("bad_event")
    finally:
        (close,) = clouds.steps(modal.Stage, "exit")
        getattr(container, close)()


def test_modal_is_asked_for_a_gpu_a_snapshot_and_another_try(modal):
    options = modal.app.options
    assert modal.app.name == "videodrop-snap"
    assert (options["gpu"], options["enable_memory_snapshot"]) == ("L4", True)
    (settings,) = next(given for name, given in options["image"].calls if name == "env")
    assert settings["VIDEODROP_STAGE"] == "snap"
    assert float(settings["VIDEODROP_WORKER_TIMEOUT_S"]) < options["timeout"]
    assert options["retries"]["max_retries"] > 0
    assert 0 < options["max_containers"] <= 10, "a flood of events has a price"
    assert ("entrypoint", ([],)) in options["image"].calls


def test_modal_gets_an_image_of_a_private_registry_by_its_secret(stage, monkeypatch):  # noqa: ARG001 - its settings
    public = loaded("handlers.on_modal", clouds.modal(), monkeypatch).app.options["image"]
    assert public.named["from_registry"] == {"secret": None}
    monkeypatch.setenv("REGISTRY_SECRET", "registry")
    library = clouds.modal()
    private = loaded("handlers.on_modal", library, monkeypatch).app.options["image"]
    assert private.named["from_registry"] == {"secret": library.Secret}
    assert ("from_name", ("registry",)) in library.Secret.calls


def test_modal_calls_again_after_an_event_that_was_not_done(modal, stage, monkeypatch):
    container = modal.Stage()
    container._jobs = Jobs.of_stage(stage)
    try:
        monkeypatch.setattr(container._jobs, "_do", lambda _: NotDone(503, "again", "Later."))
        with pytest.raises(RuntimeError, match=r"again: Later\."):
            container.run(json.loads(aws_events.created(KEY, bucket=stage.names.uploads_bucket)))
    finally:
        container.close()


# -- SageMaker and Cloud Run, by HTTP --------------------------------------------------------------


@pytest.fixture
def host(stage: Settings) -> Iterator[httpx.Client]:
    """Return a client of the server that these hosts start."""
    app = PushHost(stage, Jobs.of_stage(stage)).app()
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="on", log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
        yield client
    server.should_exit = True
    thread.join()


def test_sagemaker_pings_until_the_stage_is_loaded_and_then_invokes(host, dropped, stage):
    statuses = [host.get("/ping").status_code]
    while statuses[-1] != 200:
        statuses.append(host.get("/ping").status_code)
    assert set(statuses) <= {503, 200}
    headers = {"Content-Type": "application/json", "X-Amzn-SageMaker-Inference-Id": "i"}
    answer = host.post("/invocations", json=dropped, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"batchItemFailures": []})
    assert state(stage) == "succeeded"
    assert host.post("/invocations", content=b"no JSON").status_code == 400


def published(event: Any) -> dict[str, Any]:
    """Return the body of a push of Pub/Sub."""
    data = base64.b64encode(json.dumps(event).encode()).decode()
    message = {"data": data, "messageId": "1", "attributes": {}}
    return {"message": message, "subscription": "projects/p/subscriptions/s"}


def test_cloud_run_gets_events_from_pubsub_and_eventarc(host, dropped, stage):
    answer = host.post("/", json=published(dropped))
    assert (answer.status_code, state(stage)) == (200, "succeeded")
    eventarc = {
        "ce-specversion": "1.0",
        "ce-id": "1",
        "ce-type": "google.cloud.pubsub.topic.v1.messagePublished",
        "ce-source": "//pubsub.googleapis.com/projects/p/topics/t",
    }
    assert host.post("/", json=published(dropped), headers=eventarc).status_code == 200


@pytest.mark.parametrize("adapter", ["handlers.on_runpod", "handlers.on_modal"])
def test_no_other_process_imports_the_library_of_a_cloud(adapter):
    source = Path(f"{adapter.replace('.', '/')}.py")
    root = Path(__file__).parents[3]
    library = adapter.removeprefix("handlers.on_")
    importing = {
        path.relative_to(root)
        for folder in ("handlers", "pipeline")
        for path in (root / folder).rglob("*.py")
        if f"import {library}\n" in path.read_text() or f"import {library}  #" in path.read_text()
    }
    assert importing == {source}


def test_a_host_without_a_stage_is_told_which_there_are():
    with pytest.raises(MissingDependency, match="VIDEODROP_STAGE to the one stage") as raised:
        Jobs.of_stage(Settings())
    assert raised.value.code == "no_stage"
