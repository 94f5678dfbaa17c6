"""Servers that tests start as processes of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TRACING = "COVERAGE_PROCESS_CONFIG"  # where it is set, coverage starts with the process
_ROOT = Path(__file__).parents[2]
_CLOSED = ("VIDEODROP_FETCH", "VIDEODROP_MODEL_DIR")  # they keep tests from fetching models


def untraced() -> dict[str, str]:
    """Return this environment without coverage, for a process whose lines other tests count.

    Tracing doubles its work.
    """
    return {k: v for k, v in os.environ.items() if k != TRACING}


def is_a_setting(name: str) -> bool:
    """Return True for a variable of AWS or ours that a process of a test must not inherit."""
    return name.startswith(("AWS_", "VIDEODROP_")) and name not in _CLOSED


@contextmanager
def embedded_aws(module: str, folder: Path) -> Iterator[str]:
    """Run an embedded AWS while the block lasts, and return its address.

    Args:
        module: the one to run; its ``main`` is ``pipeline.hosts.local.server``'s.
        folder: for the state.
    """
    with subprocess.Popen(
        [sys.executable, "-m", module, str(folder), "0"],
        cwd=_ROOT,
        env=untraced(),
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            yield json.loads(server.stdout.readline())["endpoint"]
        finally:
            server.terminate()
