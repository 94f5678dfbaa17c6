"""One worker against two: the speed-up of work by ranges, and what it costs.

Each worker has one core. The first is the worker of a running stack; the second is a process of its
own that uses the same addresses, like a second machine. A video is processed with one, then with
both. Its CPU time is compared with that of the same stages in one pass, without a stack.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks import counting_server as counting
from benchmarks import results, runners
from benchmarks.comparison import Figures
from benchmarks.event_path import counting_aws, observing
from benchmarks.inputs import BUILD, Input, warm_up
from benchmarks.library import (
    STAGE,
    WORKER,
    RunningStack,
    cpu_seconds,
    distinct,
    log,
    running_stack,
)
from benchmarks.measure import CommandFailed
from pipeline import bootstrap
from pipeline.aws.following import follow
from pipeline.core import stage
from pipeline.core.stage import Deadline, Source, StageModule
from pipeline.media.probe import probe
from pipeline.stages import loading

STAGES: Final = ("transcode", "thumbnail", "transcribe", "detect")
LEAST_FASTER: Final = 1.8
MOST_CPU: Final = 1.08
MOST_READ: Final = 1.15
RESULTS: Final = BUILD / "two-workers.json"
_TIMEOUT_S: Final = 4 * 3600.0
_SETTLE_S: Final = 3.0  # the worker deletes the message after the record is written
_IDLE_S: Final = 60.0  # a round of the janitor
_DAY_S: Final = 86400.0
_START_S: Final = 60.0


def main(
    *,
    minutes: float,
    all_stages: bool,
    range_s: int | None = None,
    rungs: Sequence[int] | None = None,
) -> int:
    """Measure, write and print; return 1 if a bar is missed.

    Args:
        minutes: length of the video.
        all_stages: whether all stages run, or transcode alone.
        range_s: length of transcode's ranges, if not the default: for short videos.
        rungs: transcode's renditions, if not the default: fewer take less time.
    """
    given = {"range_s": range_s, "rungs": rungs}
    params = {name: value for name, value in given.items() if value}
    stages = STAGES if all_stages else STAGES[:1]
    source = Input("talking", round(60 * minutes))
    video = source.path()
    spread = {name: _ranges(name, video, params) for name in stages}
    report: dict[str, Any] = {
        "commit": results.commit(),
        "host": results.host(),
        "minutes": minutes,
        "params": params,
        "load": os.getloadavg(),
        "ranges": spread,
        **_runs(video, stages, params),
        "one_pass": {name: _one_pass(name, source, params) for name in stages},
    }
    report["bars"] = _bars(report, video.stat().st_size, stages)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(table(report))
    return int(not all(bar["passed"] for bar in report["bars"]))


def table(report: Mapping[str, Any]) -> str:
    """Return the figures and the bars in Markdown."""
    lines = ["| workers | s | CPU-s | AWS calls | S3 MB read | of the source |"]
    lines.append("|---|---|---|---|---|---|")
    for name in ("one", "two"):
        found = report[name]
        lines.append(
            f"| {name} | {found['wall_s']:.1f} | {found['cpu_s']:.1f} | {found['calls']:.0f} | "
            f"{found['s3_mb']:.1f} | {found['source_mb']:.1f} |"
        )
    single = sum(found["cpu_s"] for found in report["one_pass"].values())
    lines += [f"| one pass, no stack | | {single:.1f} | | | |", ""]
    lines += ["| bar | limit | measured | |", "|---|---|---|---|"]
    for bar in report["bars"]:
        limit = f"≥ {bar['least']:g}" if "least" in bar else f"≤ {bar['most']:g}"
        verdict = "pass" if bar["passed"] else "**missed**"
        lines.append(f"| {bar['name']} | {limit} | {bar['value']:.3f} | {verdict} |")
    count = sum(report["ranges"].values())
    calls = ", ".join(f"{name} {n / count:.1f}" for name, n in report["two"]["made"].items())
    lines += ["", f"{count} ranges with their merges; AWS calls a range: {calls}."]
    load = " ".join(f"{value:.1f}" for value in report["load"])
    lines += [
        f"Load of the host at the start: {load}. Parameters: {report['params'] or 'default'}."
    ]
    return "\n".join(lines)


def _bars(report: Mapping[str, Any], size: int, stages: Sequence[str]) -> list[dict[str, Any]]:
    one, two = report["one"], report["two"]
    single = sum(found["cpu_s"] for found in report["one_pass"].values())
    read = two["source_mb"] * 1e6 / (size * len(stages))
    faster, cpu = one["wall_s"] / two["wall_s"], two["cpu_s"] / single
    return [
        {"name": "one worker : two, duration", "least": LEAST_FASTER, "value": faster,
         "passed": faster >= LEAST_FASTER},
        {"name": "CPU of ranges : one pass", "most": MOST_CPU, "value": cpu,
         "passed": cpu <= MOST_CPU},
        {"name": "bytes read of the source : source, a stage", "most": MOST_READ, "value": read,
         "passed": read <= MOST_READ},
    ]  # fmt: skip


def _runs(
    video: Path, stages: Sequence[str], params: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Process a video with one worker, then with two; return the figures of each."""
    home = BUILD / "stacks" / "two-workers"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    chosen = {"VIDEODROP_PARAMS": json.dumps({"transcode": dict(params)})}
    first, second = sorted(os.sched_getaffinity(0))[:2]
    with (
        counting_aws(home) as aws,
        observing(aws),
        running_stack(home, **(variables := aws | chosen)) as stack,
    ):
        _pin(stack.processes(WORKER), first)
        _processed(stack, warm_up(), stages, 0)
        idle = _idle()
        one = _figures(stack, video, stages, 1, [], idle)
        with _worker(home, variables, second) as other:
            _processed(stack, warm_up(), stages, 2)
            _processed(stack, warm_up(), stages, 3)
            two = _figures(stack, video, stages, 4, [other], idle)
    return {"one": one, "two": two}


