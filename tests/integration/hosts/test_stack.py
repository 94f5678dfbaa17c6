"""The whole stack on one machine, from its start to its shutdown."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import boto3
import httpx
import psutil
import pytest

from pipeline.core.settings import Settings
from pipeline.hosts.local.credentials import Credentials
from pipeline.hosts.local.stack import Stack
from pipeline.hosts.stack_file import StackFile
from tests.conftest import topology_with
from tests.fakes.secrets import check_logs
from tests.fakes.servers import is_a_setting

SCRIPT = """
import os
import sys
from pathlib import Path
from pipeline.core.errors import VideodropError
from pipeline.hosts.local.stack import Stack
from pipeline.core.settings import Settings

if sys.argv[2:] != ["traced"]:
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
try:
    Stack(
        Settings(home=Path(sys.argv[1])),
        host=os.environ.get("TEST_HOST", "127.0.0.1"),
        port=0,
        aws_port=0,
        tell=lambda message: print(message, flush=True),
    ).run()
except VideodropError as error:
    print(error, flush=True)
    sys.exit(1)
"""


class Up:
    """A running stack; its processes are measured for coverage on request."""

    def __init__(self, home, *told, **environment):
        inherited = {name: value for name, value in os.environ.items() if not is_a_setting(name)}
        self.home = home
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(home), *told],
            stdout=subprocess.PIPE,
            text=True,
            env=inherited | environment,
        )
        self.said = []

    def hear(self, what):
        """Read the output up to a line that contains ``what``."""
        for line in self.process.stdout:
            self.said.append(line)
            if what in line:
                return line
        raise AssertionError(f"{what!r} was not said: {self.said}")

    def family(self):
        return psutil.Process(self.process.pid).children(recursive=True)

    def parts(self):
        """Return the number of processes, without copies that save the state."""
        return len({tuple(process.cmdline()) for process in self.family()})

    def part(self, module):
        """Wait for the part's process, and return it."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            for process in self.family():
                with contextlib.suppress(psutil.Error):
                    if module in process.cmdline():
                        return process
            time.sleep(0.05)
        raise AssertionError(f"no {module} is running")

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        self.said += self.process.stdout.readlines()
        return self.process.wait(60)


@pytest.fixture
def start(tmp_path):
    """Return a function that starts a stack, which ends after the test."""
    with starting(tmp_path) as up:
        yield up


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """Return a stack that others can reach, started among the settings of a real account."""
    folder = tmp_path_factory.mktemp("running")
    with starting(folder) as up:
        stack = up(
            AWS_PROFILE="production",
            AWS_SESSION_TOKEN="secret",  # noqa: S106 - it must not be used
            HOME=str(folder),
            VIDEODROP_HOSTS='["videos.lan"]',
            TEST_HOST="0.0.0.0",  # noqa: S104 - it needs a token
        )
        stack.hear("Ready")
        yield stack
        assert stack.end() == 0


@contextlib.contextmanager
def starting(folder):
    stacks = []

    # One stage, because each is a process; the end-to-end tests use all of them.
    topology = topology_with({"toy": "tests.fakes.toystage"}, folder / "topology.json", only=True)

    def up(*told, **environment):
        here = {"VIDEODROP_TOPOLOGY": str(topology)}
        stacks.append(Up(folder / "home", *told, **here | environment))
        return stacks[-1]

    yield up
    for stack in stacks:
        if stack.process.poll() is None:
            for process in stack.family():
                process.kill()
            stack.process.kill()
        stack.process.stdout.close()
        stack.process.wait()


def gone(processes, timeout_s=120):
    end = time.monotonic() + timeout_s
    while left := [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]:
        assert time.monotonic() < end, left
        time.sleep(0.05)


