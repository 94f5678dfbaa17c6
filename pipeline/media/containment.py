"""The only module that decides what a media tool may reach, since it decodes files of strangers.

A tool may read itself, its libraries and its input, and write beside its output. It may connect to
nothing, or to the port where this process serves its input. It cannot read the memory or the
environment of other processes, which hold credentials, nor signal them. Kernels and libraries
differ, so each layer is used where it is there; ``layers`` says which are.
"""

import contextlib
import ctypes
import itertools
import os
import shutil
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from pipeline.media import landlock, seccomp

_SET_DUMPABLE, _CAPBSET_DROP, _NO_NEW_PRIVS = 4, 24, 38
_CAPABILITIES = 64  # more than there are
_CAP_DAC_OVERRIDE = 1  # root reads uploads of others
_LIBC = ctypes.CDLL(None, use_errno=True)

# Programs, libraries, fonts, and facts about the machine. Nothing of a user's.
_SYSTEM = tuple(
    Path(one)
    for one in (
        *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/var/lang/lib"),
        *("/etc/ld.so.cache", "/etc/fonts", "/etc/OpenCL", "/etc/vulkan", "/etc/localtime"),
        *("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/vm", "/sys/devices/system"),
        *("/dev/random", "/dev/urandom", "/dev/zero"),
    )
)
_LOADERS = ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-x86_64.so.1")
# What the driver of a GPU opens. Its files differ by version.
_GPU_READ = (Path("/proc"), Path("/sys"), Path("/etc/nvidia"))
_GPU_WRITE = (Path("/dev"), Path("/proc/driver"))


class Reach(NamedTuple):
    """The files, folders and port that a command may reach.

    Attributes:
        program: the file that is executed; None if it is not found.
        inputs: files that are read.
        folders: folders that are written.
        port: on loopback, where its input is served; None without.
    """

    program: Path | None
    inputs: tuple[Path, ...]
    folders: tuple[Path, ...]
    port: int | None

    @classmethod
    def of(cls, argv: Sequence[str]) -> Self:
        """Return what a command of ffmpeg or ffprobe names: inputs after ``-i``, and outputs."""
        found = shutil.which(argv[0])
        inputs, folders, port = [], [], None
        for option, word in itertools.pairwise(argv):
            path = Path(word.removeprefix("file:"))
            if option == "-i" and word.startswith("http:"):
                port = urlsplit(word).port
            elif option == "-i":
                inputs.append(path)
            elif path.is_absolute() and path.parent.is_dir():
                folders.append(path if path == Path(os.devnull) else path.parent)
        return cls(Path(found).resolve() if found else None, tuple(inputs), tuple(folders), port)


class Prepared(NamedTuple):
    """The restrictions of a child, made before the fork.

    Attributes:
        rules: of files and ports; None without Landlock.
        calls: the filter of system calls; None without libseccomp.
    """

    rules: landlock.Rules | None
    calls: seccomp.Filter | None

    def apply(self) -> None:
        """Restrict this thread and its children for ever; it takes no lock.

        Raises:
            OSError: a restriction failed, although this host has it.
        """
        for one in range(_CAPABILITIES):
            if one != _CAP_DAC_OVERRIDE:
                _LIBC.prctl(_CAPBSET_DROP, one, 0, 0, 0)
        failed = _LIBC.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
        if self.rules:
            failed |= self.rules.restrict()
        if self.calls:
            failed |= self.calls.apply()
        if failed:
            raise OSError(ctypes.get_errno(), "this host does not restrict media tools as it said")


@contextlib.contextmanager
def prepared(argv: Sequence[str]) -> Iterator[Prepared]:
    """Prepare the restrictions of a command, and make this process's own memory unreadable."""
    _LIBC.prctl(_SET_DUMPABLE, 0, 0, 0, 0)
    reach = Reach.of(argv)
    calls = seccomp.filter_of(network=reach.port is not None)
    if not landlock.version():
        yield Prepared(None, calls)
        return
    with landlock.Rules() as rules:
        _allow(rules, reach)
        yield Prepared(rules, calls)


@cache
def tools() -> tuple[str, str] | None:
    """Return util-linux's ``prlimit`` and ``setpriv``, which start a command; None without them."""
    prlimit, setpriv = shutil.which("prlimit"), shutil.which("setpriv")
    return (prlimit, setpriv) if prlimit and setpriv else None


def layers() -> Iterator[tuple[str, bool]]:
    """Yield each layer of containment, and whether this host has it."""
    yield "memory and environment of the worker unreadable", True
    yield "files and execution limited (Landlock, Linux 5.13)", landlock.version() > 0
    yield "network limited to its input's port (Landlock, Linux 6.7)", landlock.guards_network()
    yield "system calls filtered (libseccomp)", seccomp.filter_of(network=False) is not None


def _allow(rules: landlock.Rules, reach: Reach) -> None:
    rules.read(_SYSTEM)
    rules.read(_library_folders(reach.program))
    rules.read(reach.inputs)
    rules.write((Path(os.devnull), *reach.folders))
    if reach.program:
        # A script needs an interpreter, and the programs that it calls.
        script = not _is_binary(reach.program)
        starters = (*_LOADERS, *(tools() or ()))
        rules.read((reach.program, *map(Path, starters)), execute=True)
        rules.read(_SYSTEM if script else (), execute=True)
    if reach.port is not None:
        rules.connect(reach.port)
    if any(Path("/dev").glob("nvidia*")):
        rules.read(_GPU_READ)
        rules.write(_GPU_WRITE)


@cache
def _library_folders(program: Path | None) -> tuple[Path, ...]:
    named = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    beside = (program.parent.parent / "lib",) if program else ()
    return (*beside, *(Path(one) for one in named if one))


@cache
def _is_binary(program: Path) -> bool:
    with program.open("rb") as file:
        return file.read(4) == b"\x7fELF"
