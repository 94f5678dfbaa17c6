"""Each escape that a hijacked media tool would try, tried by a program in its place."""

import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.media import containment, landlock, seccomp
from pipeline.media.process import Caps, Child

ROOT = Path(__file__).parents[3]
needs_landlock = pytest.mark.skipif(not landlock.version(), reason="needs Linux 5.13")
needs_ports = pytest.mark.skipif(not landlock.guards_network(), reason="needs Linux 6.7")
needs_seccomp = pytest.mark.skipif(
    seccomp.filter_of(network=False) is None, reason="needs libseccomp"
)
TRY = """
import ctypes, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)
try:
    {}
except OSError as error:
    print(type(error).__name__)
else:
    print("escaped")
"""


@pytest.fixture(autouse=True, params=["by_util_linux", "by_a_fork"])
def _way(request, monkeypatch):
    """Start children in both ways: a host may lack util-linux."""
    if request.param == "by_a_fork":
        monkeypatch.setattr(containment, "tools", lambda: None)
    elif containment.tools() is None:
        pytest.skip("needs prlimit and setpriv")


def tried(statement, *words):
    """Return what came of a statement in a child: an error's name, or ``escaped``."""
    command = [sys.executable, "-I", "-S", "-c", TRY.format(statement), *words]
    with Child(command, Caps(wall_s=20)) as child:
        said = list(child.lines())
        child.wait()
    assert len(said) == 1, child.complaints
    return said[0]


@pytest.fixture
def without_landlock(monkeypatch):
    """Contain children as on a kernel without Landlock."""
    monkeypatch.setattr(landlock, "version", lambda: 0)


@pytest.fixture
def without_seccomp(monkeypatch):
    """Contain children as without libseccomp."""
    monkeypatch.setattr(seccomp, "filter_of", lambda *, network: None)  # noqa: ARG005


@needs_landlock
def test_a_file_of_the_user_cannot_be_read(tmp_path):
    (tmp_path / "secret").touch()
    statement = f"open({str(tmp_path / 'secret')!r})"
    assert tried(statement) == "PermissionError"
    assert tried(statement, "-i", str(tmp_path / "secret")) == "escaped", "its input can be"


@needs_landlock
def test_only_folders_of_outputs_can_be_written(tmp_path):
    statement = f"open({str(tmp_path / 'file')!r}, 'w')"
    assert tried(statement) == "PermissionError"
    assert tried(statement, "-i", str(tmp_path)) == "PermissionError"
    assert tried(statement, f"file:{tmp_path / 'video.mp4'}") == "escaped"


@needs_landlock
def test_no_second_program_can_be_executed():
    assert tried("os.execv('/bin/sh', ['sh', '-c', 'echo escaped'])") == "PermissionError"


@pytest.mark.parametrize("of", ["environ", "mem", "maps"])
@pytest.mark.usefixtures("without_landlock")
def test_the_worker_cannot_be_read_on_any_kernel(of):
    assert tried(f"open(f'/proc/{{os.getppid()}}/{of}').read(1)") == "PermissionError"


AS_USER = """
import ctypes, os
from pipeline.media import landlock
from pipeline.media.process import Caps, Child
landlock.version = lambda: 0
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # as a process is that was started as this user
with Child(["cat", f"/proc/{os.getpid()}/environ"], Caps(wall_s=20)) as child:
    print(len(child.read(1)), child.wait(), child.complaints)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_a_worker_of_an_ordinary_user_cannot_be_read_by_its_tools():
    command = [sys.executable, "-c", AS_USER]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("0 1 cat: /proc/"), done.stderr
    assert "Permission denied" in done.stdout


@needs_landlock
def test_the_worker_cannot_be_read_by_landlock():
    assert tried("open(f'/proc/{os.getppid()}/environ').read(1)") == "PermissionError"


@needs_seccomp
@pytest.mark.usefixtures("without_landlock")
@pytest.mark.parametrize(
    "statement",
    [
        "call('ptrace', 16, os.getppid(), 0, 0)",
        "call('process_vm_readv', os.getppid(), None, 0, None, 0, 0)",
        "call('process_vm_writev', os.getppid(), None, 0, None, 0, 0)",
        "call('syscall', 434, os.getppid(), 0)",
        "call('syscall', 425, 8, None)",
        "call('syscall', 428, -100, b'/', 0)",
        "call('unshare', 0x10000000)",
        "call('mount', b'none', b'/tmp', b'tmpfs', 0, None)",
        "socket.socket()",
        "socket.socket(socket.AF_UNIX)",
        "socket.socketpair()",
    ],
    ids=[
        "ptrace",
        "memory",
        "writing",
        "pidfd",
        "io_uring",
        "open_tree",
        "namespace",
        "mount",
        "tcp",
        "unix",
        "pair",
    ],
)
def test_a_system_call_of_an_escape_is_refused(statement):
    assert tried(statement) == "PermissionError"


@needs_seccomp
@pytest.mark.usefixtures("without_landlock")
@pytest.mark.parametrize(
    "statement",
    [
        "socket.socket(socket.AF_INET6)",
        "socket.socket(socket.AF_UNIX)",
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        "socket.socket(type=socket.SOCK_DGRAM)",
        "socket.socket(type=socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)",
        "socket.create_server(('127.0.0.1', 0))",
    ],
    ids=["ipv6", "unix", "netlink", "udp", "udp_with_flags", "listening"],
)
def test_a_tool_with_a_served_input_gets_tcp_clients_only(statement):
    assert tried(statement, "-i", "http://127.0.0.1:9/x") == "PermissionError"


@needs_ports
def test_a_tool_connects_to_the_port_of_its_input_only():
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        statement = f"socket.create_connection(('127.0.0.1', {port}))"
        assert tried(statement, "-i", f"http://127.0.0.1:{port}/x") == "escaped"
        assert tried(statement, "-i", "http://127.0.0.1:9/x") == "PermissionError"


@needs_ports
@pytest.mark.usefixtures("without_seccomp")
def test_landlock_alone_refuses_a_connection():
    assert tried("socket.create_connection(('127.0.0.1', 9))") == "PermissionError"


@pytest.mark.skipif(landlock.version() < 6, reason="needs Linux 6.12")
def test_the_worker_cannot_be_signalled():
    assert tried("os.kill(os.getppid(), 0)") == "PermissionError"


@pytest.mark.usefixtures("without_landlock", "without_seccomp")
def test_no_privileges_are_left_or_gained():
    may_trace = "libc.prctl(23, 19, 0, 0, 0)"
    new_are_refused = "libc.prctl(39, 0, 0, 0, 0)"
    assert tried(f"print({may_trace}, {new_are_refused}); sys.exit()") == "0 1"


def test_layers_say_what_this_host_has():
    assert [has for _, has in containment.layers()] == [
        True,
        landlock.version() > 0,
        landlock.guards_network(),
        seccomp.filter_of(network=False) is not None,
    ]


def test_ports_inputs_and_outputs_are_read_from_the_command(tmp_path):
    video = tmp_path / "out" / "video.mp4"
    video.parent.mkdir()
    argv = [
        "ffmpeg",
        "-i",
        "file:/in.mp4",
        "-metadata",
        "title=/etc/x",
        f"file:{video}",
        "/dev/null",
    ]
    reach = containment.Reach.of(argv)
    assert [str(one) for one in reach.inputs] == ["/in.mp4"]
    assert reach.folders == (video.parent, containment.Path(os.devnull))
    assert reach.port is None
    assert containment.Reach.of(["ffmpeg", "-i", "http://127.0.0.1:81/x"]).port == 81
