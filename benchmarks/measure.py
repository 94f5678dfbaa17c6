"""The resource use of a command in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

ROOT: Final = Path(__file__).parents[1]
_LAUNCHER: Final = Path(__file__).with_name("launcher.py")
_LOOK_S: Final = 0.05
_THREADS: Final = (
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS",
    "VIDEODROP_THREADS",
)  # fmt: skip


class CommandFailed(Exception):
    """A measured command ended with an error."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The resource use of a command and all processes that it started.

    Attributes:
        cpu_s: CPU seconds, user and system.
        wall_s: from start to end.
        peak_mb: most resident memory of all its processes together, sampled.
        read_mb: bytes that it read from files, pipes and sockets.
    """

    cpu_s: float
    wall_s: float
    peak_mb: float
    read_mb: float


def measure(command: Sequence[str | Path], environment: Mapping[str, str]) -> Measured:
    """Run a command to its end and return what it used.

    Raises:
        CommandFailed: with the end of its error output.
    """
    with tempfile.TemporaryDirectory() as folder:
        figures, errors = Path(folder) / "figures.json", Path(folder) / "errors"
        launched = [sys.executable, "-I", "-S", _LAUNCHER, figures, *command]
        with errors.open("wb") as stderr:
            process = subprocess.Popen(  # noqa: S603 - our own commands
                launched, env=dict(environment), cwd=ROOT, stdout=stderr, stderr=stderr
            )
            peak = _watched(process)
        if process.returncode:
            told = errors.read_text(errors="replace")[-2000:]
            raise CommandFailed(f"{' '.join(map(str, command))}\n{told}")
        report = json.loads(figures.read_text())
    return Measured(
        cpu_s=report["cpu_s"],
        wall_s=report["wall_s"],
        peak_mb=max(peak, report["largest_mb"]),
        read_mb=report["read_mb"],
    )


def environment(threads: int, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of measured commands: the same threads, no account, no network.

    Args:
        threads: CPU threads for every library.
        extra: variables that are added.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "VIDEODROP_"))}
    model_dir = os.environ.get("VIDEODROP_MODEL_DIR")
    return {
        **kept,
        **dict.fromkeys(_THREADS, str(threads)),
        **({"VIDEODROP_MODEL_DIR": model_dir} if model_dir else {}),
        "PYTHONPATH": str(ROOT),
        "HF_HUB_OFFLINE": "1",
        "YOLO_OFFLINE": "true",
        "YOLO_AUTOINSTALL": "false",
        **(extra or {}),
    }


def _watched(process: subprocess.Popen[bytes]) -> float:
    """Wait for a process; return the peak of its tree's resident memory in MB."""
    peak = 0.0
    root = psutil.Process(process.pid)
    while process.poll() is None:
        peak = max(peak, _resident_mb(root))
        time.sleep(_LOOK_S)
    return peak


def _resident_mb(root: psutil.Process) -> float:
    total = 0
    try:
        # Without the launcher itself.
        for one in root.children(recursive=True):
            try:
                total += one.memory_info().rss
            except psutil.NoSuchProcess:
                continue
    except psutil.NoSuchProcess:
        return 0.0
    return total / 2**20
