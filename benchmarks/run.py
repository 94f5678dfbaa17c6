"""Compare this project with its alternatives: make bench.

    python -m benchmarks.run [--only speech …] [--rounds 5] [--seconds 60] [--quick] [--record]

In each round every candidate runs once, in a process of its own, so that noise of the machine
affects all. Prints a table; exits with 1 if a bar is missed. ``build/bench/results.json`` has all
figures.
"""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import page, results
from benchmarks.comparison import Comparison, Outcome
from benchmarks.comparisons import DEFAULTS, GROUPS, Choices
from benchmarks.inputs import SECONDS
from benchmarks.measure import CommandFailed
from pipeline.core import upload_options
from pipeline.core.errors import VideodropError

_FEW_VIDEOS = 1000  # in the larger catalog of a quick run


def main() -> int:
    """Measure, write and print; return 1 if a bar is missed or a group could not run."""
    arguments = _arguments()
    choices = _choices(arguments)
    with ExitStack() as leaving:
        chosen, unable = _chosen(arguments.only or DEFAULTS, choices, leaving)
        outcomes = [Outcome(one) for one in chosen if arguments.match in one.name]
        for number in range(arguments.rounds):
            for outcome in outcomes:
                _note(f"round {number + 1} of {arguments.rounds}: {outcome.comparison.name}")
                outcome.rounds.append(_round(outcome.comparison))
                report = results.write(outcomes, _described(arguments))
    if not any(outcome.rounds for outcome in outcomes):
        return 1
    print(page.table(report))
    if arguments.record:
        results.record(report)
        page.write(report)
    for name in results.missed(report):
        _note(f"missed: {name}")
    return int(bool(results.missed(report) or unable))


def _round(comparison: Comparison) -> dict[str, dict[str, float]]:
    """Run each candidate once; one that fails is left out, and named."""
    found = {}
    for name, run in comparison.candidates.items():
        with tempfile.TemporaryDirectory() as folder:
            try:
                found[name] = run(comparison.source, Path(folder))
            except CommandFailed as error:
                _note(f"{name} failed: {error}")
                continue
        _note(f"  {name}: {found[name][comparison.figure]:.2f} s")
    return found


def _chosen(
    groups: list[str], choices: Choices, leaving: ExitStack
) -> tuple[list[Comparison], list[str]]:
    """Return the comparisons of these groups, and the groups that cannot run here."""
    found: list[Comparison] = []
    unable = []
    for group in groups:
        _note(f"preparing {group} …")
        try:
            found += GROUPS[group](choices, leaving)
        except VideodropError as error:
            unable.append(group)
            _note(f"{group} is not measured: {error.message}")
    return found, unable


def _choices(arguments: argparse.Namespace) -> Choices:
    params: dict[str, dict[str, Any]] = {}
    for name, text in upload_options.pairs(arguments.param).items():
        stage, _, param = name.partition(".")
        params.setdefault(stage, {})[param] = upload_options.value(text)
    chosen = Choices(threads=arguments.threads, whisper=arguments.whisper, params=params)
    return replace(chosen, seconds=arguments.seconds, videos=arguments.videos)


def _described(arguments: argparse.Namespace) -> dict[str, Any]:
    return {"seconds": arguments.seconds, "threads": arguments.threads, "params": arguments.param}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--only", nargs="+", choices=[*GROUPS], help="groups; all but gpu by default"
    )
    parser.add_argument("--match", default="", help="only comparisons whose name has this text")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, choices=SECONDS, default=60, help="of the inputs")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of each candidate")
    parser.add_argument("--videos", type=int, default=10_000, help="in the larger catalog")
    parser.add_argument("--quick", action="store_true", help="one round of the shortest inputs")
    parser.add_argument("--whisper", type=Path, help="a CTranslate2 folder in place of base")
    parser.add_argument(
        "--param", action="append", default=[], metavar="STAGE.NAME=VALUE", help="of our stages"
    )
    parser.add_argument(
        "--record", action="store_true", help="write the history and docs/performance.md"
    )
    found = parser.parse_args()
    if found.quick:
        found.rounds, found.seconds, found.videos = 1, SECONDS[0], _FEW_VIDEOS
    return found


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
