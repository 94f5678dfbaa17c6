"""Filters of system calls, made by libseccomp, which Debian's package manager depends on."""

import ctypes
import os
import tempfile
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000 | 1  # SCMP_ACT_ERRNO(EPERM)
_MISSING = 0x00050000 | 38  # ENOSYS: libc calls clone() instead, whose flags a filter sees
# Flags of clone(): mount, cgroup, UTS, IPC, user, PID, network.
_NEW_NAMESPACES = (1 << 17, *(1 << bit for bit in range(25, 31)))
_UNKNOWN = -1  # of a system call that this architecture does not have
_NOT_EQUAL, _MASKED_EQUAL = 1, 7
_TYPE_MASK = 0xF  # of a socket, without its flags
_AF_INET, _SOCK_STREAM = 2, 1
_SET_SECCOMP, _FILTER = 22, 2
_INSTRUCTION_BYTES = 8
_LIBC = ctypes.CDLL(None, use_errno=True)

# What a decoder never needs, and an escape does.
_REFUSED = (
    # Other processes, and their memory.
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp"),
    *("pidfd_open", "pidfd_getfd", "pidfd_send_signal"),
    # Another session than that in which a worker finds what its tools leave behind.
    "setsid",
    # Files by another way than their path, and other views of the file system.
    *("open_by_handle_at", "name_to_handle_at", "mount", "umount2", "pivot_root", "chroot"),
    *("open_tree", "move_mount", "fsopen", "fsmount", "mount_setattr", "unshare", "setns"),
    # The kernel itself, and calls that a filter does not see.
    *("bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter"),
    *("add_key", "request_key", "keyctl", "init_module", "finit_module", "delete_module"),
    *("kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff", "acct", "syslog"),
    # Where network can be had without a connection.
    *("bind", "listen", "accept", "accept4", "socketpair"),
)


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


class Filter(NamedTuple):
    """A filter that the kernel takes (``struct sock_fprog``)."""

    program: _Program

    def apply(self) -> int:
        """Filter this thread's calls for ever; return 0, or -1 on failure.

        The thread must have given up new privileges. It takes no lock, so it may run after a fork.
        """
        return int(_LIBC.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(self.program), 0, 0))


@cache
def filter_of(*, network: bool) -> Filter | None:
    """Return the filter of media tools; None without libseccomp.

    Args:
        network: TCP over IPv4 is allowed. Without it, no socket can be made at all.
    """
    library = _library()
    if library is None:
        return None
    state = ctypes.c_void_p(library.seccomp_init(_ALLOW))
    try:
        for name in _REFUSED:
            _refuse(library, state, name)
        _refuse(library, state, "clone3", action=_MISSING)
        for flag in _NEW_NAMESPACES:
            _refuse(library, state, "clone", (0, _MASKED_EQUAL, flag, flag))
        if network:
            _refuse(library, state, "socket", (0, _NOT_EQUAL, _AF_INET, 0))
            for kind in range(_TYPE_MASK + 1):
                if kind != _SOCK_STREAM:
                    _refuse(library, state, "socket", (1, _MASKED_EQUAL, _TYPE_MASK, kind))
        else:
            _refuse(library, state, "socket")
        with tempfile.TemporaryFile() as file:
            if library.seccomp_export_bpf(state, file.fileno()):
                return None
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            return Filter(_Program(size // _INSTRUCTION_BYTES, file.read()))
    finally:
        library.seccomp_release(state)


def _refuse(
    library: Any,
    state: ctypes.c_void_p,
    name: str,
    *which: Sequence[int],
    action: int = _REFUSE,
) -> None:
    """Refuse a system call, or only where all comparisons hold."""
    number = library.seccomp_syscall_resolve_name(name.encode())
    if number != _UNKNOWN:
        compared = (_Comparison * len(which))(*(_Comparison(*one) for one in which))
        library.seccomp_rule_add_array(state, action, number, len(which), compared)


@cache
def _library() -> Any:
    try:
        library = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        return None
    library.seccomp_init.restype = ctypes.c_void_p
    return library
