"""A child process on a short leash: limits on time, memory and output, and nothing left behind."""

import contextlib
import math
import os
import resource
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import TracebackType
from typing import IO, Self, cast

from pipeline.core.awake import Awake
from pipeline.core.parent_death import tie
from pipeline.media import containment

# All a media tool needs to run, and nothing that opens a door: no AWS_*, no proxies, no tokens.
_ENVIRONMENT = (
    "CUDA_VISIBLE_DEVICES",
    "LD_LIBRARY_PATH",
    "NVIDIA_DRIVER_CAPABILITIES",
    "NVIDIA_VISIBLE_DEVICES",
    "PATH",
    "TMPDIR",
)
_KEPT = 20
_LOOK_S = 1.0


@dataclass(frozen=True)
class Caps:
    """The limits of one child.

    Attributes:
        wall_s: seconds until its whole process group is killed, without those in which this
            process was stopped or its machine slept. The default is longer than any run: the run's
            own deadline counts (``Report.remaining``).
        cpu_s: CPU seconds over all its threads; by default what ``wall_s`` on every core allows.
        memory_bytes: private memory (``RLIMIT_DATA``: unlike ``RLIMIT_AS`` it does not count the
            address space that GPU drivers only reserve).
        file_bytes: largest file it may write.
        of_run: the time is that of a whole run, not a limit of this child's own.
    """

    wall_s: float = 12 * 3600.0
    cpu_s: float | None = None
    memory_bytes: int = 4 * 1024**3
    file_bytes: int = 64 * 1024**3
    of_run: bool = False


@dataclass
class Complaints:
    """The stderr of a child: every line counted, the first and last few kept."""

    count: int = 0
    first: list[str] = field(default_factory=list)
    last: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def add(self, line: str) -> None:
        """Take up one line."""
        self.count += 1
        if len(self.first) < _KEPT:
            self.first.append(line)
        self.last.append(line)

    def merge(self, other: "Complaints") -> None:
        """Take up those of another child."""
        self.count += other.count
        self.first = (self.first + other.first)[:_KEPT]
        self.last.extend(other.last)

    def __str__(self) -> str:
        return "\n".join(self.last)


