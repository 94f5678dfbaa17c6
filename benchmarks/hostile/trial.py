"""A trial: one stage on one file, as ``videodrop run`` does it, in a process of its own."""

import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.hostile.kinds import ACCEPTED, Kind
from pipeline import bootstrap
from pipeline.core.errors import Bug, VideodropError
from pipeline.core.stage import Deadline, Source
from pipeline.media.probe import probe
from pipeline.stages import loading

_MOST_CPU_S = 30.0
_DONE = "done"
_SKIPPED = "skipped"


class Seen(NamedTuple):
    """The end of one stage on one file.

    Attributes:
        stage: its name.
        failure: class and code of its failure; empty without one.
        where: ``probe`` or ``stage`` for a failure; otherwise ``done`` or ``skipped``.
        cpu_s: CPU seconds of the process and its tools.
        wall_s: from start to end.
        peak_mb: most resident memory of the process.
        message: of the failure.
    """

    stage: str
    failure: str
    where: str
    cpu_s: float
    wall_s: float
    peak_mb: float
    message: str


def tried(stage: str, path: Path) -> Seen:
    """Run a stage on a file in a process of its own, and return how it ended."""
    begun, (reading, writing) = time.monotonic(), os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        with os.fdopen(writing, "w") as out:
            json.dump(_ended(stage, path), out)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        said = answer.read()
    _, _, used = os.wait4(child, 0)
    where, failure, message = json.loads(said) if said else ("stage", "bug/died", "")
    wall_s, cpu_s = time.monotonic() - begun, used.ru_utime + used.ru_stime
    return Seen(stage, failure, where, cpu_s, wall_s, used.ru_maxrss / 1024, message)


def _ended(stage: str, path: Path) -> tuple[str, str, str]:
    """Return where a stage ended, its failure, and the message."""
    where = "probe"
    try:
        settings = bootstrap.settings()
        module = loading.module(stage, settings)
        source = Source(path=path, name=path.name, probe=probe(path, settings.limits))
        if not module.applies(source.probe):
            return _SKIPPED, "", ""
        where = "stage"
        with tempfile.TemporaryDirectory() as work:
            params = module.Params(**settings.params.get(stage, {}))
            module.run(source, params, Path(work), Deadline(3600.0, lambda _: None))
    except VideodropError as error:
        return where, f"{error.failure_class}/{error.code}", error.message
    except Exception as error:  # noqa: BLE001 - what a worker records as a bug
        return where, f"{Bug.failure_class}/{type(error).__name__}", str(error)[:300]
    return _DONE, "", ""


def faults(kind: Kind, seen: Seen) -> Iterator[str]:
    """Yield what is wrong with the end of a stage."""
    if seen.failure.startswith("bug/"):
        yield "a bug"
    if seen.failure and seen.cpu_s > _MOST_CPU_S:
        yield f"{seen.cpu_s:.0f} s before its rejection"
    code = seen.failure.rpartition("/")[2] if seen.where == "probe" else ACCEPTED
    if code not in kind.expected:
        yield f"expected {' or '.join(kind.expected)}"
