"""Terraform on a copy of ``infra``, with or without a simulator."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import forget_process_state, topology_with
from tests.fakes.servers import embedded_aws

ROOT = Path(__file__).parents[2]
# A folder of `terraform providers mirror`. Read before the tests clear the environment.
PLUGINS = Path(
    os.environ.get("VIDEODROP_TERRAFORM_PLUGINS", Path(sys.prefix) / "terraform-plugins")
)
CDN_KEY = "/videodrop/cdn-key"
DETECTS_MEMORY_MB = 3008  # as a new account has it
VARIABLES = "installation.tfvars.json"
VALUES = "variables.tftest.hcl"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/images@sha256:" + "0" * 64


@dataclass(frozen=True)
class Terraform:
    """Terraform in ``folder``."""

    folder: Path
    endpoint: str = "http://127.0.0.1:9"  # an address without a listener

    def run(self, *arguments: str, status: int = 0) -> str:
        """Return the output of a command that exits with ``status``."""
        done = subprocess.run(
            ["terraform", *arguments, "-no-color"],
            cwd=self.folder,
            env=os.environ
            | {
                "AWS_ENDPOINT_URL": self.endpoint,
                "CHECKPOINT_DISABLE": "1",
                "GOGC": "400",  # rarer garbage collections: a quarter less CPU time
                "TF_CLI_CONFIG_FILE": os.devnull,
                "TF_IN_AUTOMATION": "1",
                "TF_INPUT": "0",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout
        return done.stdout


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """Return an initialised copy of Terraform's files, so that nothing is written to the sources.

    Its topology has a fifth stage, which infra/ does not mention.
    """
    if not shutil.which("terraform"):
        pytest.skip("Terraform is not installed")
    if not (PLUGINS / "registry.terraform.io" / "hashicorp" / "aws").is_dir():
        pytest.skip(f"{PLUGINS} has no AWS provider of Terraform: setup.sh downloads it")
    folder = tmp_path_factory.mktemp("terraform")
    ignore = shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars")
    shutil.copytree(ROOT / "infra", folder / "infra", ignore=ignore)
    (folder / "pipeline" / "core").mkdir(parents=True)
    topology = folder / "pipeline" / "core" / "topology.json"
    topology_with({"toy": "tests.fakes.toystage"}, topology)
    shutil.copy(ROOT / "constraints.txt", folder)
    with zipfile.ZipFile(folder / "functions.zip", "w") as code:
        code.writestr("handlers/__init__.py", "")
    terraform = Terraform(folder / "infra")
    terraform.run("init", f"-plugin-dir={PLUGINS}")
    return terraform


@dataclass(frozen=True)
class Applied:
    """An installation by Terraform.

    Attributes:
        terraform: its folder has the state.
        output: the outputs.
    """

    terraform: Terraform
    output: dict[str, Any]

    def run(self, command: str, *arguments: str, status: int = 0) -> str:
        """Return the output of a command for this installation."""
        # The provider mostly waits for queues to settle: let it wait for all in parallel.
        options = (f"-var-file=../{VARIABLES}", "-parallelism=100")
        return self.terraform.run(command, *options, *arguments, status=status)


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of an embedded AWS for Terraform alone."""
    with embedded_aws("tests.infra.simulator", tmp_path_factory.mktemp("simulator")) as address:
        yield address


@pytest.fixture(scope="session")
def own_tests(checkout: Terraform) -> Iterator[Future[str]]:
    """Return the output of Terraform's own tests.

    Those of variables run in a copy that needs no provider, which takes seconds to start.
    """
    bare = Terraform(checkout.folder.parent / "bare")
    (bare.folder / "tests").mkdir(parents=True)
    for path in (*checkout.folder.glob("variables*.tf"), checkout.folder / "topology.tf"):
        shutil.copy(path, bare.folder)
    (bare.folder / "versions.tf").touch()  # the tests name it as a zip; the true one has a provider
    shutil.copy(checkout.folder / "tests" / VALUES, bare.folder / "tests")
    files = {path.name for path in (checkout.folder / "tests").glob("*.tftest.hcl")} - {VALUES}
    others = [f"-filter=tests/{name}" for name in sorted(files)]

    def run() -> str:
        bare.run("init")
        return bare.run("test") + checkout.run("test", *others)

    with ThreadPoolExecutor(1) as beside:
        yield beside.submit(run)


@pytest.fixture(scope="session")
def applied(checkout: Terraform, simulator: str, own_tests: Future[str]) -> Applied:
    """Return an installation with all resources that the simulator supports.

    Terraform's own tests run meanwhile, because the apply mostly waits.
    """
    variables = {
        "local": True,
        "name": "made-by-terraform",
        "functions": {"zip": str(checkout.folder.parent / "functions.zip")},
        "images": {"lambda": IMAGE, "gpu": IMAGE},
        "deletion_protection": False,
        "alarm_email": "alarms@example.com",
        "budget_usd": 100,
        "dashboard": True,
        "snap_start": True,
        "compute": {
            "detect": {"warm_up": "rate(5 minutes)", "memory_mb": DETECTS_MEMORY_MB},
        },
        "concurrency": {"quota": 1000},  # moto does not know Lambda's
        "cdn": {"public_key": "-----BEGIN PUBLIC KEY-----", "key_parameter": CDN_KEY},
    }
    # Outside the configuration, so that Terraform's own tests do not read them.
    (checkout.folder.parent / VARIABLES).write_text(json.dumps(variables))
    terraform = Terraform(checkout.folder, simulator)
    installation = Applied(terraform, {})
    installation.run("apply", "-auto-approve")
    for name, one in json.loads(terraform.run("output", "-json")).items():
        installation.output[name] = one["value"]
    wait([own_tests])
    return installation


@pytest.fixture
def installation(applied: Applied, monkeypatch: pytest.MonkeyPatch) -> Iterator[Applied]:
    """Return the installation, with this process as a client."""
    with as_client(applied, monkeypatch):
        yield applied


@contextmanager
def as_client(applied: Applied, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make this process a client of the installation."""
    patch.setenv("AWS_ENDPOINT_URL", applied.terraform.endpoint)
    for name, value in applied.output["environment"].items():
        patch.setenv(name, value)
    topology = applied.terraform.folder.parent / "pipeline" / "core" / "topology.json"
    patch.setenv("VIDEODROP_TOPOLOGY", str(topology))
    forget_process_state()
    yield
    forget_process_state()
