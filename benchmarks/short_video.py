"""Measure the overhead of a short video: AWS calls by operation, and CPU time.

    python -m benchmarks.short_video [--rounds 5] [--videos 10000] [--record]

A clip of a second with sound goes through the event path, from its upload until all four stages
have succeeded. The same clip goes through the bare stages, and through a stack whose catalog has
many other videos. Models are this host's own, or demonstration models: they hardly matter.

Every request that reaches the embedded AWS from a process of the stack is a call, but polls of
queues, which go on without videos. The upload itself and EventBridge's deliveries are not ours.
Calls beside the files are all but one download of the source for each stage and one upload for each
of its files.

Prints tables; exits with 1 if a bar is missed. ``--record`` adds them to the history.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.comparison import OURS, Comparison, Figures, Outcome
from benchmarks.event_path import EventPath
from benchmarks.library import log
from benchmarks.whole_videos import BARE, CLIP, FILLED, OVERHEAD, STAGES, bare

HISTORY: Final = Path(__file__).parent / "history" / "short_video.md"
_CALLS: Final = "calls, "


def main() -> int:
    """Measure and print; return 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--videos", type=int, default=10_000, help="in the larger catalog")
    parser.add_argument("--record", action="store_true", help=f"add to {HISTORY.name}")
    arguments = parser.parse_args()
    with ExitStack() as leaving, tempfile.TemporaryDirectory() as folder:
        outcome = _measured(leaving, Path(folder), arguments.rounds, arguments.videos)
    text = "\n".join(_lines(outcome, arguments.videos))
    print(text)
    if arguments.record:
        commit = subprocess.run(
            ["git", "rev-parse", "--short=10", "HEAD"],  # noqa: S607
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        with HISTORY.open("a", encoding="utf-8") as file:
            file.write(f"\n## At commit {commit}\n\n{text}\n")
    return int(any(bar["passed"] is False for bar in outcome.report()["bars"]))


def _measured(leaving: ExitStack, folder: Path, rounds: int, videos: int) -> Outcome:
    stacks = {OURS: EventPath({}), FILLED: EventPath({}, fill=videos)}
    stages = bare({stage: {} for stage in STAGES}, 1)
    outcome = Outcome(Comparison("video, 1 s, overhead", CLIP, {}, OVERHEAD))
    for number in range(rounds):
        log(f"round {number + 1} of {rounds}")
        found: dict[str, Figures] = {}
        for name, stack in stacks.items():
            stack.start(leaving, "filled" if name == FILLED else "small")
            found[name] = stack.run(CLIP, folder)
        place = folder / str(number)
        place.mkdir()
        found[BARE] = stages(CLIP, place)
        outcome.rounds.append(found)
    return outcome


def _lines(outcome: Outcome, videos: int) -> Iterator[str]:
    yield f"Medians of {len(outcome.rounds)} rounds; the larger catalog has {videos:,} videos.\n"
    yield "| | median | lowest to highest | bar |"
    yield "|---|---|---|---|"
    for bar in OVERHEAD:
        values = [bar.value(one) for one in outcome.rounds]
        limit = f"at most {bar.most:g}" if bar.most is not None else ""
        spread = f"{min(values):.3g} to {max(values):.3g}"
        yield f"| {bar.name} | {median(values):.3g} | {spread} | {limit} |"
    yield "\n| operation | calls |"
    yield "|---|---|"
    by_operation = _by_operation([one[OURS] for one in outcome.rounds])
    for name, count in sorted(by_operation.items(), key=lambda pair: -pair[1]):
        yield f"| {name} | {count:g} |"


def _by_operation(rounds: list[Figures]) -> Mapping[str, float]:
    names = {name for one in rounds for name in one if name.startswith(_CALLS)}
    return {
        name.removeprefix(_CALLS): median(one.get(name, 0.0) for one in rounds) for name in names
    }


if __name__ == "__main__":
    sys.exit(main())
