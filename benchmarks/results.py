"""The results of a run: JSON, and a small record in the history."""

import json
import platform
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks.comparison import Outcome
from benchmarks.inputs import BUILD
from benchmarks.measure import ROOT

RESULTS: Final = BUILD / "results.json"
HISTORY: Final = Path(__file__).with_name("history")
_PACKAGES: Final = (
    "ctranslate2", "faster-whisper", "numpy", "onnxruntime", "openai-whisper", "torch",
    "ultralytics",
)  # fmt: skip
_KEPT: Final = ("cpu_s", "peak_mb", "read_mb", "wer")  # figures of the history


def write(outcomes: Iterable[Outcome], choices: Mapping[str, Any]) -> dict[str, Any]:
    """Write ``results.json`` and return it."""
    report = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit(),
        "host": host(),
        "packages": packages(),
        "choices": dict(choices),
        "comparisons": {one.comparison.name: one.report() for one in outcomes if one.rounds},
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def record(report: Mapping[str, Any]) -> Path:
    """Write the medians and the bars of a run to the history, in a form that diffs well."""
    kept = {name: report[name] for name in ("date", "commit", "host", "packages", "choices")}
    kept["comparisons"] = {
        name: {
            "medians": {
                candidate: {f: v["median"] for f, v in figures.items() if f in _KEPT}
                for candidate, figures in found["candidates"].items()
            },
            "bars": {
                bar["name"]: {"value": bar["value"] and bar["value"]["median"], **_limit(bar)}
                for bar in found["bars"]
            },
        }
        for name, found in report["comparisons"].items()
    }
    path = HISTORY / f"{report['date']}-{report['commit']}.json"
    HISTORY.mkdir(exist_ok=True)
    path.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return path


def missed(report: Mapping[str, Any]) -> list[str]:
    """Return the names of the bars that were missed, or not measured because a candidate failed."""
    return [
        f"{name}: {bar['name']}"
        for name, found in report["comparisons"].items()
        for bar in found["bars"]
        if not bar["passed"] and _limit(bar).keys() > {"passed"}
    ]


def commit() -> str:
    """Return the commit of the working tree, or ``unknown``."""
    git = ["git", "rev-parse", "--short=10", "HEAD"]
    found = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    return found.stdout.strip() or "unknown"


def host() -> dict[str, Any]:
    """Return the machine's processor, its cores and memory, and the Python version."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    return {
        "cpu": names[0] if names else platform.processor() or platform.machine(),
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "python": platform.python_version(),
    }


def packages() -> dict[str, str]:
    """Return the versions of the packages that the figures depend on."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _limit(bar: Mapping[str, Any]) -> dict[str, Any]:
    limits = {name: bar[name] for name in ("least", "most") if bar[name] is not None}
    return {**limits, "passed": bar["passed"]}
