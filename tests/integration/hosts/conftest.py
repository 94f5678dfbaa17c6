import contextlib
import json
import os
import signal
import subprocess
import uuid
from pathlib import Path

import pytest

from pipeline.aws import clients as aws
from pipeline.core.settings import Settings
from pipeline.hosts.child import Child
from tests.fakes.event_bench import Bench
from tests.fakes.servers import is_a_setting

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class Server:
    """Run the embedded AWS as a child process; a context manager."""

    def __init__(self, folder, port=0):
        self.folder = folder
        self.child = Child(
            "pipeline.hosts.local.server",
            str(folder),
            str(port),
            env=os.environ,
            stdout=subprocess.PIPE,
        )
        self.said = json.loads(self.child.stdout.readline())
        self.endpoint = self.said.get("endpoint")
        self.message = self.said.get("message")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.stop(10)

    def cut(self):
        os.kill(self.child.pid, signal.SIGKILL)
        self.child.wait(10)


@contextlib.contextmanager
def pointed_to(server):
    """Configure boto3's environment and our cached clients for ``server``."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.setenv("AWS_ENDPOINT_URL", server.endpoint)
        patch.delenv("AWS_PROFILE", raising=False)
        aws.client.cache_clear()
        aws.table.cache_clear()
        yield
    aws.client.cache_clear()
    aws.table.cache_clear()


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("server") / "aws") as server:
        yield server


@pytest.fixture
def server(shared_server):
    with pointed_to(shared_server):
        yield shared_server


@pytest.fixture
def settings(server, monkeypatch):  # noqa: ARG001 - boto3's environment
    for name in filter(is_a_setting, list(os.environ)):
        if name.startswith("VIDEODROP_"):
            monkeypatch.delenv(name)
    return Settings(name=f"t{uuid.uuid4().hex[:8]}", lease_s=3)


@pytest.fixture
def start_server():
    """Return a function that starts a server, which ends after the test."""
    with contextlib.ExitStack() as started:
        yield lambda folder, port=0: started.enter_context(Server(Path(folder), port))


@pytest.fixture
def point_to():
    return pointed_to


@pytest.fixture
def bench(server):  # noqa: ARG001 - boto3's environment
    return Bench()