class Child:
    """A running program, killed with its whole process group on leaving the ``with`` block.

    Args:
        argv: its command line.
        caps: what it may use.
        pass_fds: file descriptors that it inherits.
        cores: cores that it uses.
        waited: returns the seconds for which it waited for others, which do not count.

    Attributes:
        argv: its command line.
        stdout: its standard output, unbuffered.
        complaints: its stderr so far.
        caps: what it may use.
        expired: whether it was killed because ``caps.wall_s`` had passed.
    """

    def __init__(
        self,
        argv: Sequence[str],
        caps: Caps,
        *,
        pass_fds: Sequence[int] = (),
        cores: int = 1,
        waited: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.argv = tuple(argv)
        self.complaints = Complaints()
        self.caps = caps
        self.expired = False
        started: Future[subprocess.Popen[bytes]] = Future()
        self._listener = threading.Thread(
            target=self._start, args=(started, pass_fds, cores), daemon=True
        )
        self._listener.start()
        self._popen = started.result()
        self.stdout = cast("IO[bytes]", self._popen.stdout)
        self._left = threading.Event()
        self._timer = threading.Thread(target=self._limit, args=(waited,), daemon=True)
        self._timer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._left.set()
        self._timer.join()
        self._kill()
        self._popen.wait()
        self._listener.join()
        self.stdout.close()
        cast("IO[bytes]", self._popen.stderr).close()

    def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes of standard output; fewer only at its end."""
        parts: list[bytes] = []
        while size > 0 and (part := self.stdout.read(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def lines(self) -> Iterator[str]:
        """Yield standard output line by line, without line ends."""
        rest = b""
        while data := self.stdout.read(65536):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                yield line.decode("utf-8", "replace")
        if rest:
            yield rest.decode("utf-8", "replace")

    def wait(self) -> int:
        """Wait for the end, and kill what the program leaves behind in its process group.

        Returns:
            the exit status, negative for a signal as in ``subprocess``.
        """
        _await_end(self._popen.pid)
        self._kill()
        status = self._popen.wait()
        self._listener.join()
        return status

    def _limit(self, waited: Callable[[], float]) -> None:
        """Kill it at its time limit."""
        awake, before = Awake(), waited()
        while (left := self.caps.wall_s + waited() - before - awake.seconds()) > 0:
            if self._left.wait(min(left, _LOOK_S)):
                return
        self.expired = True
        self._kill()

    def _kill(self) -> None:
        # Until its status is read, no other group has its number.
        if self._popen.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._popen.pid, signal.SIGKILL)

    def _start(
        self, started: "Future[subprocess.Popen[bytes]]", pass_fds: Sequence[int], cores: int
    ) -> None:
        """Start the program, and listen to it until it ends.

        The kernel kills it when the thread that started it ends.
        """
        try:
            with containment.prepared(self.argv) as contained:
                popen = _started(self.argv, self.caps, contained, pass_fds, cores)
        except BaseException as error:  # noqa: BLE001 - the thread that waits raises it
            started.set_exception(error)
            return
        started.set_result(popen)
        self._listen(cast("IO[bytes]", popen.stderr))
        _await_end(popen.pid)

    def _listen(self, stderr: IO[bytes]) -> None:
        rest = b""
        while data := stderr.read(65536):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._hear(line)
            rest = rest[-4096:]
        self._hear(rest)

    def _hear(self, line: bytes) -> None:
        if text := line[:500].decode("utf-8", "replace").strip():
            self.complaints.add(text)


def _await_end(pid: int) -> None:
    """Wait for the end of a child without reading its status."""
    with contextlib.suppress(ChildProcessError):  # it was read before
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def _started(
    argv: Sequence[str],
    caps: Caps,
    contained: containment.Prepared,
    pass_fds: Sequence[int],
    cores: int,
) -> "subprocess.Popen[bytes]":
    """Start a command from this thread, which is restricted for ever.

    What is restricted is a thread, and its children inherit that. So nothing has to run between a
    fork and the program, and the large memory of this process is not copied.
    """
    # If the program is missing, Popen itself says so.
    tools = containment.tools() if shutil.which(argv[0]) else None
    limits = _limits(caps, cores)
    if tools:
        contained.apply()
        prlimit, setpriv = tools
        words = [f"--{name}={soft}:{hard}" for name, (_, soft, hard) in limits.items()]
        argv = [setpriv, "--pdeathsig", "KILL", prlimit, *words, *argv]
    return subprocess.Popen(  # noqa: S603 - the callers build argv, never a shell
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        env={k: v for k in _ENVIRONMENT if (v := os.environ.get(k))} | {"LC_ALL": "C"},
        # No session of its own: Linux might schedule it apart from a process in the background.
        process_group=0,
        pass_fds=pass_fds,
        # It runs between fork and exec: these few system calls take no lock.
        preexec_fn=None if tools else _leash(limits, contained),  # noqa: PLW1509 - see above
    )


def _limits(caps: Caps, cores: int) -> dict[str, tuple[int, int, int]]:
    """Return the soft and hard limits of a child by their name, none above this process's own."""
    cpu_s = math.ceil(caps.wall_s * cores if caps.cpu_s is None else caps.cpu_s)
    wanted = {
        "cpu": (
            resource.RLIMIT_CPU,
            cpu_s,
            cpu_s + 5,
        ),  # ffmpeg answers SIGXCPU; the hard one kills
        "data": (resource.RLIMIT_DATA, caps.memory_bytes, caps.memory_bytes),
        "fsize": (resource.RLIMIT_FSIZE, caps.file_bytes, caps.file_bytes),
        "core": (resource.RLIMIT_CORE, 0, 0),
    }
    found = {}
    for name, (which, soft, hard) in wanted.items():
        _, own = resource.getrlimit(which)
        most = math.inf if own == resource.RLIM_INFINITY else own
        found[name] = (which, int(min(soft, most)), int(min(hard, most)))
    return found


def _leash(
    limits: Mapping[str, tuple[int, int, int]], contained: containment.Prepared
) -> Callable[[], None]:
    """Return what limits a child of a host without util-linux, after its fork."""
    parent = os.getpid()

    def apply() -> None:
        for which, soft, hard in limits.values():
            resource.setrlimit(which, (soft, hard))
        contained.apply()
        if not tie(parent):
            os._exit(1)

    return apply
