"""Fixtures of every test: loopback only, an embedded AWS, and no processes left running."""

import contextlib
import gc
import ipaddress
import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import psutil
import pytest

from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.aws import provision as resources
from pipeline.core.settings import Settings
from pipeline.core.topology import DEFAULT_PATH
from pipeline.stages.models import host
from tests.fakes.ports import free_port
from tests.fakes.secrets import Watch
from tests.fakes.servers import TRACING, embedded_aws

_RUN = "TEST_RUN"  # the session that a process belongs to
_numbers = count(1)
_KNOWN = ("localhost", ".example", ".invalid", ".test")  # here, or nowhere (RFC 6761)
_TOGETHER = {
    # Its import and Ultralytics' take several seconds.
    "torch": {
        f"tests/integration/stages/test_{name}.py"
        for name in ("detect", "device", "onnx", "reference_weights")
    },
    # The source as a tree, and the OpenAPI document.
    "reference": {
        f"tests/unit/{name}.py"
        for name in ("api/client/test_generated", "core/test_errors", "test_reference")
    },
}


# -- processes of the suite ------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Exclude modules and collected tests from garbage collection: they live to the end.

    Otherwise every full collection looks through them, in each process of the suite.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of a file in one process, and those that share what takes long to make."""
    from xdist.scheduler import LoadFileScheduling  # noqa: PLC0415 - there only for xdist's hook

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            for name, files in _TOGETHER.items():
                if file in files:
                    return name
            return "tests/e2e" if file.startswith("tests/e2e/") else file

    return Together(config, log)


# -- environment -----------------------------------------------------------------------------------


@pytest.fixture(scope="session", autouse=True)
def _environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hide this machine's settings and models, and turn fetching off."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith(("AWS_", "OTEL_", "VIDEODROP_")) or name.lower().endswith("_proxy"):
                patch.delenv(name)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_REGION", "us-east-1")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("NO_PROXY", "*")
        patch.setenv("VIDEODROP_FETCH", "false")
        # No model of this machine is found; conversions are shared by the tests of a session.
        patch.setenv("VIDEODROP_MODEL_DIR", str(tmp_path_factory.mktemp("models")))
        # A stack that this user runs is not found.
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        host.use(closed_host())
        yield


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Fail a test that connects to another machine, even if the code catches the error."""
    blocked: list[Any] = []
    look_up = socket.getaddrinfo

    def looked_up(host: Any, *given: Any, **more: Any) -> Any:
        if not (_is_address(host) or str(host).endswith(_KNOWN)):
            blocked.append(host)
            raise socket.gaierror(socket.EAI_NONAME, f"a test may not look up {host}")
        return look_up(host, *given, **more)

    def guarded(connect: Callable[[socket.socket, Any], Any]) -> Callable[..., Any]:
        def checked(self: socket.socket, address: Any) -> Any:
            if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_loopback(address[0]):
                blocked.append(address)
                raise ConnectionRefusedError(f"a test may connect to loopback only, not {address}")
            return connect(self, address)

        return checked

    # Without a network the name of an AWS service is not found, and nothing is left to connect to.
    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    monkeypatch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
    yield blocked
    assert not blocked, f"connections and look-ups beyond loopback: {blocked}"


@pytest.fixture(autouse=True)
def _no_secret_is_logged() -> Iterator[None]:
    """Fail a test that logs a presigned address or a token."""
    watch = Watch()
    logging.getLogger().addHandler(watch)
    yield
    logging.getLogger().removeHandler(watch)
    assert not watch.found, f"secrets in the log: {watch.found}"


def _is_address(host: str | None) -> bool:
    """Return whether ``host`` is found without a look-up."""
    try:
        return not host or bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(scope="session", autouse=True)
def _no_process_is_left() -> Iterator[None]:
    """Fail the session if a test leaves a process running, and end that process."""
    here = psutil.Process()
    before = set(here.children(recursive=True))
    run = uuid4().hex
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(_RUN, run)
        yield
    left = []
    for process in {*here.children(recursive=True), *_heirs(run)} - before:
        try:
            command = " ".join(process.cmdline())
        except psutil.Error:
            continue
        # Python's helper process lives as long as its parent; a zombie has no command.
        if command and "multiprocessing.resource_tracker" not in command:
            left.append(command)
            process.kill()
    assert not left, f"processes left running: {left}"


def _heirs(run: str) -> Iterator[psutil.Process]:
    """Return the processes started by tests, including those whose parent has died."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(_RUN) == run:
                yield process


@pytest.fixture(autouse=True)
def _own_log_handlers() -> Iterator[None]:
    """Undo a change of the root logger: its stream is closed when the test ends."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)


@pytest.fixture(autouse=True)
def _own_model_host() -> Iterator[None]:
    """Undo a change of the host that models run on, which is one for the process."""
    here = host.current()
    yield
    host.use(here)


# -- coverage ------------------------------------------------------------------------------------


@pytest.fixture
def untraced_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disable coverage in child processes: they are killed, and their data is lost."""
    monkeypatch.delenv(TRACING, raising=False)


# -- an embedded AWS -----------------------------------------------------------------------------


@pytest.fixture(scope="session")
def aws_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of the embedded AWS, which runs in a process of its own."""
    with embedded_aws("tests.fakes.embedded_aws", tmp_path_factory.mktemp("aws")) as address:
        yield address


