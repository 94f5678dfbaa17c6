"""Measure the memory and the disk that the steps of a film need, by its length.

    python -m benchmarks.range_memory [--minutes 5 60 180] [--stages transcode …] [--record]

The plan, the last range but one of each kind, and the merge have a process of their own. It reads
the source through a server, and copies the files of earlier parts, as on a host of its own. What is
computed is as little as possible; see ``bytes_read``. Disk is what a step writes and copies.
"""

import argparse
import multiprocessing
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import psutil

from benchmarks import results
from benchmarks.bytes_read import PARAMS, Film, made_film, served_apart
from pipeline import bootstrap
from pipeline.core.in_place import Local
from pipeline.core.location import Location
from pipeline.core.ranges import Part, Plan, Range, Work
from pipeline.core.stage import Deadline, Source, divisible
from pipeline.media import excerpt
from pipeline.media.probe import probe
from pipeline.stages import loading

HISTORY: Final = results.HISTORY / "range_memory.md"
_STAGES: Final = ("transcode", "transcribe", "detect")
_MINUTES: Final = (5, 60, 180)
_BPS: Final = 200_000
_SAMPLED_S: Final = 0.02
_REPORT: Final = Deadline(86_400.0)
_HEAD: Final = """
| film | step | Python MB | ffmpeg MB | disk MB |
|---|---|---|---|---|"""


class Peak(NamedTuple):
    """The most that a step needed, in bytes.

    Attributes:
        python: resident memory of its process.
        ffmpeg: resident memory of the largest of its children.
        disk: the files in its folder.
    """

    python: int
    ffmpeg: int
    disk: int


class Copied(NamedTuple):
    """A part whose files are copied when first asked for (``pipeline.core.ranges.Made``)."""

    range: Range
    part: Part
    stored: Path
    folder: Path

    def file(self, name: str) -> Path:
        """Return a copy of a file of the run."""
        path = self.folder / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.stored / name, path)
        return path


class Steps(NamedTuple):
    """The steps of one stage of one film.

    Attributes:
        stage: its name.
        film: the path of the film.
        plan: its division; None before it is planned.
        stored: the folder that all ranges write to.
    """

    stage: str
    film: Path
    plan: Plan | None
    stored: Path

    def planned(self, _folder: Path) -> tuple[Plan, list[bytes]]:
        """Return the plan and the excerpts of its ranges."""
        stage, params = _stage(self.stage)
        with served_apart(self.film) as (address, _):
            source = _source(address, self.film)
            plan = stage.plan(source, params, _REPORT)
            spans = [(one.start_s, one.end_s) for one in plan.ranges]
            found = excerpt.of(address, source.probe, spans) if plan.spreads else []
            return plan, [one.packed() for one in found]

    def ranged(self, range_: Range, packed: bytes, earlier: Sequence[Local], folder: Path) -> Local:
        """Do a range, and store its files."""
        stage, params = _stage(self.stage)
        work = Work(folder / "out", f"{range_.name}-1")
        work.folder.mkdir()
        with served_apart(self.film, packed) as (address, _):
            parts = [Copied(*one, folder / "parts") for one in earlier]
            source = _source(self.film, self.film).model_copy(update={"path": address})
            part = stage.run_range(source, params, self.plan, range_, parts, work, _REPORT)
        shutil.copytree(work.folder, self.stored, dirs_exist_ok=True)
        return Local(range_, part, self.stored)

    def merged(self, earlier: Sequence[Local], folder: Path) -> None:
        """Merge all parts."""
        stage, params = _stage(self.stage)
        (folder / "out").mkdir()
        with served_apart(self.film) as (address, _):
            parts = [Copied(*one, folder / "parts") for one in earlier]
            source = _source(self.film, self.film).model_copy(update={"path": address})
            stage.merge(source, params, self.plan, parts, folder / "out", _REPORT)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--stages", nargs="+", choices=_STAGES, default=_STAGES)
    parser.add_argument("--minutes", nargs="+", type=int, default=_MINUTES)
    parser.add_argument("--record", action="store_true", help=f"add to {HISTORY.name}")
    arguments = parser.parse_args()
    rows = []
    for stage in arguments.stages:
        for minutes in arguments.minutes:
            film = made_film(f"{minutes}-minutes", Film(minutes, _BPS, ("-f", "mp4")))
            for name, peak in measured(stage, film):
                cells = " | ".join(f"{value / 1e6:.0f}" for value in peak)
                rows.append(f"| {minutes} min | {stage}: {name} | {cells} |")
                print(rows[-1], flush=True)
    text = "\n".join([f"## At commit {results.commit()}", _HEAD, *rows, ""])
    if arguments.record:
        with HISTORY.open("a", encoding="utf-8") as history:
            history.write("\n" + text)
    print(text)


