"""The filter of system calls, evaluated as the kernel does, for calls that a test cannot make."""

import ctypes
import platform
import struct

import pytest

from pipeline.media import seccomp

ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}.get(platform.machine())
ALLOWED, REFUSED, MISSING = 0x7FFF0000, 0x00050001, 0x00050026
LOAD, AND, JUMP, RETURN = 0x20, 0x54, 0x05, 0x06
COMPARED = {0x15: int.__eq__, 0x25: int.__gt__, 0x35: int.__ge__, 0x45: int.__and__}
ESCAPES = (
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp"),
    *(
        "setsid",
        "pidfd_open",
        "pidfd_getfd",
        "pidfd_send_signal",
        "open_by_handle_at",
        "name_to_handle_at",
    ),
    *("mount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount", "fsopen", "fsmount"),
    *("mount_setattr", "unshare", "setns", "bpf", "perf_event_open", "userfaultfd"),
    *("io_uring_setup", "io_uring_enter", "add_key", "request_key", "keyctl", "init_module"),
    *("finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "swapon"),
    *("swapoff", "acct", "syslog", "bind", "listen", "accept", "accept4", "socketpair"),
)

pytestmark = pytest.mark.skipif(
    ARCHITECTURE is None or seccomp.filter_of(network=False) is None, reason="needs libseccomp"
)


def answer(name: str, *arguments: int, network: bool = False) -> int:
    """Return what the filter answers to a call."""
    found = seccomp.filter_of(network=network)
    number = seccomp._library().seccomp_syscall_resolve_name(name.encode())
    assert found
    assert number >= 0, name
    padded = (*arguments, *[0] * (6 - len(arguments)))
    data = struct.pack("<iIQ6Q", number, ARCHITECTURE, 0, *padded)
    at = ctypes.c_void_p.from_buffer(found.program, seccomp._Program.instructions.offset).value
    code = ctypes.string_at(at, found.program.length * 8)
    place = held = 0
    while True:
        kind, yes, no, value = struct.unpack_from("=HBBI", code, place * 8)
        place += 1
        match kind:
            case _ if kind == LOAD:
                (held,) = struct.unpack_from("<I", data, value)
            case _ if kind == AND:
                held &= value
            case _ if kind == JUMP:
                place += value
            case _ if kind == RETURN:
                return value
            case _:
                place += yes if COMPARED[kind](held, value) else no


def test_a_call_that_no_decoder_needs_is_refused():
    for network in (False, True):
        assert {one: answer(one, network=network) for one in ESCAPES} == dict.fromkeys(
            ESCAPES, REFUSED
        )


def test_of_sockets_those_of_tcp_over_ipv4_are_allowed_to_who_has_a_served_input():
    flags = 0x80800  # SOCK_CLOEXEC, SOCK_NONBLOCK
    for family in (1, 2, 10, 16, 17, 40):
        for kind in range(16):
            allowed = ALLOWED if (family, kind) == (2, 1) else REFUSED
            assert answer("socket", family, kind | flags, network=True) == allowed
    assert answer("socket", 2, 1) == REFUSED


def test_threads_may_be_made_and_no_namespaces():
    assert answer("clone", 0x00000F00) == ALLOWED  # CLONE_VM, FS, FILES, SIGHAND
    for bit in (17, *range(25, 31)):
        assert answer("clone", 0x00000F00 | 1 << bit) == REFUSED
    assert answer("clone3") == MISSING


def test_what_decoders_need_is_allowed():
    for name in ("read", "openat", "mmap", "futex", "exit_group"):
        assert answer(name) == ALLOWED