@pytest.fixture
def aws_env(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Connect boto3 and all child processes to the embedded AWS."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_endpoint)
    forget_process_state()
    yield aws_endpoint
    forget_process_state()


@pytest.fixture
def config(
    aws_env: str,  # noqa: ARG001 - needed for its effect
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Settings:
    """Return settings of a new installation; none of its resources exist yet."""
    monkeypatch.setenv("VIDEODROP_NAME", f"test-{next(_numbers)}")
    monkeypatch.setenv("VIDEODROP_SCRATCH", str(tmp_path / "scratch"))
    monkeypatch.setenv("VIDEODROP_HOME", str(tmp_path / "home"))
    return Settings()


@pytest.fixture
def installation(config: Settings) -> Settings:
    """Return settings of a new installation with every resource of the topology."""
    resources.ensure(config)
    return config


@pytest.fixture
def stored(config: Settings) -> Settings:
    """Return settings of an installation without rules and queues, which is faster."""
    make_table(config)
    make_bus(config)
    for bucket in (config.names.uploads_bucket, config.names.artifacts_bucket):
        aws.client("s3").create_bucket(Bucket=bucket)
    return config


def make_bus(config: Settings) -> None:
    """Create the bus, without rules."""
    aws.client("events").create_event_bus(Name=config.names.bus)


def make_table(config: Settings) -> None:
    """Create the table alone, by calls that every DynamoDB supports."""
    spec = config.topology.table

    def schema(hash_key: str, range_key: str) -> list[dict[str, str]]:
        return [
            {"AttributeName": hash_key, "KeyType": "HASH"},
            {"AttributeName": range_key, "KeyType": "RANGE"},
        ]

    indexes = {
        name: schema(index.hash_key, index.range_key) for name, index in spec.indexes.items()
    }
    schemas = [schema(spec.hash_key, spec.range_key), *indexes.values()]
    names = sorted({key["AttributeName"] for keys in schemas for key in keys})
    boto3.client("dynamodb").create_table(
        TableName=config.names.table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=schemas[0],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in names],
        GlobalSecondaryIndexes=[
            {"IndexName": name, "KeySchema": keys, "Projection": {"ProjectionType": "KEYS_ONLY"}}
            for name, keys in indexes.items()
        ],
    )


@pytest.fixture
def model_host(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Change the machine that models run on: ``model_host(threads=1)``."""

    def change(**fields: Any) -> None:
        monkeypatch.setattr(host, "_current", replace(host.current(), **fields))

    return change


def closed_host() -> host.ModelHost:
    """Return a host of models that has none and fetches none."""
    return host.ModelHost(model_dir=Path(os.environ["VIDEODROP_MODEL_DIR"]), fetch=False)


def forget_process_state() -> None:
    """Clear per-process state: clients, settings, models' host, the handlers' runners."""
    host.use(closed_host())
    aws.client.cache_clear()
    aws.table.cache_clear()
    bootstrap.settings.cache_clear()
    for name, attribute in (
        ("handlers.stage", "_runner"),
        ("pipeline.aws.messages", "queue_url"),
        ("handlers.janitor", "_janitor"),
    ):
        if name in sys.modules:
            getattr(sys.modules[name], attribute).cache_clear()


def topology_with(stages: dict[str, str], path: Path, *, only: bool = False) -> Path:
    """Write the project's topology with more stages to ``path``.

    Args:
        stages: module by stage name.
        path: the file to write.
        only: leave the project's own stages out.
    """
    topology = json.loads(DEFAULT_PATH.read_bytes())
    if only:
        topology["stages"] = {}
    for name, module in stages.items():
        topology["stages"][name] = {"module": module, "timeout_s": 60, "memory_mb": 256}
    path.write_text(json.dumps(topology))
    return path


# -- a second DynamoDB, a second S3 ----------------------------------------------------------------


@pytest.fixture(scope="session")
def dynalite_endpoint() -> Iterator[str]:
    """Return the address of dynalite, a DynamoDB that shares no code with moto's."""
    node = shutil.which("node")
    script = Path(sys.prefix) / "dynalite" / "node_modules" / "dynalite" / "cli.js"
    if not (node and script.exists()):
        pytest.skip("dynalite is not installed: install npm and run setup.sh")
    port = free_port()
    command = [node, script, "--host", "127.0.0.1", "--port", str(port), "--createTableMs", "0"]
    with _serving(port, command, stdout=subprocess.PIPE) as address:
        yield address


@pytest.fixture(scope="session")
def ministack_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of MiniStack, whose S3 shares no code with moto's."""
    packages = Path(sys.prefix) / "ministack"
    if not packages.exists():
        pytest.skip("MiniStack is not installed: run setup.sh")
    port = free_port()
    # MiniStack has separate packages: -S hides those of this environment.
    command = [sys.executable, "-S", "-m", "ministack"]
    env = {
        "PYTHONPATH": str(packages),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "HOME": os.devnull,
        "TMPDIR": str(tmp_path_factory.mktemp("ministack")),
    }
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with _serving(port, command, env=env, **silent) as address:
        yield address


@contextlib.contextmanager
def _serving(port: int, command: list[Any], **options: Any) -> Iterator[str]:
    """Run a server in the block and return its address; ``options`` are those of ``Popen``."""
    with subprocess.Popen(command, **options) as server:
        try:
            _wait_for(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _wait_for(port: int, timeout_s: float = 30.0) -> None:
    end = time.monotonic() + timeout_s
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < end, f"nothing listens on port {port}"
            time.sleep(0.05)
        else:
            return
