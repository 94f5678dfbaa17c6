"""Child processes that never outlive their parent.

A child is a Python module run in a session of its own (a Ctrl-C in the terminal reaches the parent
alone, which then stops its children in order). Between fork and the module's first line stands
this file's ``main``: it asks the kernel to signal the child when the parent dies, however it dies.
Doing so here rather than in ``preexec_fn`` keeps it safe in a parent with threads. There it also
takes its place behind everything else on the machine, if it is to work in the background.
"""

import contextlib
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
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
        orphan_signal: what it gets when this process (in fact: this thread) ends before it.
        stdout: where its output goes; like ``stderr``, ours when None.
        background: run it, and all that it starts, only when nothing else wants the CPU.
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
    ) -> None:
        wishes = (str(os.getpid()), str(int(orphan_signal)), str(int(background)))
        head = (sys.executable, "-m", __name__, *wishes)
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module names
            (*head, module, *args),
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        self.pid = self._process.pid
        self.stdout: IO[bytes] | None = self._process.stdout

    @property
    def returncode(self) -> int | None:
        """Exit status, minus the signal's number when one killed it; None while it runs."""
        return self._process.poll()

    def rss(self) -> int:
        """Resident bytes of the child and everything it started."""
        total = 0
        for process in self._family():
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
        return total

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait until it has ended, for ``timeout`` seconds at most; its exit status or None."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout)
        return None

    def interrupt(self) -> None:
        """Ask it to end (SIGTERM)."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    def kill(self) -> None:
        """End it and all that it started at once; safe to call again."""
        for process in self._family():
            with contextlib.suppress(psutil.Error):
                process.kill()
        self._process.wait()
        if self.stdout:
            self.stdout.close()

    def stop(self, grace_s: float) -> None:
        """Ask it to end, and kill what is left of it after ``grace_s`` seconds."""
        self.interrupt()
        self.wait(grace_s)
        self.kill()

    def _family(self) -> list[psutil.Process]:
        """The child, its descendants, and orphans of its session whose parent has died."""
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
    """Tie this process's life to its parent's, then become the module in ``argv``.

    Args:
        argv: parent's pid, signal number, 1 for the background or 0, module, and the module's own
            arguments.
    """
    parent, orphan_signal, background = map(int, argv[:3])
    module = argv[3]
    if not tie(parent, orphan_signal):
        sys.exit(1)
    if background:
        _step_back()
    sys.argv = [module, *argv[4:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _step_back() -> None:
    """Take the lowest CPU priority, and with it the lowest I/O priority, for good.

    All that this process starts inherits it. Linux may schedule sessions against each other before
    it looks at the processes in them (``man 7 sched``, "The autogroup feature"), and this process
    leads a session: so that has to stand back as a whole, too.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except PermissionError:  # a sandbox that forbids the call
        os.nice(19)
    while True:
        try:
            _AUTOGROUP.write_text("19")
        except BlockingIOError:  # the kernel takes ten such wishes a second from us all
            time.sleep(0.1)
        except OSError:  # it does not schedule by session
            return
        else:
            return


if __name__ == "__main__":
    main(sys.argv[1:])
