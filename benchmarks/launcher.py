"""A small process that runs a command and writes its resource use.

    python -I -S launcher.py FIGURES COMMAND …

The kernel adds the CPU time and the bytes read of all ended descendants to this process. Its own
memory is small, because a child's peak memory is at least that of the process that started it.
"""

import json
import os
import sys
import time


def main() -> int:
    """Run, write the figures as JSON, and return the command's exit status."""
    figures, command = sys.argv[1], sys.argv[2:]
    before, began = _read_bytes(), time.monotonic()
    child = os.posix_spawnp(command[0], command, os.environ)
    _, status, used = os.wait4(child, 0)
    report = {
        "cpu_s": used.ru_utime + used.ru_stime,
        "wall_s": time.monotonic() - began,
        "largest_mb": used.ru_maxrss / 1024,  # it is in KiB on Linux
        "read_mb": (_read_bytes() - before) / 1e6,
    }
    with open(figures, "w", encoding="utf-8") as file:  # noqa: PTH123 - pathlib needs memory
        json.dump(report, file)
    return os.waitstatus_to_exitcode(status)


def _read_bytes() -> int:
    """Return the bytes that this process and its ended descendants read: files, pipes, sockets."""
    try:
        with open("/proc/self/io", encoding="ascii") as file:  # noqa: PTH123 - as above
            return int(file.readline().split()[1])
    except OSError:
        return 0


if __name__ == "__main__":
    sys.exit(main())