def _figures(
    stack: RunningStack,
    video: Path,
    stages: Sequence[str],
    number: int,
    others: Sequence[psutil.Process],
    idle: Mapping[str, float],
) -> dict[str, Any]:
    before = _used(stack, others), _counts()
    wall_s = _processed(stack, video, stages, number)
    after = _used(stack, others), _counts()
    counts = before[1], after[1]
    made = {
        name: max(0.0, count - idle.get(name, 0.0) * wall_s)
        for name, count in counting.made(*counts).items()
    }
    log(f"{1 + len(others)} worker(s): {wall_s:.1f} s")
    return {
        "wall_s": wall_s,
        "cpu_s": after[0] - before[0],
        "calls": sum(made.values()),
        "made": made,
        "s3_mb": counting.sent_mb(*counts),
        "source_mb": counting.sent_mb(*counts, stack.settings.names.uploads_bucket),
    }


def _idle() -> dict[str, float]:
    """Return the calls a second of a stack without work, by operation."""
    before = _counts()
    time.sleep(_IDLE_S)
    return {name: count / _IDLE_S for name, count in counting.made(before, _counts()).items()}


def _processed(stack: RunningStack, video: Path, stages: Sequence[str], number: int) -> float:
    """Upload a copy; return the seconds from then to the end of its last stage.

    Raises:
        CommandFailed: a stage failed.
    """
    uploads = bootstrap.uploads(stack.settings)
    with distinct(video, number) as copy:
        key = uploads.key(f"{number}.mp4")
        video_id = uploads.put(copy, key, options={"stages": ",".join(stages)})
        begun = time.time()
        *_, (seen,) = follow(stack.catalog, {video_id: None}, timeout_s=_TIMEOUT_S)
    time.sleep(_SETTLE_S)
    if not seen.status.startswith("ready"):
        raise CommandFailed(f"{video.name} is {seen.status}.")
    runs = (seen.stages[name] for name in stages)
    return max(run.finished_at.timestamp() for run in runs if run.finished_at) - begun


@contextmanager
def _worker(home: Path, variables: Mapping[str, str], core: int) -> Iterator[psutil.Process]:
    """Run a second worker on one core, as on another machine."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "VIDEODROP_"))}
    with tempfile.TemporaryDirectory(dir=home) as other:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.cli", "worker"],
            env={**kept, **variables, "VIDEODROP_HOME": other},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            found = psutil.Process(process.pid)
            found.cpu_affinity([core])
            _await_handlers(found)
            yield found
        finally:
            process.terminate()
            process.wait(_START_S)


def _await_handlers(worker: psutil.Process) -> None:
    """Wait until a worker has started its first handler.

    Raises:
        CommandFailed: it started none.
    """
    end = time.monotonic() + _START_S
    while not _handlers(worker):
        if time.monotonic() > end or not worker.is_running():
            raise CommandFailed("The second worker did not start.")
        time.sleep(0.2)


def _pin(processes: Sequence[psutil.Process], core: int) -> None:
    """Let processes and their children use one core."""
    for process in processes:
        for one in (process, *process.children(recursive=True)):
            one.cpu_affinity([core])


def _used(stack: RunningStack, others: Sequence[psutil.Process]) -> float:
    """Return the CPU seconds of all handlers of stages so far."""
    handlers = [one for worker in others for one in _handlers(worker)]
    return cpu_seconds([*stack.processes(STAGE), *handlers])


def _handlers(worker: psutil.Process) -> list[psutil.Process]:
    return [one for one in worker.children(recursive=True) if STAGE in one.cmdline()]


def _counts() -> dict[str, int]:
    return counting.counts(os.environ["AWS_ENDPOINT_URL"])


def _ranges(name: str, video: Path, params: Mapping[str, Any]) -> int:
    """Return the number of ranges of a stage, with the merge; 1 if all is done in place."""
    module = loading.module(name, bootstrap.settings())
    divides = stage.divisible(module)
    if divides is None:
        return 1
    source = Source(path=video, name=video.name, probe=probe(video))
    chosen = module.Params(**params) if name == STAGES[0] else module.Params()
    plan = divides.plan(source, chosen, Deadline(_DAY_S))
    return len(plan.ranges) + 1 if plan.spreads else 1


def _one_pass(name: str, source: Input, params: Mapping[str, Any]) -> Figures:
    """Run a stage in a process of its own, in one range."""
    whole = _in_one_range(loading.module(name, bootstrap.settings()))
    chosen = {**params, **whole} if name == STAGES[0] else whole
    with tempfile.TemporaryDirectory() as folder:
        run = runners.job("ours", {"stage": name, "params": chosen}, threads=1)
        found = run(source, Path(folder))
    return {"cpu_s": found["cpu_s"], "wall_s": found["wall_s"]}


def _in_one_range(module: StageModule) -> dict[str, float]:
    """Return the parameters with which a stage divides nothing that is shorter than a day."""
    field = module.Params.model_fields.get("range_s")
    if field is None:
        return {}
    most = (getattr(rule, "le", None) for rule in field.metadata)
    return {"range_s": next((value for value in most if value is not None), _DAY_S)}
