"""A measured job: make ready, do a warm-up, do the work.

    python -m benchmarks.alternatives.NAME JOB

JOB is a JSON file. Only the standard library is imported here, because alternatives run in other
environments too.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

Tool = TypeVar("Tool")
WordTimes = list[tuple[str, float, float]]


@dataclass(frozen=True)
class Job:
    """The input and the output of a measured process.

    Attributes:
        source: the video.
        out: an empty folder for the results.
        warm_up: a short video to process before the measurement; None for none.
        options: settings of the alternative.
    """

    source: Path
    out: Path
    warm_up: Path | None = None
    options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Job":
        """Read a job."""
        found = json.loads(path.read_text(encoding="utf-8"))
        warm_up = found["warm_up"]
        return cls(
            source=Path(found["source"]),
            out=Path(found["out"]),
            warm_up=Path(warm_up) if warm_up else None,
            options=found["options"],
        )

    def write(self, path: Path) -> None:
        """Write the job."""
        found = {
            "source": str(self.source),
            "out": str(self.out),
            "warm_up": str(self.warm_up) if self.warm_up else None,
            "options": self.options,
        }
        path.write_text(json.dumps(found), encoding="utf-8")


def perform(load: Callable[[Job], Tool], work: Callable[[Tool, Path, Path, Job], None]) -> None:
    """Perform the job of the command line and write ``figures.json`` to its folder.

    Args:
        load: makes the tool ready, for example loads a model.
        work: processes a video; it gets the tool, the video, a folder for the results, the job.
    """
    job = Job.read(Path(sys.argv[1]))
    tool = load(job)
    figures = {"ready_cpu_s": _cpu_s(), "ready_mb": _resident_mb()}
    if job.warm_up:
        scratch = job.out / "warm-up"
        scratch.mkdir()
        work(tool, job.warm_up, scratch, job)
    results = job.out / "results"
    results.mkdir()
    before, began = _cpu_s(), time.monotonic()
    work(tool, job.source, results, job)
    figures |= {"warm_cpu_s": _cpu_s() - before, "warm_wall_s": time.monotonic() - began}
    report = {"figures": figures, "imported": _imported()}
    (job.out / "figures.json").write_text(json.dumps(report), encoding="utf-8")


def write_words(words: Iterable[tuple[str, float, float]], folder: Path) -> None:
    """Write recognised words: text, start and end in seconds."""
    rows = [[text.strip(), float(start), float(end)] for text, start, end in words]
    (folder / "words.json").write_text(json.dumps(rows), encoding="utf-8")


def _imported() -> list[str]:
    """Return the packages that this process has imported, without the standard library."""
    names = {name.partition(".")[0] for name in sys.modules}
    return sorted(n for n in names - sys.stdlib_module_names if not n.startswith("_"))


def _cpu_s() -> float:
    """Return the CPU time of this process and of its ended children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _resident_mb() -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0
