"""The command line in this process, over real HTTP to the embedded AWS, with toy stages alone."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.aws import provision as resources
from pipeline.cli import main
from pipeline.core import events
from pipeline.core.media_info import Probe
from pipeline.core.settings import Settings
from pipeline.runs.delivery import Delivery
from tests.conftest import forget_process_state, topology_with
from tests.fakes.seed import Seed


@dataclass
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        return json.loads(self.err)["error"]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run the command line as in a process of its own: ``cli("ls", "--json")``."""

    def run(*args: object) -> Ended:
        forget_process_state()
        monkeypatch.setattr(sys, "argv", ["videodrop", *map(str, args)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Ended(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def toys(config: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """An installation whose only stage is a toy."""
    path = topology_with({"toy": "tests.fakes.toystage"}, tmp_path / "topology.json", only=True)
    monkeypatch.setenv("VIDEODROP_TOPOLOGY", str(path))
    settings = config.model_copy(update={"topology_path": path})
    resources.ensure(settings)
    return settings


@pytest.fixture
def worked(toys: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """The toys' installation with a worker in a thread; what is uploaded need not be a video."""
    monkeypatch.setattr(
        "pipeline.runs.execute.probe",
        lambda path, _: Probe(container="mov", duration_s=1, size_bytes=path.stat().st_size),
    )
    runner = bootstrap.runner("toy", toys)
    with hosting({toys.names.queue("toy"): lambda body: runner.handle(body, Delivery(60))}):
        yield toys


@pytest.fixture
def replayed(worked: Settings) -> Iterator[Settings]:
    """The same, with workers for the replay lane and the driver of replays."""
    runner, driver = bootstrap.runner("toy", worked), bootstrap.driver(worked)
    lanes: dict[str, Callable[[str], object]] = {
        worked.names.queue("toy", "replay"): lambda body: runner.handle(body, Delivery(60)),
        worked.names.queue("replays"): lambda body: driver.drive(
            events.replay_requested(body), seconds=60
        ),
    }
    with hosting(lanes):
        yield worked


@contextmanager
def hosting(queues: dict[str, Callable[[str], object]]) -> Iterator[None]:
    """Deliver the messages of each queue in a thread."""
    sqs = aws.client("sqs")
    ending = threading.Event()

    def work(queue: str, handle: Callable[[str], object]) -> None:
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        while not ending.is_set():
            got = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)
            for message in got.get("Messages", []):
                handle(message["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    threads = [threading.Thread(target=work, args=queue) for queue in queues.items()]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ending.set()
        for thread in threads:
            thread.join()


@pytest.fixture
def seed(stored: Settings, tmp_path: Path) -> Seed:
    return Seed.of(stored, tmp_path)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A second of video whose name is markup."""
    path = tmp_path / "[b]clip.mp4"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=64x36:d=1:r=5"]
    subprocess.run([*command, "-preset", "ultrafast", str(path)], check=True, timeout=60)
    return path
