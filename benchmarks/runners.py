"""Runners of candidates: a job or a command in a process of its own."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import talk
from benchmarks.alternatives.job import Job
from benchmarks.comparison import Figures, Runner
from benchmarks.inputs import Input, warm_up
from benchmarks.measure import ROOT, environment, measure
from samples.scoring import Hearing


def job(
    module: str,
    options: Mapping[str, Any],
    *,
    threads: int,
    packages: Path | None = None,
    weights_mb: float = 0.0,
    variables: Mapping[str, str] | None = None,
) -> Runner:
    """Return the runner of a job that is measured warm.

    Args:
        module: below ``benchmarks``, for example ``ours`` or ``alternatives.ffmpeg_tiles``.
        options: of the job.
        threads: CPU threads of all libraries.
        packages: a folder of Python packages that come before those of this environment.
        weights_mb: memory of the model's weights, which ``ready_beside_mb`` leaves out.
        variables: further environment variables.
    """
    extra = {"PYTHONPATH": f"{ROOT}:{packages}"} if packages else {}
    extra |= variables or {}

    def run(source: Input, out: Path) -> Figures:
        path = out / "job.json"
        Job(source.path(), out, warm_up(), {"threads": threads, **options}).write(path)
        command = (sys.executable, "-m", f"benchmarks.{module}", path)
        used = measure(command, environment(threads, extra))
        inner = json.loads((out / "figures.json").read_text(encoding="utf-8"))
        figures = dict(inner["figures"])
        if module == "ours":
            print(f"  imported: {', '.join(inner['imported'])}", file=sys.stderr)
        return {
            "cpu_s": figures["warm_cpu_s"],
            "wall_s": figures["warm_wall_s"],
            "ready_cpu_s": figures["ready_cpu_s"],
            "ready_mb": figures["ready_mb"],
            "ready_beside_mb": figures["ready_mb"] - weights_mb,
            "torch": float("torch" in inner["imported"]),
            "process_cpu_s": used.cpu_s,
            "peak_mb": used.peak_mb,
            "read_mb": used.read_mb,
            **_hearing(source, out / "results" / "words.json"),
        }

    return run


def command(make: Callable[[Path, Path], Sequence[str | Path]], *, threads: int) -> Runner:
    """Return the runner of a command that is measured from its start to its end.

    Args:
        make: the command for a video and an output folder.
        threads: CPU threads of all libraries.
    """

    def run(source: Input, out: Path) -> Figures:
        used = measure(make(source.path(), out), environment(threads))
        return {"cpu_s": used.cpu_s, "peak_mb": used.peak_mb, "read_mb": used.read_mb}

    return run


def _hearing(source: Input, words: Path) -> Figures:
    """Score recognised words against the spoken ones, if the input and the candidate have words."""
    spoken = talk.words_path(source.path())
    if not (words.is_file() and spoken.is_file()):
        return {}
    score = Hearing()
    score.add(talk.read_words(spoken), talk.read_words(words))
    found = {"wer": score.word_error_rate}
    if score.late:
        found |= {"start_50_s": score.start_error(0.5), "start_95_s": score.start_error(0.95)}
    return found
