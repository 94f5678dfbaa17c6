"""The files at the root fit the code: the changelog, the workflow, the hooks."""

import json
import re
from pathlib import Path

import yaml

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
    assert job["steps"][-1]["run"] == "make test"


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
