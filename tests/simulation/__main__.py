"""The search from the command line."""

import argparse
import os
import re
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import count, islice
from typing import NamedTuple

from tests.simulation.choices import Choices
from tests.simulation.history import Endless, History
from tests.simulation.installation import Installation
from tests.simulation.scheduler import Violation
from tests.simulation.shrink import shrunk


class Search(NamedTuple):
    """The findings of one process.

    Attributes:
        done: number of histories.
        cpu_s: CPU time that they took.
        seed: of the history that fails; None if none does.
        wrong: what is wrong with it.
    """

    done: int
    cpu_s: float
    seed: int | None
    wrong: str


def outcome(installation: Installation, choices: Choices) -> str:
    """Run one history; return what is wrong with it, or nothing."""
    try:
        History(installation, choices).run()
    except (Violation, Endless) as error:
        return str(error)
    return ""


def search(first: int, step: int, seconds: float, histories: int | None) -> Search:
    """Run histories until one fails, or the time or their number is over."""
    installation = Installation()
    end, cpu, done = time.monotonic() + seconds, time.process_time(), 0
    try:
        for seed in islice(count(first, step), histories):
            wrong = outcome(installation, Choices(seed))
            done += 1
            if wrong:
                return Search(done, time.process_time() - cpu, seed, wrong)
            if time.monotonic() > end:
                break
    finally:
        installation.close()
    return Search(done, time.process_time() - cpu, None, "")


def _kind(wrong: str) -> str:
    """Return what is wrong without the names and numbers of one history."""
    return re.sub(r"\S*[\d#./]\S*", "", wrong)


def explain(seed: int) -> None:
    """Print the calls of a history that fails, once it is as simple as can be found."""
    installation = Installation()
    choices = Choices(seed)
    kind = _kind(outcome(installation, choices))

    def fails(some: Sequence[int]) -> bool:
        return bool(kind) and _kind(outcome(installation, Choices(given=some))) == kind

    simple = shrunk(choices.made, fails)
    history = History(installation, Choices(given=simple), trace=True)
    wrong = ""
    try:
        history.run()
    except (Violation, Endless) as error:
        wrong = str(error)
    print(*(history.calls.trace or ()), sep="\n")
    print(f"Shrunk from {len(choices.made)} choices to {sum(map(bool, simple))}: {wrong}")
    installation.close()


def main() -> int:
    """Return the exit status: 1 if a history fails."""
    asked = argparse.ArgumentParser(
        prog="python -m tests.simulation", description="Search for a history that goes wrong."
    )
    asked.add_argument("--seconds", type=float, default=60, help="begin no history after these")
    asked.add_argument("--histories", type=int, help="so many for each process, in any time")
    asked.add_argument("--first", type=int, default=0, help="seed of the first history")
    asked.add_argument("--seed", type=int, help="only this history")
    asked.add_argument("--processes", type=int, default=1)
    asked.add_argument("--brief", action="store_true", help="shrink nothing")
    given = asked.parse_args()
    if given.seed is not None:
        given.first, given.histories, given.processes = given.seed, 1, 1
    seconds = given.seconds if given.histories is None else float("inf")
    begin = time.monotonic()
    starts = range(given.first, given.first + given.processes)
    with ProcessPoolExecutor(given.processes) as pool:
        places = [(start, given.processes, seconds, given.histories) for start in starts]
        found = list(pool.map(search, *zip(*places, strict=True)))
    lasted = time.monotonic() - begin
    done, cpu_s = sum(one.done for one in found), sum(one.cpu_s for one in found)
    failed = [one for one in found if one.seed is not None]
    for one in failed:
        print(f"Seed {one.seed}: {one.wrong}")
    if failed and not given.brief:
        explain(failed[0].seed or 0)
    print(
        f"{done} histories in {lasted:.1f} s: {done / lasted:.0f} a second, "
        f"{done / cpu_s:.0f} a second of CPU time."
    )
    return 1 if failed else 0


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        # The order of a set is then the same in each process, and with it the history of a seed.
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])  # noqa: S606
    sys.exit(main())
