"""Child processes that end when their parent ends.

A child is a Python module in a session of its own. A Ctrl-C in the terminal therefore reaches only
the parent, which then stops its children in order. The child first runs ``main`` of this file. It
has the kernel signal the child when the parent dies in any way; ``preexec_fn`` is not safe for that
in a parent with threads. For a background child it also lowers the priority.
"""

import contextlib
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import psutil

from pipeline.core.parent_death import tie

_AUTOGROUP = Path("/proc/self/autogroup")


class Child:
    """A Python module running in a process of its own.

    Args:
        module: what ``python -m`` would run.
        args: its command-line arguments.
        env: its whole environment.
        orphan_signal: signal sent to it when this process (in fact: this thread) ends first.
        stdout: where its output goes; like ``stderr``, inherited when None.
        background: run it, and all that it starts, only when nothing else needs the CPU.
        pass_fds: file descriptors that it inherits, under the same numbers.
    """

    def __init__(
        self,
        module: str,
        *args: str,
        env: Mapping[str, str],
        orphan_signal: signal.Signals = signal.SIGKILL,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
        background: bool = False,
        pass_fds: Collection[int] = (),
    ) -> None:
        options = (str(os.getpid()), str(int(orphan_signal)), str(int(background)))
        head = (sys.executable, "-m", __name__, *options)
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module names
            (*head, module, *args),
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            pass_fds=pass_fds,
        )
        self.pid = self._process.pid
        self.stdout: IO[bytes] | None = self._process.stdout

    @property
    def returncode(self) -> int | None:
        """Return the exit status, negative for a signal's number; None while the child runs."""
        return self._process.poll()

    def rss(self) -> int:
        """Return the resident memory in bytes of the child and all that it started."""
        total = 0
        for process in self._family():
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
        return total

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait at most ``timeout`` seconds for the end; return the exit status or None."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout)
        return None

    def interrupt(self) -> None:
        """Send it SIGTERM."""
        self._process.terminate()

    def kill(self) -> None:
        """Kill it and all that it started; safe to call again."""
        for process in self._family():
            with contextlib.suppress(psutil.Error):
                process.kill()
        self._process.wait()
        if self.stdout:
            self.stdout.close()

    def stop(self, grace_s: float) -> None:
        """Send SIGTERM, and kill what still runs after ``grace_s`` seconds."""
        self.interrupt()
        self.wait(grace_s)
        self.kill()

    def _family(self) -> list[psutil.Process]:
        """Return the child, its descendants, and orphans of its session."""
        family: dict[int, psutil.Process] = {}
        with contextlib.suppress(psutil.Error):
            child = psutil.Process(self.pid)
            family = {p.pid: p for p in (child, *child.children(recursive=True))}
        for process in _session(self.pid):
            family.setdefault(process.pid, process)
        return list(family.values())


def _session(leader: int) -> Iterator[psutil.Process]:
    for pid in psutil.pids():
        with contextlib.suppress(OSError, psutil.Error):
            if os.getsid(pid) == leader:
                yield psutil.Process(pid)


def main(argv: list[str]) -> None:
    """Have the kernel signal this process when its parent dies, then run the module in ``argv``.

    Args:
        argv: parent's pid, signal number, 1 for the background or 0, module, and the module's own
            arguments.
    """
    parent, orphan_signal, background = map(int, argv[:3])
    module = argv[3]
    if not tie(parent, orphan_signal):
        sys.exit(1)
    if background:
        _lower_priority()
    sys.argv = [module, *argv[4:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _lower_priority() -> None:
    """Set the lowest CPU priority, which includes the lowest I/O priority, permanently.

    All that this process starts inherits it. Linux may schedule whole sessions against each other
    (``man 7 sched``, "The autogroup feature"). This process leads a session, so the session needs
    the lowest priority, too.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except PermissionError:  # a sandbox that forbids the call
        os.nice(19)
    while True:
        try:
            _AUTOGROUP.write_text("19")
        except BlockingIOError:  # the kernel accepts ten such writes a second from all processes
            time.sleep(0.1)
        except OSError:  # the kernel does not schedule by session
            return
        else:
            return


if __name__ == "__main__":
    main(sys.argv[1:])
