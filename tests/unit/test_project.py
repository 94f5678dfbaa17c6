"""The files at the root fit the code: the changelog, the workflow, the hooks."""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import pipeline

ROOT = Path(__file__).parents[2]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()


def read(path: str):
    return yaml.safe_load((ROOT / path).read_text())


def test_the_version_is_the_latest_release_of_the_changelog():
    releases = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}$", CHANGELOG, re.MULTILINE)
    assert releases[0] == pipeline.__version__


def test_an_entry_of_the_changelog_is_one_line():
    body = CHANGELOG.split("## [Unreleased]")[1]
    assert [line for line in body.splitlines() if line and line[:2] not in {"- ", "##"}] == []


def test_the_workflow_runs_the_whole_check_on_the_oldest_and_the_newest_python():
    job = read(".github/workflows/test.yml")["jobs"]["test"]
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.13"]
    assert job["steps"][-1]["run"] == "make coverage"


def test_the_suite_has_every_test_that_is_not_of_terraform():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = [ROOT / path for path in project["tool"]["pytest"]["ini_options"]["testpaths"]]
    written = set((ROOT / "tests").rglob("test_*.py")) - set((ROOT / "tests/infra").iterdir())
    assert {path for folder in listed for path in folder.rglob("test_*.py")} == written


def test_hooks_run_tools_of_the_environment_that_make_sets_up():
    for repository in read(".pre-commit-config.yaml")["repos"]:
        for hook in repository["hooks"]:
            assert hook["entry"].startswith(".venv/bin/")


def test_templates_and_the_devcontainer_can_be_read():
    for template in ("bug", "feature"):
        assert read(f".github/ISSUE_TEMPLATE/{template}.yml")["body"]
    ecosystems = {one["package-ecosystem"] for one in read(".github/dependabot.yml")["updates"]}
    assert ecosystems == {"pip", "github-actions", "docker"}
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert container["postCreateCommand"] == "make setup"


def set_up(folder: Path, kind: str, **environment: str) -> str:
    """Return the output of setup.sh, with a Python that prints its arguments."""
    shutil.copy(ROOT / "setup.sh", folder)
    (folder / ".venv" / "bin").mkdir(parents=True)
    for path in (folder / ".venv" / "bin" / "python", folder / "python"):
        path.write_text('#!/bin/sh\necho "$@"\n')
        path.chmod(0o755)
    done = subprocess.run(
        [folder / "setup.sh", kind],
        env=os.environ | {"PYTHON": str(folder / "python")} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("with_gpu", "extra", "says"), [("0", ".[all]", "460 MB"), ("1", ".[all,gpu]", "CUDA")]
)
def test_the_set_up_installs_pytorch_only_for_a_gpu(tmp_path, with_gpu, extra, says):
    said = set_up(tmp_path, "run", WITH_GPU=with_gpu)
    assert f"--editable {extra}\n" in said
    assert says in said
    assert (tmp_path / ".venv" / ".run").exists()


def test_the_set_up_says_how_large_the_packages_are():
    """Add up the files of these packages and of pip: ``setup.sh`` compiles none of them."""
    chosen: dict[str, set[str]] = {}

    def choose(name: str, extras: set[str]) -> None:
        if not (new := {"", *extras} - chosen.setdefault(name, set())):
            return
        chosen[name] |= new
        for one in map(Requirement, importlib.metadata.requires(name) or []):
            if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in new):
                choose(one.name.lower().replace("_", "-"), one.extras)

    choose("videodrop", {"all"})
    choose("pip", set())
    files = (file for name in chosen for file in importlib.metadata.files(name) or [])
    sizes = (Path(file.locate()).stat().st_blocks * 512 for file in files if file.suffix != ".pyc")
    (said,) = re.findall(r'size="(\d+) MB, a minute', (ROOT / "setup.sh").read_text())
    assert f"{said} MB of Python packages" in (ROOT / "README.md").read_text()
    assert sum(sizes) / 1e6 == pytest.approx(int(said), rel=0.1)


@pytest.mark.skipif(any(Path("/dev").glob("nvidia[0-9]*")), reason="this host has a GPU")
def test_the_set_up_sees_that_there_is_no_gpu(tmp_path):
    assert "--editable .[all]\n" in set_up(tmp_path, "run")


def test_the_set_up_rejects_another_value(tmp_path):
    assert "usage: [WITH_GPU=0|1]" in set_up(tmp_path, "run", WITH_GPU="yes")


def test_the_default_installation_names_neither_pytorch_nor_what_is_under_agpl():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = extras["optional-dependencies"]

    def packages(extra):
        for one in extras[extra]:
            nested = re.fullmatch(r"videodrop\[(.*)\]", one)
            for name in nested[1].split(",") if nested else ():
                yield from packages(name)
            if not nested:
                yield one

    heavy = {"torch", "torchvision", "openai-whisper", "ultralytics"}
    assert not heavy & set(packages("all"))
    assert heavy <= set(packages("gpu"))
    assert heavy <= set(packages("dev")), "parity with them is always tested"


def test_a_missing_library_is_reported_with_an_extra_that_exists():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    sources = "".join(path.read_text() for path in ROOT.glob("pipeline/stages/**/*.py"))
    named = re.findall(r'engines\.version\([^)]*"([\w-]+)"\)', sources)
    assert len(named) >= 4
    assert set(named) <= extras["optional-dependencies"].keys()
