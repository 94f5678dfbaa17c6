"""Static checks of the infrastructure."""

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path

import pytest

from tests.infra.conftest import PLUGINS, ROOT, Terraform

INFRA = ROOT / "infra"
MODULES = [INFRA, *sorted((INFRA / "modules").iterdir())]
EXAMPLES = sorted((INFRA / "examples").iterdir())
BLOCK = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
MANY = 200  # number of Checkov's checks: without input it finds nothing, too
LOCAL = re.compile(r"^  (\w+) += ", re.MULTILINE)


def test_the_sources_are_formatted():
    if not shutil.which("terraform"):
        pytest.skip("Terraform is not installed")
    subprocess.run(["terraform", "fmt", "-check", "-diff", "-recursive", INFRA], check=True)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_and_what_it_uses_are_valid(checkout: Terraform, example: Path):
    there = Terraform(checkout.folder / "examples" / example.name)
    there.run("init", f"-plugin-dir={PLUGINS}")
    assert "The configuration is valid" in there.run("validate")


def test_its_own_tests_pass(own_tests: Future[str]):
    files = sorted(path.name for path in (INFRA / "tests").glob("*.tftest.hcl"))
    said = own_tests.result()
    for name in files:
        assert f"tests/{name}... pass" in said


def source(module: Path) -> str:
    return "\n".join(path.read_text() for path in sorted(module.glob("*.tf")))


@pytest.mark.parametrize("module", [*MODULES, *EXAMPLES], ids=lambda module: module.name)
def test_inputs_and_outputs_are_described_typed_and_used(module: Path):
    text = source(module)
    for kind, name, body in BLOCK.findall(text):
        assert re.search(r"^  description += ", body, re.MULTILINE), f"{kind} {name}"
        if kind == "variable":
            assert re.search(r"^  type += ", body, re.MULTILINE), name
            assert re.search(rf"\bvar\.{name}\b", text.replace(body, "")), f"{name} is unused"


@pytest.mark.parametrize("module", [*MODULES, *EXAMPLES], ids=lambda module: module.name)
def test_locals_are_used(module: Path):
    text = source(module)
    for body in re.findall(r"^locals \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL):
        for name in LOCAL.findall(body):
            assert re.search(rf"\blocal\.{name}\b", text), f"{name} is unused"


@pytest.mark.parametrize("module", [*MODULES, *EXAMPLES], ids=lambda module: module.name)
def test_data_sources_are_used(module: Path):
    text = source(module)
    for kind, name in re.findall(r'^data "(\w+)" "(\w+)" \{', text, re.MULTILINE):
        assert re.search(rf"\bdata\.{kind}\.{name}\b", text), f"{kind} {name} is unused"


@pytest.mark.parametrize("module", [*MODULES, *EXAMPLES], ids=lambda module: module.name)
def test_names_are_in_snake_case_and_interpolations_are_necessary(module: Path):
    text = source(module)
    names = re.findall(
        r'^(?:resource|data|module|variable|output) .*"([^"]+)" \{', text, re.MULTILINE
    )
    assert names
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)
    assert not re.findall(r'= "\$\{[^}]*\}"$', text, re.MULTILINE)


@pytest.mark.parametrize("module", [*MODULES, *EXAMPLES], ids=lambda module: module.name)
def test_versions_are_required(module: Path):
    required = (module / "versions.tf").read_text()
    assert re.search(r'^  required_version = ">= 1', required, re.MULTILINE)
    exact = r'"\d+\.\d+\.\d+"' if module == INFRA else r'">= \d+\.\d+"'
    assert re.search(rf"version = {exact}", required)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_every_role_has_the_permissions_boundary(module: Path):
    roles = re.findall(r'^resource "aws_iam_role" .*?^}', source(module), re.MULTILINE | re.DOTALL)
    for role in roles:
        assert "permissions_boundary" in role, role.splitlines()[0]


def test_functions_that_are_no_stages_keep_what_their_queues_and_their_schedule_start():
    text = (INFRA / "concurrency.tf").read_text()
    kept = dict(re.findall(r"^    (\w+) += (\d+)$", text, re.MULTILINE))
    for function in ("events", "janitor", "replays"):
        starts = re.findall(r"maximum_concurrency = (\d+)", (INFRA / f"{function}.tf").read_text())
        scheduled = function == "janitor"
        assert int(kept[function]) == sum(map(int, starts)) + scheduled, function


def test_the_readme_names_every_file_and_module():
    readme = (INFRA / "README.md").read_text()
    for path in INFRA.glob("*.tf"):
        assert f"`{path.name}`" in readme
    for module in MODULES[1:]:
        assert f"`modules/{module.name}`" in readme


@pytest.mark.parametrize("module", MODULES[1:], ids=lambda module: module.name)
def test_a_modules_readme_lists_its_inputs_and_outputs_with_their_descriptions(module: Path):
    described = {
        (name, described[1])
        for _, name, body in BLOCK.findall(source(module))
        if (described := re.search(r'^  description += "(.*)"$', body, re.MULTILINE))
    }
    readme = (module / "README.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|(?:.*\|)? (.*) \|$", readme, re.MULTILINE)) == described


def test_checkov_finds_nothing(tmp_path: Path):
    packages = Path(sys.prefix) / "checkov"
    if not packages.exists():
        pytest.skip("Checkov is not installed: run setup.sh")
    # Checkov has separate packages: -S hides those of this environment.
    command = [sys.executable, "-S", "-m", "checkov.main", "-d", INFRA, "--quiet", "--compact"]
    config = ["--config-file", INFRA / ".checkov.yaml", "--skip-download"]
    environment = {"PYTHONPATH": str(packages), "HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [*command, *config],
        check=False,
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"Passed checks: (\d+), Failed checks: 0", done.stdout)
    assert passed, done.stdout + done.stderr
    assert int(passed[1]) > MANY
