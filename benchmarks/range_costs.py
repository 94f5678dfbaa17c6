"""Measure the costs of stages that the simulation of ranges needs.

    python -m benchmarks.range_costs OUT.json [--stages transcode …] [--param STAGE.NAME=VALUE]

Every stage processes two inputs in two lengths, in a process that has loaded its models. The slope
over the length is the cost of a minute, the rest is the fixed cost of a range. Costs are CPU
seconds on one thread, which other load affects less than durations. What is not measured here is
kept from the file by default: times of requests, sound and 1080p.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks import results, runners
from benchmarks.comparison import Figures
from benchmarks.inputs import Input
from benchmarks.simulation.distribution import quantiles
from benchmarks.simulation.measured import DEFAULT, Measured
from pipeline import bootstrap
from pipeline.core import in_place, stage, upload_options
from pipeline.core.stage import Deadline, Divisible, Result, Source
from pipeline.media.probe import probe
from pipeline.stages import loading

_STAGES: Final = ("transcode", "thumbnail", "transcribe", "detect")
_KINDS: Final = ("talking", "motion")
_LENGTHS: Final = {"transcribe": (30, 90)}  # its windows have 30 s
_USUAL: Final = (6, 60)
_ROUNDS: Final = 3  # of plans
_DAY_S: Final = 86400.0


def main() -> None:
    """Measure, and write the input of a simulation."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--stages", nargs="+", choices=_STAGES, default=_STAGES)
    parser.add_argument("--param", action="append", default=[], metavar="STAGE.NAME=VALUE")
    parser.add_argument("--plan-seconds", type=int, default=600, help="length of the planned video")
    arguments = parser.parse_args()
    params: dict[str, dict[str, Any]] = {}
    for name, text in upload_options.pairs(arguments.param).items():
        chosen, _, param = name.partition(".")
        params.setdefault(chosen, {})[param] = upload_options.value(text)
    base = arguments.out if arguments.out.is_file() else DEFAULT
    measured = Measured.read(base)
    found = measured.model_dump(mode="json")
    host = results.host()
    found["host"] = f"{host['cores']} cores of {host['cpu']}, {host['memory_gb']} GB"
    planned = Input("talking", arguments.plan_seconds).path()
    for name in arguments.stages:
        sound = measured.stages[name].sound_minute_cpu_s.mean
        found["stages"][name] |= _measured(name, params.get(name, {}), planned, sound)
        arguments.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    Measured.read(arguments.out)


def _measured(name: str, params: dict[str, Any], planned: Path, sound: float) -> dict[str, Any]:
    """Return the measured distributions of a stage.

    Args:
        name: the stage.
        params: its parameters.
        planned: the video whose plan is measured.
        sound: CPU seconds of a minute that belong to the sound.
    """
    starts, fixed, minutes, written = [], [], [], []
    least_s, most_s = _LENGTHS.get(name, _USUAL)
    for kind in _KINDS:
        short, long = (_run(name, params, Input(kind, s)) for s in (least_s, most_s))
        starts += [short["ready_cpu_s"], long["ready_cpu_s"]]
        slope = (long["cpu_s"] - short["cpu_s"]) / (most_s - least_s)
        minutes.append(60 * slope - sound)
        fixed.append(max(0.0, short["cpu_s"] - least_s * slope))
        written.append(long["written"])
        print(f"{name}, {kind}: {short} {long}", file=sys.stderr, flush=True)
    text = (
        f"{name} of {least_s} s and {most_s} s of 720p30 H.264 with AAC, {' and '.join(_KINDS)}, "
        f"one thread, CPU time; parameters {params or 'by default'}"
    )
    return {
        "start_s": _row(starts, f"start of a process until its models are loaded; {text}"),
        "plan_cpu_s": _row(_plans(name, params, planned), f"probe and plan; {text}"),
        "range_cpu_s": _row(fixed, f"what does not grow with the length; {text}"),
        "minute_cpu_s": _row(minutes, f"slope over the length; {text}"),
        **_merges(name, params, text),
        "written": _row([median(written)], f"bytes of results : bytes of the source; {text}"),
    }


def _run(name: str, params: dict[str, Any], source: Input) -> Figures:
    """Run a stage in a process of its own; return its figures and the size of its results."""
    with tempfile.TemporaryDirectory() as folder:
        run = runners.job("ours", {"stage": name, "params": params}, threads=1)
        figures = run(source, Path(folder))
        files = (one for one in (Path(folder) / "results").rglob("*") if one.is_file())
        size = sum(one.stat().st_size for one in files)
    kept = {figure: figures[figure] for figure in ("cpu_s", "ready_cpu_s", "wall_s")}
    return {**kept, "written": size / source.path().stat().st_size}


def _plans(name: str, params: dict[str, Any], video: Path) -> list[float]:
    """Return the CPU seconds of several plans of a video."""
    module = loading.module(name, bootstrap.settings())
    divides = stage.divisible(module)
    chosen = module.Params(**params)
    taken = []
    for _ in range(_ROUNDS):
        before = _cpu_s()
        source = Source(path=video, name=video.name, probe=probe(video))
        if divides:
            divides.plan(source, chosen, Deadline(_DAY_S))
        taken.append(_cpu_s() - before)
    return taken


def _merges(name: str, params: dict[str, Any], text: str) -> dict[str, Any]:
    """Return the CPU seconds of a merge: what is fixed, and what a range of usual length adds."""
    module = loading.module(name, bootstrap.settings())
    divides = stage.divisible(module)
    if not divides:
        return {}
    chosen = module.Params(**params)
    fixed, added = [], []
    for kind in _KINDS:
        taken = {}
        for seconds in _LENGTHS.get(name, _USUAL):
            video = Input(kind, seconds).path()
            source = Source(path=video, name=video.name, probe=probe(video))
            timed = _Timed(divides)
            with tempfile.TemporaryDirectory() as folder:
                in_place.run(timed, source, chosen, Path(folder), Deadline(_DAY_S))
            taken[seconds] = timed.merge_s
        (least_s, least), (most_s, most) = taken.items()
        slope = max(0.0, (most - least) / (most_s - least_s))
        fixed.append(max(0.0, least - least_s * slope))
        added.append(slope * chosen.range_s)
    return {
        "merge_cpu_s": _row(fixed, f"what does not grow with the length; {text}"),
        "merge_range_cpu_s": _row(added, f"slope over the length, {chosen.range_s} s; {text}"),
    }


class _Timed:
    """A stage that tells the CPU seconds of its merge."""

    def __init__(self, divides: Divisible) -> None:
        self.plan, self.run_range, self._merge = divides.plan, divides.run_range, divides.merge
        self.merge_s = 0.0

    def merge(self, *given: Any) -> Result:
        """Merge as the stage does."""
        before = _cpu_s()
        result = self._merge(*given)
        self.merge_s = _cpu_s() - before
        return result


def _row(values: list[float], how: str) -> dict[str, Any]:
    spread = [values[0]] if len(values) == 1 else quantiles(values, min(4, len(values) - 1))
    return {"quantiles": [round(one, 4) for one in spread], "how": how}


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


if __name__ == "__main__":
    main()