def measured(stage: str, film: Path) -> Iterator[tuple[str, Peak]]:
    """Yield the peaks of the plan, of a range of each kind, and of the merge."""
    with tempfile.TemporaryDirectory() as folder:
        steps = Steps(stage, film, None, Path(folder))
        (plan, packed), peak = _alone(steps.planned)
        yield "plan", peak
        steps = steps._replace(plan=plan)
        made: list[Local] = []
        kinds = [one.name.partition("-")[0] for one in plan.ranges]
        for number, range_ in enumerate(plan.ranges):
            kind = kinds[number]
            alike = [place for place, one in enumerate(kinds) if one == kind]
            earlier = [one for one in made if range_.reads(one.range)]
            given = (range_, packed[number] if packed else b"", earlier)
            if number == alike[max(0, len(alike) - 2)]:
                found, peak = _alone(steps.ranged, *given)
                yield f"{kind}, one of {len(alike)}", peak
            else:
                with tempfile.TemporaryDirectory() as own:
                    found = steps.ranged(*given, Path(own))
            made.append(found)
        _, peak = _alone(steps.merged, made)
        yield "merge", peak


def _alone(step: Callable[..., Any], *given: Any) -> tuple[Any, Peak]:
    """Return what a step returns in a process of its own, and its peak."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found: tuple[Any, Peak] = pool.apply(_watched, (step, *given))
        return found


def _watched(step: Callable[..., Any], *given: Any) -> tuple[Any, Peak]:
    tools, disk, ended = 0, 0, threading.Event()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def watch() -> None:
            nonlocal tools, disk
            this = psutil.Process()
            while not ended.wait(_SAMPLED_S):
                disk = max(disk, _size(folder))
                tools = max(
                    tools,
                    *(_peak(one.pid, not_of=this.exe()) for one in this.children(recursive=True)),
                    0,
                )

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            found = step(*given, folder)
        finally:
            ended.set()
            watching.join()
        disk = max(disk, _size(folder))
    return found, Peak(_peak(os.getpid()), tools, disk)


def _peak(pid: int, *, not_of: str = "") -> int:
    """Return the most resident memory that a process has had, in bytes; 0 once it has ended.

    ``getrusage`` would include that of the process which has started it.

    Args:
        pid: of the process.
        not_of: a program; 0 while the process is still a copy of one that runs it.
    """
    try:
        if Path(f"/proc/{pid}/exe").readlink() == Path(not_of):
            return 0
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return 1024 * int(found[1]) if found else 0


def _size(folder: Path) -> int:
    """Return the bytes of the files below a folder; some may vanish meanwhile."""
    found = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                found += (Path(place) / name).stat().st_size
            except FileNotFoundError:
                continue
    return found


def _stage(name: str) -> tuple[Any, Any]:
    """Return a stage and its parameters."""
    module = loading.module(name, bootstrap.settings())
    return divisible(module), module.Params(**PARAMS.get(name, {}))


def _source(location: Location, film: Path) -> Source:
    return Source(path=location, name=film.name, probe=probe(location))


if __name__ == "__main__":
    main()
