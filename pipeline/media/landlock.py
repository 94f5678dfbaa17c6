"""The files and ports that a process may open, by Landlock (Linux 5.13 and newer).

The numbers are those of ``linux/landlock.h``. See https://docs.kernel.org/userspace-api/landlock.html.
"""

import contextlib
import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Self

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # system calls, on all architectures
_VERSION = 1
_BENEATH, _PORT = 1, 2

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 1 << 1, 1 << 2, 1 << 3
_ALL_V1 = (1 << 13) - 1
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_BIND_TCP, _CONNECT_TCP = 1, 1 << 1
_ABSTRACT_SOCKETS, _SIGNALS = 1, 1 << 1
_OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | _TRUNCATE
_REFER_SINCE, _TRUNCATE_SINCE, _NETWORK_SINCE, _SCOPE_SINCE = 2, 3, 4, 6

READ = READ_FILE | READ_DIR
_LIBC = ctypes.CDLL(None, use_errno=True)


@cache
def version() -> int:
    """Return the version of Landlock that this kernel has; 0 without it."""
    return max(0, int(_LIBC.syscall(_CREATE_RULESET, None, 0, _VERSION)))


def guards_network() -> bool:
    """Return whether TCP connections can be limited to ports."""
    return version() >= _NETWORK_SINCE


class Rules:
    """A set of rules, open until ``close``. Everything that no rule allows is denied.

    Raises:
        OSError: the kernel has no Landlock.
    """

    def __init__(self) -> None:
        known = version()
        self._files = _ALL_V1
        self._files |= _REFER if known >= _REFER_SINCE else 0
        self._files |= _TRUNCATE if known >= _TRUNCATE_SINCE else 0
        attributes = [self._files]
        if guards_network():
            attributes.append(_BIND_TCP | _CONNECT_TCP)
        if known >= _SCOPE_SINCE:
            attributes.append(_ABSTRACT_SOCKETS | _SIGNALS)
        packed = struct.pack(f"={len(attributes)}Q", *attributes)
        self._fd = _checked(_LIBC.syscall(_CREATE_RULESET, packed, len(packed), 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close them; processes that they restrict stay restricted."""
        os.close(self._fd)

    def read(self, paths: Iterable[Path], *, execute: bool = False) -> None:
        """Allow reading of files, and of all beneath folders. Missing paths are skipped."""
        for path in paths:
            self._allow(path, READ | (EXECUTE if execute else 0))

    def write(self, folders: Iterable[Path]) -> None:
        """Allow everything but execution beneath folders, and in files."""
        for path in folders:
            self._allow(path, self._files & ~EXECUTE)

    def connect(self, port: int) -> None:
        """Allow TCP connections to a port, where they can be limited."""
        if guards_network():
            rule = struct.pack("=QQ", _CONNECT_TCP, port)
            _checked(_LIBC.syscall(_ADD_RULE, self._fd, _PORT, rule, 0))

    def restrict(self) -> int:
        """Restrict this thread and its children for ever; return 0, or -1 on failure.

        It takes no lock and allocates nothing that others share, so it may run after a fork.
        """
        return int(_LIBC.syscall(_RESTRICT_SELF, self._fd, 0))

    def _allow(self, path: Path, access: int) -> None:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                if not stat.S_ISDIR(os.fstat(opened).st_mode):
                    access &= _OF_FILES & self._files
                rule = struct.pack("=Qi", access, opened)
                _checked(_LIBC.syscall(_ADD_RULE, self._fd, _BENEATH, rule, 0))
            finally:
                os.close(opened)


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
