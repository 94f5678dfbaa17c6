"""A fifth stage is one new file (the toy stage) and one topology entry: nothing else."""

import asyncio
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from handlers import stage as stage_handler
from pipeline import bootstrap
from pipeline.api.app import create_app
from pipeline.aws import clients as aws
from pipeline.aws import provision as resources
from pipeline.core.events import video_id
from pipeline.core.records import StageRun
from pipeline.core.settings import Settings
from pipeline.hosts.worker import Worker
from pipeline.hosts.worker.lane import Lane
from tests.conftest import topology_with
from tests.integration.runs.test_handlers import Context

KEY = "videos/a second+100%.mp4"
WAIT_S = 180.0


@pytest.fixture
def house(config: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """An installation whose topology has one more entry; all its resources exist."""
    path = topology_with({"toy": "tests.fakes.toystage"}, tmp_path / "topology.json")
    monkeypatch.setenv("VIDEODROP_TOPOLOGY", str(path))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    grown = config.model_copy(update={"topology_path": path})
    resources.ensure(grown)
    return grown


@pytest.fixture
def dropped(house: Settings, tmp_path: Path) -> str:
    """A real second of video in the uploads bucket; returns its video id."""
    film = tmp_path / "film.mp4"
    picture = ["-f", "lavfi", "-i", "testsrc2=size=64x36:rate=10:duration=1"]
    subprocess.run(["ffmpeg", "-v", "error", *picture, str(film)], check=True)
    bucket = house.names.uploads_bucket
    aws.client("s3").put_object(
        Bucket=bucket, Key=KEY, Body=film.read_bytes(), Metadata={"videodrop-toy-text": "fifth"}
    )
    return video_id(bucket, KEY)


def toy(house: Settings, vid: str) -> StageRun:
    video = bootstrap.catalog(house).video(vid)
    assert video is not None
    assert list(video.stages) == ["transcode", "thumbnail", "transcribe", "detect", "toy"]
    return video.stages["toy"]


def test_a_fifth_stage_is_queued_run_and_recorded(
    house: Settings, dropped: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("VIDEODROP_STAGE", "toy")
    lane = Lane(aws.client("sqs"), house.names.queue("toy"), visibility_s=60, wait_s=10)
    record = lane.receive()
    assert record is not None
    answer = stage_handler.handler({"Records": [record]}, Context())
    assert answer == {"batchItemFailures": []}
    run = toy(house, dropped)
    assert run.state == "succeeded"
    assert run.current_result is not None
    artifacts = bootstrap.artifacts(house)
    assert artifacts.read(run.current_result.prefix + "toy.txt") == b"fifth"
    video = bootstrap.catalog(house).video(dropped)
    assert video is not None
    assert video.probe is not None
    assert video.probe.video is not None
    assert (video.probe.video.width, video.probe.video.height) == (64, 36)
    assert video.upload.key == KEY


def test_a_fifth_stage_is_hosted_by_the_worker_and_shown_by_the_api(house: Settings, dropped: str):
    with working(house):
        end = time.monotonic() + WAIT_S
        while (shown := toy_view(dropped)) is None or shown["state"] != "succeeded":
            assert time.monotonic() < end, shown
            time.sleep(0.1)
        assert shown["labels"] == ["fifth"]
        assert shown["params"] == {"text": "fifth", "repeat": 1}
        (artifact,) = shown["artifacts"]
        assert (artifact["role"], artifact["bytes"]) == ("toy_text", 5)


def toy_view(vid: str) -> dict | None:
    """Return what the API shows of the stage; None while the video is not known yet."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(create_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as api:
            return await api.get(f"/videos/{vid}")

    answer = asyncio.run(ask())
    if answer.status_code == 404:
        return None
    return {stage["stage"]: stage for stage in answer.json()["stages"]}["toy"]


@contextmanager
def working(house: Settings) -> Iterator[None]:
    """A worker that hosts the toy, for as long as the block lasts."""
    worker = Worker(house, ["toy"], wait_s=1)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join()
