"""The script that builds images, with a fake docker that prints its arguments."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import pipeline

ROOT = Path(__file__).parents[3]
DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.fixture
def build(tmp_path):
    """Return a function that runs the script in a copy of its files."""
    folder = tmp_path / "copy"
    for name in ("containers/build.sh", "containers/Dockerfile", "pipeline/__init__.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    author = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    empty = ["commit", "--quiet", "--allow-empty", "--message=x"]
    subprocess.run(["git", *author, *empty], cwd=folder, check=True)
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(
        f'#!/bin/sh\ncase "$1" in\nbuildx) echo "${{DIGEST-{DIGEST}}}" ;;\n'
        '*) printf "%s\\n" "$@" ;;\nesac\n'
    )
    docker.chmod(0o755)

    def run(*arguments, **environment):
        env = os.environ | {"PATH": f"{docker.parent}:{os.environ['PATH']}"} | environment
        return subprocess.run(
            [folder / "containers" / "build.sh", *arguments],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_without_a_pinned_base_nothing_is_built(build):
    done = build("gpu")
    assert done.returncode == 1
    assert "build.sh pin" in done.stderr


def test_the_registrys_digest_is_the_base_of_the_build(build):
    assert DIGEST in build("pin").stdout
    said = build("gpu", "-t", "name").stdout.splitlines()
    assert f"PYTHON_DIGEST={DIGEST}" in said
    assert f"VERSION={pipeline.__version__}" in said
    assert said[said.index("--target") + 1] == "gpu"
    assert said[-3:] == ["-t", "name", "."]
    assert "--provenance=false" in said  # Lambda does not accept an index of images


@pytest.mark.parametrize("digest", ["", "python:3.11", "sha256:12"])
def test_an_invalid_digest_is_not_written(build, digest):
    done = build("pin", DIGEST=digest)
    assert done.returncode == 1
    assert "not a digest" in done.stderr
    assert build("gpu").returncode == 1