def test_a_dropped_file_is_processed_and_ctrl_c_stops_every_process(start):
    stack = start("traced")
    stack.hear("Ready")
    word = StackFile.read(stack.home)
    assert word.pid == stack.process.pid
    assert word.environment["AWS_ENDPOINT_URL"] == word.endpoint
    assert word.environment["VIDEODROP_TOPOLOGY"].endswith("/topology.json")
    httpx.get(f"{word.api_url}/health").raise_for_status()
    counted = httpx.get(f"{word.api_url}/metrics").text
    assert "videodrop_http_request_duration_seconds_count" in counted

    second = start()
    assert f"process {stack.process.pid}" in second.hear("already up")
    assert second.process.wait(30) == 1

    (stack.home / "inbox" / "not a film.mp4").write_text("text")
    stack.hear("not a film.mp4 was dropped")

    family = stack.family()
    assert stack.parts() == 3 + 4  # server, worker, API; toy, janitor, driver of replays, events
    worker = stack.part("pipeline.hosts.worker")
    children = worker.children()
    worker.kill()
    stack.hear("worker ended unexpectedly")
    gone(children)
    stack.part("pipeline.hosts.local.server").kill()
    stack.hear("server ended unexpectedly")
    stack.hear("was cut off")

    family += stack.family()
    assert stack.end() == 0
    gone(family, timeout_s=0)  # all ended before it returned
    assert StackFile.read(stack.home) is None
    assert not (stack.home / "stack.json").exists()
    assert not (stack.home / "aws" / "running").exists()
    journal = (stack.home / "inbox.journal").read_text()
    assert json.loads(journal)[-1].endswith("/not a film.mp4")


def test_other_clients_use_the_credentials_that_the_stack_wrote(running):
    config = running.home / "aws.config"
    for private in (config, running.home / "stack.json"):
        assert private.stat().st_mode & 0o077 == 0, private
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_CONFIG_FILE", str(config))
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.delenv(name)
        session = boto3.Session(profile_name="videodrop")
        buckets = session.client("s3").list_buckets()["Buckets"]
        assert "videodrop-uploads" in {bucket["Name"] for bucket in buckets}


def test_credentials_that_others_could_have_written_are_replaced(tmp_path):
    path = tmp_path / "aws.config"
    first = Credentials(path, "us-east-1").keys
    assert Credentials(path, "us-east-1").keys == first
    path.chmod(0o644)
    second = Credentials(path, "us-east-1").keys
    assert second.access_key_id != first.access_key_id
    assert second.secret_access_key != first.secret_access_key
    assert path.stat().st_mode & 0o077 == 0


def test_another_profile_may_have_any_secret(tmp_path):
    other = {"store": {"aws_secret_access_key": "50%(x"}}
    keys = [Credentials(tmp_path / "aws.config", "us-east-1", other).keys for _ in range(2)]
    assert keys[0] == keys[1]
    assert "50%(x" in (tmp_path / "aws.config").read_text()


def keys_in(text):
    return [line for line in text.splitlines() if line.startswith("aws_")]


def test_no_setting_of_a_real_account_is_used(running):
    assert running.process.poll() is None


def test_the_api_answers_under_names_of_this_machine_only(running):
    stack = StackFile.read(running.home)
    url, token = stack.api_url, {"Authorization": f"Bearer {stack.token}"}
    port = url.rpartition(":")[2]
    for host in ("evil.example", f"evil.example:{port}", "localhost.evil.example", ""):
        answer = httpx.get(f"{url}/videos", headers={"Host": host} | token)
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_host"), host
    for host in (
        "localhost",
        f"127.0.0.1:{port}",
        "192.168.1.5",
        "videos.lan",
        socket.gethostname(),
    ):
        assert httpx.get(f"{url}/videos", headers={"Host": host} | token).status_code == 200, host


def test_other_devices_need_the_token_and_send_a_file_to_the_api_alone(running):
    stack = StackFile.read(running.home)
    port = stack.api_url.rpartition(":")[2]
    assert all(url.endswith(f":{port}") and "//127." not in url for url in stack.lan_urls)
    url = f"http://127.0.0.2:{port}"  # as another device addresses this machine
    assert httpx.get(f"{url}/").status_code == 200
    assert httpx.get(f"{url}/videos").status_code == 401
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {stack.token}"}) as device:
        new = device.post("/uploads", json={"name": "a.mp4", "size": 4}).json()
        assert httpx.put(url + new["parts"][0]["url"], content=b"film").status_code == 200
        done = device.post(new["links"]["complete"]).json()
        assert done["state"] == "completed"
    assert stack.token not in "".join(running.said)
    check_logs(running.home)
    assert not any(stack.token in log.read_text() for log in running.home.rglob("*.log"))


