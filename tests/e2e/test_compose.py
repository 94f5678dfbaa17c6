"""The services of the Compose file as processes: their commands, environments and health checks.

A host's name becomes loopback, a volume a folder, and a port a free one.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config

from containers import dockerfile
from tests.fakes.compose import ENV, load
from tests.fakes.ports import free_port
from tests.fakes.servers import is_a_setting, untraced

ROOT = Path(__file__).parents[2]
IMAGE = dockerfile.lineage(dockerfile.read(), "local")
STAGES = {"VIDEODROP_STAGES": "thumbnail"}  # the cheapest one


class Containers:
    """The services of a project, each a process on this host."""

    def __init__(self, project: dict[str, Any], folder: Path) -> None:
        self._services = project["services"]
        self._folder = folder
        self._ports = {port: free_port() for port in ("4599", "8080")}
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self._ports['8080']}"

    @property
    def aws(self) -> str:
        return f"http://127.0.0.1:{self._ports['4599']}"

    def environment(self, name: str) -> dict[str, str]:
        """Return the environment of a service; its folder for temporary files is its own."""
        temporary = self._folder / name
        temporary.mkdir(exist_ok=True)
        kept = {k: v for k, v in untraced().items() if not is_a_setting(k)}
        given = {k: self._here(v) for k, v in self._services[name]["environment"].items()}
        return {**kept, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary), **given}

    def up(self) -> None:
        """Start all services, each after those that it needs."""
        waiting = list(self._services)
        while waiting:
            for name in waiting:
                needs = self._services[name].get("depends_on", {})
                if not needs.keys() & set(waiting):
                    for other, how in needs.items():
                        self._await(other, how["condition"])
                    self.start(name)
                    waiting.remove(name)
                    break

    def start(self, name: str) -> None:
        service = self._services[name]
        entrypoint = service.get("entrypoint", dockerfile.last(IMAGE, "ENTRYPOINT").words)
        command = [self._here(word) for word in [*entrypoint, *service["command"]]]
        self.running[name] = subprocess.Popen(
            command, cwd=ROOT, env=self.environment(name), stdout=subprocess.DEVNULL
        )

    def is_healthy(self, name: str) -> bool:
        """Return the result of a service's health check, or else of its image's."""
        check = self._services[name].get("healthcheck", {}).get("test")
        check = check or dockerfile.last(IMAGE, "HEALTHCHECK").rest.removeprefix("CMD ")
        words = check[1:] if isinstance(check, list) else json_words(check)
        command = [self._here(word) for word in words]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        done = subprocess.run(command, env=self.environment(name), check=False, **quiet)
        return done.returncode == 0

    def down(self) -> dict[str, int]:
        """Stop all services; return the exit status of each that still ran."""
        left = [name for name, one in self.running.items() if one.poll() is None]
        for name in reversed(left):
            self.running[name].terminate()
            self.running[name].wait(60)
        return {name: self.running[name].returncode for name in left}

    def _await(self, name: str, condition: str) -> None:
        if condition == "service_completed_successfully":
            assert self.running[name].wait(60) == 0
        else:
            until(lambda: self.is_healthy(name))

    def _here(self, text: str) -> str:
        for port, free in self._ports.items():
            text = text.replace(port, str(free))
        here = {"http://aws:": "http://127.0.0.1:", "/opt/data": str(self._folder / "data")}
        for there, place in here.items():
            text = text.replace(there, place)
        return sys.executable if text == "python" else text


def json_words(text: str) -> list[str]:
    return dockerfile.Step("CMD", {}, text).words


def until(condition: Callable[[], Any], timeout_s: float = 90.0) -> Any:
    end = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.3)
    return found


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Containers]:
    (tmp_path / "data").mkdir()
    containers = Containers(load("compose.yaml", env=ENV | STAGES), tmp_path)
    try:
        yield containers
    finally:
        for one in containers.running.values():
            if one.poll() is None:
                one.kill()
                one.wait()


def test_a_dropped_video_is_ready_survives_a_kill_and_everything_stops(
    project: Containers, make_video: Callable[..., Path]
) -> None:
    clip = make_video("clip.mp4", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=5:d=2")
    project.up()
    for name in ("aws", "api", "control", "worker"):
        until(lambda name=name: project.is_healthy(name))
    environment = project.environment("aws")
    s3 = boto3.client(
        "s3",
        endpoint_url=project.aws,
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        config=Config(s3={"addressing_style": "path"}),
    )
    s3.put_object(Bucket="videodrop-uploads", Key="videos/clip.mp4", Body=clip.read_bytes())
    token = ENV["VIDEODROP_API_TOKEN"]
    with httpx.Client(base_url=project.api, trust_env=False, timeout=30) as anyone:
        assert anyone.get("/videos").status_code == 401
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=project.api, headers=headers, trust_env=False, timeout=30) as client:

        def ready() -> Any:
            videos = client.get("/videos").json()["videos"]
            return [one for one in videos if one["status"] == "ready"]

        (video,) = until(ready)
        poster = client.get(video["poster"]).content
        assert poster.startswith(b"\xff\xd8")
        # A power cut of the only service with a state; Docker starts it again.
        project.running["aws"].send_signal(signal.SIGKILL)
        project.running["aws"].wait()
        project.start("aws")
        until(lambda: project.is_healthy("aws"))
        (kept,) = ready()
        assert kept["video_id"] == video["video_id"]
        assert client.get(kept["poster"]).content == poster
    # uvicorn ends by the signal itself, after its orderly shutdown.
    ended = {"aws": 0, "api": -signal.SIGTERM, "control": 0, "worker": 0}
    assert project.down() == ended
