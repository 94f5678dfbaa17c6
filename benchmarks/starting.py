"""The CPU time to start a media tool: ``python -m benchmarks.starting``.

util-linux limits it, or this process does after a fork. A fork copies the page tables of this
process, so its time depends on the memory.
"""

import os
import resource
from collections.abc import Callable

from pipeline.media import containment
from pipeline.media.process import Caps, Child

_STARTS = 60
_MEMORY_MB = (20, 150, 300)
_PIECE = 4096


def start() -> None:
    """Start a tool that does nothing, and wait for its end."""
    with Child(["true"], Caps()) as child:
        child.wait()


def cpu_ms(step: Callable[[], None]) -> float:
    """Return the CPU milliseconds of a step, of this process and its children."""

    def seconds() -> float:
        both = (resource.getrusage(one) for one in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(one.ru_utime + one.ru_stime for one in both)

    before = seconds()
    for _ in range(_STARTS):
        step()
    return (seconds() - before) / _STARTS * 1000


def main() -> None:
    """Print a row for each size of this process."""
    tools = containment.tools()
    if tools is None:
        raise SystemExit("prlimit and setpriv are not installed: apt-get install util-linux")
    held: list[bytes] = []
    print("memory, MB  util-linux, ms  fork, ms  ratio")
    for megabytes in _MEMORY_MB:
        held += [os.urandom(_PIECE) for _ in range(megabytes * 256 - len(held))]
        start()
        containment.tools = lambda: tools
        ours = cpu_ms(start)
        containment.tools = lambda: None
        fork = cpu_ms(start)
        print(f"{megabytes:10}  {ours:14.1f}  {fork:8.1f}  {fork / ours:5.1f}")


if __name__ == "__main__":
    main()
