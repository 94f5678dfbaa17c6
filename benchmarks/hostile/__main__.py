"""Make the hostile files and put each through the four stages, as ``videodrop run`` does.

    python -m benchmarks.hostile [--only WORD] [--stages thumbnail] [--json FILE]

Each stage runs in a process of its own, with its media tools, so its CPU time and memory are its
own. It exits with 1 if a file ends as a bug, with a code that is not expected, or costs more than
30 s of CPU before its rejection.
"""

import argparse
import json
import os
import resource
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.hostile import boxes, chunks, elements, pictures, scripts, streams
from benchmarks.hostile.kinds import Kind
from benchmarks.hostile.trial import Seen, faults, tried


def kinds() -> Iterator[Kind]:
    """Yield all kinds."""
    for module in (scripts, boxes, elements, chunks, streams, pictures):
        yield from module.all_kinds()


def _row(kind: Kind, all_seen: Sequence[Seen]) -> tuple[str, list[str]]:
    """Return a row of the table, and what is wrong."""
    ends, wrong = [], []
    for seen in all_seen:
        ends.append(f"{seen.failure or seen.where} {seen.cpu_s:.1f} s")
        wrong += [f"{seen.stage}: {one}" for one in faults(kind, seen)]
    return f"| {kind.name} | {' '.join(kind.expected)} | {' | '.join(ends)} |", wrong


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="kinds whose names have this word")
    parser.add_argument("--stages", default="transcode,thumbnail,transcribe,detect")
    parser.add_argument("--json", type=Path, help="a file for all that was seen, a line a run")
    given = parser.parse_args()
    os.environ.setdefault("VIDEODROP_FETCH", "false")
    stages, failed, count, most = given.stages.split(","), [], 0, 0.0
    print(f"| file | expected | {' | '.join(stages)} |\n|---|---|{'---|' * len(stages)}")
    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds():
            if given.only not in kind.name:
                continue
            path = Path(folder) / "source"  # without an extension, as a worker names it
            path.write_bytes(kind.make())
            seen = [tried(stage, path) for stage in stages]
            path.unlink()
            row, wrong = _row(kind, seen)
            print(row + (" **" + "; ".join(wrong) + "**" if wrong else ""), flush=True)
            failed += [f"{kind.name}: {one}" for one in wrong]
            count += 1
            most = max([most, *(one.cpu_s for one in seen if one.failure)])
            if given.json:
                with given.json.open("a") as out:
                    for one in seen:
                        out.write(json.dumps({"file": kind.name, **one._asdict()}) + "\n")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"\n{count} files; most CPU before a rejection {most:.1f} s; in all "
        f"{used.ru_utime + used.ru_stime:.0f} s. {len(failed)} faults."
    )
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
