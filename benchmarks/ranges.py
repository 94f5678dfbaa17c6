"""Work by ranges: a film in minutes, by simulation and on this machine.

    python -m benchmarks.ranges [--only film …] [--uploads 100000] [--measured FILE] [--record]
    python -m benchmarks.ranges --real [--all] [--minutes 20] [--rungs 240]

The first form simulates Lambda, SQS, DynamoDB and S3 with measured times of work. It prints tables
and writes ``build/bench/ranges.json``. The second form processes a video with one worker, then with
two; see ``two_workers.py``. Both exit with 1 if a bar is missed.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks import results, two_workers
from benchmarks.inputs import BUILD
from benchmarks.simulation import crowd, film, tables
from benchmarks.simulation.limits import ASSUMPTIONS, FACTS
from benchmarks.simulation.measured import DEFAULT, Measured
from benchmarks.simulation.scenario import SEED, Given
from pipeline.core.topology import Topology
from pipeline.costs.run_price import Prices

RESULTS: Final = BUILD / "ranges.json"
HISTORY: Final = results.HISTORY / "ranges.md"
_OVERLOAD: Final = 10  # part of the uploads that come all at once
_PARTS: Final = ("film", "divisions", "limits", "lengths", "uploads", "overload", "fair")


def main() -> int:
    """Simulate or measure, print, and return 1 if a bar is missed."""
    arguments = _arguments()
    if arguments.real:
        return two_workers.main(
            minutes=arguments.minutes,
            all_stages=arguments.all,
            range_s=arguments.range_s,
            rungs=arguments.rungs,
        )
    measured = Measured.read(arguments.measured)
    shapes = film.of_division(arguments.division)
    given = Given(measured, Topology.read(), Prices.read(), arguments.seed, shapes)
    report = _report(given, arguments.only or _PARTS, arguments.uploads)
    report["choices"] = {name: getattr(arguments, name) for name in ("uploads", "seed", "division")}
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    text = tables.markdown(report)
    print(text)
    if arguments.record:
        HISTORY.write_text(f"{_title(report)}\n\n{text}\n", encoding="utf-8")
    return int(any(bar["value"] > bar["most"] for bar in report["bars"]))


def _report(given: Given, chosen: tuple[str, ...] | list[str], uploads: int) -> dict[str, Any]:
    parts: dict[str, Callable[[], Any]] = {
        "film": lambda: film.over_workers(given),
        "divisions": lambda: film.over_divisions(given),
        "limits": lambda: film.over_limits(given),
        "lengths": lambda: film.over_lengths(given),
        "uploads": lambda: crowd.at_a_rate(given, uploads),
        "overload": lambda: crowd.over_limits(given, max(1, uploads // _OVERLOAD)),
        "fair": lambda: crowd.behind_films(given),
    }
    report: dict[str, Any] = {
        "commit": results.commit(),
        "host": results.host(),
        "prices": given.prices.title,
        "measured": given.measured.model_dump(),
        "facts": [fact._asdict() for fact in FACTS],
        "assumptions": ASSUMPTIONS,
    }
    for name in chosen:
        begun = time.monotonic()
        report[name] = parts[name]()
        print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    report["bars"] = report["film"]["bars"] if "film" in report else []
    return report


def _title(report: Mapping[str, Any]) -> str:
    choices = report["choices"]
    return (
        "# Work by ranges, simulated\n\n"
        f"By `python -m benchmarks.ranges --record` at commit `{report['commit']}`, seed "
        f"{choices['seed']}, divided {choices['division']}. {report['prices']}."
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=_PARTS, help="parts of the simulation")
    parser.add_argument("--uploads", type=int, default=100_000, help="at the rate of 100,000 a day")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument(
        "--division", choices=film.DIVISIONS, default=next(iter(film.DIVISIONS)), help="of stages"
    )
    parser.add_argument("--measured", type=Path, default=DEFAULT, help="times of work, as JSON")
    parser.add_argument("--record", action="store_true", help=f"write {HISTORY.name}")
    parser.add_argument("--real", action="store_true", help="measure one worker against two")
    parser.add_argument("--all", action="store_true", help="with --real: all stages")
    parser.add_argument("--minutes", type=float, default=20, help="with --real: of the video")
    parser.add_argument("--range-s", type=int, help="with --real: seconds of transcode's ranges")
    parser.add_argument("--rungs", type=int, nargs="+", help="with --real: transcode's renditions")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
