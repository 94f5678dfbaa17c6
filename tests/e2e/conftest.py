"""The whole stack, started as a user starts it, once for the end-to-end tests of a process."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import psutil
import pytest

from pipeline.core.topology import DEFAULT_PATH
from pipeline.hosts.stack_file import StackFile
from tests.fakes.secrets import check_logs
from tests.fakes.servers import is_a_setting, untraced

SAMPLES = Path(__file__).parents[2] / "samples"
START_S = 120


@dataclass
class Stack:
    """A running ``videodrop up`` and its command line."""

    home: Path
    process: subprocess.Popen[str]
    file: StackFile
    settings: dict[str, str]

    def cli(self, *args: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "pipeline.cli", *map(str, args)],
            env=self.settings,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if check:
            assert done.returncode == 0, (args, done.stdout, done.stderr)
        return done

    def add(self, *args: str | Path) -> dict[str, dict[str, Any]]:
        """Upload files, wait, and return each video of the REST API by file name."""
        done = self.cli("add", *args, "--wait", "--json", check=False)
        assert done.stdout, (done.returncode, done.stderr)
        listed = json.loads(done.stdout)["videos"]
        return {one["name"]: self.video(one["video_id"]) for one in listed}

    def video(self, video_id: str) -> dict[str, Any]:
        answer = httpx.get(f"{self.file.api_url}/videos/{video_id}", trust_env=False)
        answer.raise_for_status()
        return dict(answer.json())

    def service(self, name: str) -> Any:
        """Return boto3's resource of the embedded AWS."""
        return boto3.resource(
            name,
            endpoint_url=self.file.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.file.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.file.environment["AWS_SECRET_ACCESS_KEY"],
        )

    def get(self, path: str, **params: Any) -> httpx.Response:
        return httpx.get(self.file.api_url + path, params=params, trust_env=False, timeout=30)


def environment(home: Path) -> dict[str, str]:
    kept = {k: v for k, v in untraced().items() if not is_a_setting(k)}
    return {**kept, "VIDEODROP_HOME": str(home), "VIDEODROP_LEASE_S": "15", "COLUMNS": "200"}


def start(home: Path, *, stages: Collection[str] | None = None, **more: str) -> Stack:
    """Start a stack; with ``stages``, one that has no others, because each has processes."""
    if stages:
        path = home.parent / "topology.json"
        topology = json.loads(DEFAULT_PATH.read_bytes())
        topology["stages"] = {name: topology["stages"][name] for name in stages}
        path.write_text(json.dumps(topology))
        more["VIDEODROP_TOPOLOGY"] = str(path)
    settings = environment(home) | more
    log = (home.parent / "up.log").open("a")
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "up", "--port", "0"],
        env=settings,
        stdout=log,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    log.close()
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        found = StackFile.read(home)
        if found and found.pid == process.pid and _answers(found.api_url):
            return Stack(home, process, found, settings)
        assert process.poll() is None, (home.parent / "up.log").read_text()
        time.sleep(0.3)
    stop(process)
    raise AssertionError((home.parent / "up.log").read_text())


def stop(process: subprocess.Popen[str], how: int = signal.SIGINT) -> list[psutil.Process]:
    """Stop the stack; kill and return processes left running."""
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    process.send_signal(how)
    process.wait(60)
    _, left = psutil.wait_procs(family, timeout=60)
    for one in left:
        one.kill()
    return left


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", trust_env=False, timeout=2).is_success
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="package")  # a stack that is idle takes 5 % of a core
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    running = start(tmp_path_factory.mktemp("stack") / "home")
    try:
        yield running
    finally:
        assert stop(running.process) == [], "processes were left running"
    check_logs(running.home.parent)


@pytest.fixture(scope="package")
def samples(stack: Stack) -> dict[str, dict[str, Any]]:
    """Process every sample."""
    return stack.add(*sorted(SAMPLES.glob("*.mp4")))


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[..., Path]:
    """Make a video with ffmpeg: ``make_video(name, *options)``."""

    def make(name: str, *options: str) -> Path:
        path = tmp_path / name
        subprocess.run(
            ["ffmpeg", "-v", "error", "-nostdin", "-y", *options, str(path)], check=True, timeout=60
        )
        return path

    return make
