"""The zip of query, janitor and replays: its build script, with a fake pip that prints its
arguments; and its packages, which must be all that the handlers import on AWS.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest

from tests.fakes.distributions import PROJECT, link

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "infra" / "functions.sh"
PIP = f"""#!{sys.executable}
import json, os, pathlib, sys
tree = pathlib.Path(sys.argv[sys.argv.index("--target") + 1])
info = "videodrop-1.dist-info"
for folder in ("bin", info):
    (tree / folder).mkdir(parents=True)
here = os.environ.get("HERE", "/here")
for name, text in {{
    "module.py": "",
    "bin/command": "",
    f"{{info}}/direct_url.json": here,
    f"{{info}}/RECORD": f"module.py,,\\n{{info}}/direct_url.json,{{here}},\\n",
}}.items():
    (tree / name).write_text(text)
    now = float(os.environ.get("NOW", "1e9"))
    os.utime(tree / name, (now, now))
pathlib.Path("asked.json").write_text(json.dumps([sys.argv[1:], dict(os.environ)]))
"""
# The variables of infra/locals.tf and Lambda on which imports depend.
ON_LAMBDA = {
    "AWS_LAMBDA_FUNCTION_NAME": "videodrop",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9",
    "AWS_REGION": "us-east-1",
    "VIDEODROP_TELEMETRY": "aws",
}


class Build:
    """Return the script in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tree = folder / "build" / "functions"
        self.zip = folder / "build" / "functions.zip"
        (folder / "infra").mkdir()
        shutil.copy(SCRIPT, folder / "infra")
        self._python = folder / "python"
        self._python.write_text(PIP)
        self._python.chmod(0o755)

    def run(self, *arguments: str, status: int = 0) -> str:
        """Run it, and return its output."""
        done = subprocess.run(
            [self.folder / "infra" / SCRIPT.name, *arguments],
            env=os.environ | {"PYTHON": str(self._python)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout
        return done.stdout

    def asked(self) -> tuple[list[str], dict[str, str]]:
        """Return the arguments and the environment of Python."""
        arguments, environment = json.loads((self.folder / "asked.json").read_text())
        return arguments, environment

    def options(self, name: str) -> list[str]:
        """Return the values of an option."""
        arguments, _ = self.asked()
        return [value for option, value in pairwise(arguments) if option == name]


@pytest.fixture
def build(tmp_path):
    if not shutil.which("zip"):
        pytest.skip("zip is not installed")
    return Build(tmp_path)


def test_it_installs_the_pinned_packages_for_terraforms_functions(build):
    said = build.run()
    text = (ROOT / "infra" / "variables_code.tf").read_text()
    runtime, architecture = re.findall(
        r'(?:runtime|architecture) += optional\(string, "(.*)"\)', text
    )
    assert said.endswith(f"is for {runtime} on {architecture}\n")
    assert build.options("--python-version") == [runtime.removeprefix("python")]
    assert build.options("--platform") == ["manylinux_2_28_aarch64", "manylinux2014_aarch64"]
    arguments, environment = build.asked()
    assert "--only-binary=:all:" in arguments
    for name in ("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT"):  # its packages, and what builds ours
        assert environment[name] == "constraints.txt"


def test_it_installs_for_another_architecture_and_python(build):
    build.run("x86_64", "3.12")
    assert build.options("--python-version") == ["3.12"]
    assert build.options("--platform") == ["manylinux_2_28_x86_64", "manylinux2014_x86_64"]


def test_an_architecture_that_lambda_lacks_is_rejected(build):
    assert "arm64|x86_64" in build.run("aarch64", status=1)
    assert not build.zip.exists()


def test_nothing_of_an_earlier_build_is_left(build):
    build.tree.mkdir(parents=True)
    (build.tree / "gone.py").write_text("")
    with zipfile.ZipFile(build.zip, "w") as before:
        before.writestr("gone.py", "")
    build.run()
    with zipfile.ZipFile(build.zip) as made:
        assert made.namelist() == ["module.py", "videodrop-1.dist-info/RECORD"]
        assert made.read("videodrop-1.dist-info/RECORD") == b"module.py,,\n"


def test_the_same_code_makes_the_same_zip_on_another_day_in_another_place(build, monkeypatch):
    build.run()
    first = build.zip.read_bytes()
    monkeypatch.setenv("NOW", "1.1e9")
    monkeypatch.setenv("HERE", "/elsewhere")
    build.run()
    assert build.zip.read_bytes() == first


def test_other_users_may_read_the_files_of_the_zip(build):
    """Check the modes, because Lambda runs functions as a user of its own."""
    ours = os.umask(0o077)
    try:
        build.run()
    finally:
        os.umask(ours)
    with zipfile.ZipFile(build.zip) as made:
        assert all(one.external_attr >> 16 & 0o044 == 0o044 for one in made.infolist())


@pytest.fixture
def tree(build, tmp_path):
    """Return the tree of the packages that the script's requirement installs."""
    build.run()
    arguments, _ = build.asked()
    (extras,) = re.findall(r"\[(.*)\]", arguments[-1])
    tree = tmp_path / "tree"
    link(extras, tree)
    for package in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        (tree / package).symlink_to(ROOT / package)
    return tree


def test_the_zip_has_all_that_its_handlers_import_on_aws(tree):
    handlers = [
        handler
        for path in (ROOT / "infra").glob("*.tf")
        if "var.functions.zip" in path.read_text()
        for handler in re.findall(r'handler += "(\S+)\.handler"', path.read_text())
    ]
    assert sorted(handlers) == [
        *("handlers.events", "handlers.janitor", "handlers.query", "handlers.replays")
    ]
    # Without `site`, nothing is importable but the standard library and the tree.
    subprocess.run(
        [sys.executable, "-S", "-c", f"import {', '.join(handlers)}"],
        cwd=tree,
        env=os.environ | ON_LAMBDA | {"PYTHONPATH": ""},
        check=True,
    )
