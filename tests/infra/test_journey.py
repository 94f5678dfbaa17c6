"""One video through Terraform's resources: uploaded, queued, processed, read."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from pipeline import bootstrap
from pipeline.api.app import create_app
from pipeline.aws import clients as aws
from pipeline.core.events import video_id
from pipeline.core.settings import Settings
from pipeline.hosts.worker import Worker
from tests.conftest import topology_with
from tests.fakes.query import Client
from tests.infra.conftest import ROOT, Applied

WAIT_S = 300.0


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Return the first seconds of a sample."""
    path, sample = tmp_path / "clip.mp4", ROOT / "samples" / "landscape.mp4"
    cut = ["-v", "error", "-nostdin", "-i", sample, "-t", "2", "-c", "copy", path]
    subprocess.run(["ffmpeg", *cut], check=True)
    return path


@contextmanager
def working(config: Settings) -> Iterator[None]:
    """Run a worker that hosts every stage during the block."""
    worker = Worker(config, list(config.topology.stages), wait_s=1)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join()


def queued(installation: Applied, stage: str, lane: Any) -> list[str]:
    """Return the keys of the uploads in a lane without removing them."""
    url = installation.output["queues"][stage][bootstrap.settings().names.queue(stage, lane)]
    found = aws.client("sqs").receive_message(QueueUrl=url, VisibilityTimeout=0)
    events = [json.loads(message["Body"]) for message in found.get("Messages", [])]
    return [event["detail"]["object"]["key"] for event in events]


def first_address(playlist: str) -> str:
    return next(line for line in playlist.splitlines() if not line.startswith("#"))


def test_an_uploaded_video_is_queued_for_every_stage_processed_and_shown(
    installation: Applied, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("VIDEODROP_SCRATCH", str(tmp_path / "scratch"))
    # Models take seconds to load, and do not depend on the resources.
    toys = dict.fromkeys(("transcribe", "detect", "toy"), "tests.fakes.toystage")
    monkeypatch.setenv("VIDEODROP_TOPOLOGY", str(topology_with(toys, tmp_path / "toys.json")))
    bootstrap.settings.cache_clear()
    config = bootstrap.settings()
    bucket, key = config.names.uploads_bucket, f"{config.topology.uploads.prefix}clip.mp4"
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=clip.read_bytes())
    for stage in config.topology.stages:
        assert queued(installation, stage, "live") == [key]
        assert queued(installation, stage, "replay") == []

    api, path = Client(create_app()), f"/videos/{video_id(bucket, key)}"
    with working(config):
        end = time.monotonic() + WAIT_S
        while not (video := api.get(path).json()).get("stages") or video["status"] == "processing":
            assert time.monotonic() < end, video
            time.sleep(0.2)

    assert video["status"] == "ready", video
    assert [stage["stage"] for stage in video["stages"]] == list(config.topology.stages)
    (listed,) = api.get("/videos", params={"label": "hello"}).json()["videos"]
    assert listed["key"] == key
    assert httpx.get(video["poster"]).headers["Content-Type"] == "image/jpeg"
    master = video["links"]["playlist"]
    rung = urljoin(master, first_address(api.get(master).text))
    assert httpx.get(first_address(api.get(rung).text)).is_success
