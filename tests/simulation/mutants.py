"""Take each protection away: some history, or some test, must then fail.

``python -m tests.simulation.mutants`` tries each for a minute, in a copy of the project. With
``--tests`` it runs the tests of the changed file's package instead, until one fails.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.simulation.protections import PROTECTIONS, Protection

_ROOT = Path(__file__).parents[2]
_COPIED = (
    *("pipeline", "handlers", "infra", "benchmarks", "containers", "samples", "tests"),
    "pyproject.toml",
)


def killed(protection: Protection, command: list[str]) -> str:
    """Return what ``command`` says first without a protection; nothing if it succeeds."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in _COPIED:
            if (_ROOT / name).is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "node_modules", ".terraform")
                shutil.copytree(_ROOT / name, copy / name, ignore=ignored)
            else:
                shutil.copy(_ROOT / name, copy / name)
        file = copy / protection.file
        before = file.read_text()
        if protection.old not in before:
            raise SystemExit(f"{protection.file} has no {protection.old!r}")
        file.write_text(before.replace(protection.old, protection.new, 1))
        environment = {**os.environ, "PYTHONPATH": folder}
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, check=False
        )
    if done.returncode == 0:
        return ""
    lines = (done.stdout or done.stderr).strip().splitlines()
    return next((one for one in lines if one.startswith(("FAILED", "ERROR"))), lines[0])


def histories(*limit: str) -> list[str]:
    """Return the command that searches for a history that goes wrong."""
    return [sys.executable, "-m", "tests.simulation", "--brief", *limit]


def tests_of(file: str) -> Iterator[str]:
    """Yield the test files of a module's package and of those above it, its own first."""
    _, package, *_ = Path(file).parts
    above = {"aws": ("runs", "results"), "runs": ("replays",), "results": ("runs",)}
    packages = [package, *above.get(package, ())]
    known = [
        one.relative_to(_ROOT)
        for each in packages
        for kind in ("unit", "integration")
        for one in sorted((_ROOT / "tests" / kind / each).rglob("test_*.py"))
    ]
    own = f"test_{Path(file).stem}.py"
    yield from map(str, sorted(known, key=lambda one: one.name != own))


def main() -> int:
    """Try each protection; return the number of those that nothing needs."""
    asked = argparse.ArgumentParser(prog="python -m tests.simulation.mutants")
    asked.add_argument("--seconds", default="60", help="for each protection")
    asked.add_argument("--histories", help="so many for each, however long they take")
    asked.add_argument("--tests", action="store_true", help="run tests instead of histories")
    asked.add_argument("--only", default="", help="words of the protection's name")
    given = asked.parse_args()
    limit = ("--histories", given.histories) if given.histories else ("--seconds", given.seconds)
    suite = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider"]
    alive = 0
    for one in PROTECTIONS:
        if given.only in one.name:
            begin = time.monotonic()
            found = killed(one, [*suite, *tests_of(one.file)] if given.tests else histories(*limit))
            alive += not found
            print(f"{time.monotonic() - begin:5.0f} s  {one.name}: {found or 'ALIVE'}", flush=True)
    print(f"{alive} alive")
    return alive


if __name__ == "__main__":
    sys.exit(main())