def test_the_stack_after_a_killed_one_has_its_credentials_and_ends_if_a_part_keeps_ending(start):
    stack = start()
    stack.hear("Ready")
    before = (stack.home / "aws.config").read_text()
    family = stack.family()
    assert stack.parts() == 3 + 4  # server, worker, API; toy, janitor, driver of replays, events
    stack.process.kill()
    stack.process.wait()
    gone(family)
    assert StackFile.read(stack.home) is None
    again = start()
    again.hear("Ready")
    assert "cut off" not in "".join(again.said), "its server has saved all"
    now = (stack.home / "aws.config").read_text()
    assert keys_in(now) == keys_in(before), "addresses and clients outlive a restart"
    family = again.family()
    url = StackFile.read(again.home).api_url
    for _ in range(3):
        again.part("pipeline.api.server").kill()
        answer = httpx.get(url, timeout=60)
        assert answer.is_success, "a request waits for the API that starts"
        again.hear("api ended unexpectedly")
    again.part("pipeline.api.server").kill()
    again.hear("api does not stay up")
    assert again.process.wait(60) == 1
    gone(family, timeout_s=0)


def test_another_endpoint_is_used_as_it_is(start, server):
    stack = start(
        AWS_ENDPOINT_URL=server.endpoint,
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",  # noqa: S106 - the server's own
        AWS_REGION="us-east-1",
        AWS_DEFAULT_REGION="us-east-1",
        VIDEODROP_NAME="elsewhere",
    )
    stack.hear(server.endpoint)
    stack.hear("Ready")
    assert not any("pipeline.hosts.local.server" in p.cmdline() for p in stack.family())
    assert StackFile.read(stack.home).endpoint == server.endpoint
    assert stack.end(signal.SIGTERM) == 0
    assert not (stack.home / "aws").exists()


def test_an_unreadable_state_is_reported_and_everything_is_stopped(start, tmp_path):
    state = tmp_path / "home" / "aws"
    state.mkdir(parents=True, mode=0o700)
    (state / "state.pickle").touch(mode=0o600)
    (state / "state.pickle").write_bytes(b'{"moto": "4.0.0"}\n')
    stack = start()
    stack.hear("pip install moto==4.0.0")
    assert stack.process.wait(60) == 1


def test_the_endpoint_of_a_single_service_is_kept(tmp_path, monkeypatch):
    said, embedded, other = [], "http://127.0.0.1:4599", "http://127.0.0.1:8000"
    stack = Stack(Settings(home=tmp_path), tell=said.append)
    server = SimpleNamespace(announced=lambda _: {"endpoint": embedded, "message": None})
    monkeypatch.setattr(stack, "_add", lambda *_: server)
    environment = {"AWS_ENDPOINT_URL_DYNAMODB": other}
    own = {
        "AWS_SESSION_TOKEN": "of an account",
        "AWS_PROFILE": "production",
        "AWS_CONFIG_FILE": "of an account",
        "AWS_SHARED_CREDENTIALS_FILE": "of an account",
        "AWS_EC2_METADATA_DISABLED": "false",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    }
    environment |= own
    monkeypatch.setattr(os, "environ", environment)
    for variables in (stack._aws(), environment):
        assert not own.items() & variables.items(), "nothing reaches a real account"
        assert variables["AWS_ENDPOINT_URL_DYNAMODB"] == other
        for name in ("", "_S3", "_SQS", "_EVENTBRIDGE"):
            assert variables[f"AWS_ENDPOINT_URL{name}"] == embedded
    assert any("AWS_ENDPOINT_URL_DYNAMODB is set" in line for line in said)


def test_an_unreachable_endpoint_is_reported(start):
    stack = start(
        AWS_ENDPOINT_URL="http://127.0.0.1:1",
        AWS_ACCESS_KEY_ID="a",
        AWS_SECRET_ACCESS_KEY="b",  # noqa: S106 - moto accepts anything
        AWS_DEFAULT_REGION="us-east-1",
        AWS_MAX_ATTEMPTS="1",
    )
    stack.hear("could not be reached")
    assert stack.process.wait(60) == 1
