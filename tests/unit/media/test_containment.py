"""Each escape that a hijacked media tool would try, tried by a program in its place."""

import os
import shutil
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

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
for statement in {!r}:
    try:
        exec(statement)
    except OSError as error:
        print(type(error).__name__, flush=True)
    else:
        print("escaped", flush=True)
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
    return all_tried([statement], *words)[statement]


def all_tried(statements, *words):
    """Return what came of each statement in one child."""
    command = [sys.executable, "-I", "-S", "-c", TRY.format(tuple(statements)), *words]
    with Child(command, Caps(wall_s=20)) as child:
        said = list(child.lines())
        child.wait()
    assert len(said) == len(statements), child.complaints
    return dict(zip(statements, said, strict=True))


def refused(*statements):
    return dict.fromkeys(statements, "PermissionError")


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
    """Try to read, list, change and remove it. Of an input, the content alone can be read."""
    folder, secret = str(tmp_path), str(tmp_path / "secret")
    Path(secret).touch()
    read, *others = (
        f"open({secret!r})",
        f"os.listdir({folder!r})",
        f"open({secret!r}, 'a')",
        f"os.truncate({secret!r}, 0)",
        f"os.rename({secret!r}, {secret + '-2'!r})",
        f"os.link({secret!r}, {secret + '-3'!r})",
        f"os.symlink('secret', {secret + '-4'!r})",
        f"os.mkfifo({secret + '-5'!r})",
        f"os.mkdir({secret + '-6'!r})",
        f"os.unlink({secret!r})",
        f"os.rmdir({folder!r})",
    )
    assert all_tried([read, *others]) == refused(read, *others)
    assert all_tried([read, *others], "-i", secret) == {read: "escaped", **refused(*others)}


@needs_landlock
def test_only_folders_of_outputs_can_be_written(tmp_path):
    statement = f"open({str(tmp_path / 'file')!r}, 'w')"
    assert tried(statement) == "PermissionError"
    assert tried(statement, "-i", str(tmp_path)) == "PermissionError"
    assert tried(statement, f"file:{tmp_path / 'video.mp4'}") == "escaped"


@needs_landlock
def test_no_second_program_can_be_executed(tmp_path):
    own = shutil.copy("/bin/sh", tmp_path)
    execute = [f"os.execv({path!r}, ['sh', '-c', 'echo escaped'])" for path in ("/bin/sh", own)]
    assert all_tried(execute, f"file:{tmp_path / 'video.mp4'}") == refused(*execute)


@pytest.mark.usefixtures("without_landlock")
def test_the_worker_cannot_be_read_on_any_kernel():
    parent = "/proc/{os.getppid()}"
    read = [f"open(f'{parent}/{of}').read(1)" for of in ("environ", "mem", "maps")]
    assert all_tried(read) == refused(*read)


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


@pytest.mark.parametrize("_way", ["by_util_linux"], indirect=True)  # in another process
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
def test_a_system_call_of_an_escape_is_refused():
    calls = (
        "call('ptrace', 16, os.getppid(), 0, 0)",
        "call('process_vm_readv', os.getppid(), None, 0, None, 0, 0)",
        "call('process_vm_writev', os.getppid(), None, 0, None, 0, 0)",
        "call('syscall', 434, os.getppid(), 0)  # pidfd_open",
        "call('syscall', 425, 8, None)  # io_uring_setup",
        "call('syscall', 428, -100, b'/', 0)  # open_tree",
        "call('unshare', 0x10000000)",
        "call('mount', b'none', b'/tmp', b'tmpfs', 0, None)",
        "socket.socket()",
        "socket.socket(socket.AF_UNIX)",
        "socket.socketpair()",
    )
    assert all_tried(calls) == refused(*calls)


@needs_seccomp
@pytest.mark.usefixtures("without_landlock")
def test_a_tool_with_a_served_input_gets_tcp_clients_only():
    calls = (
        "socket.socket(socket.AF_INET6)",
        "socket.socket(socket.AF_UNIX)",
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        "socket.socket(type=socket.SOCK_DGRAM)",
        "socket.socket(type=socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)",
        "socket.create_server(('127.0.0.1', 0))",
    )
    assert all_tried(calls, "-i", "http://127.0.0.1:9/x") == refused(*calls)


@needs_ports
def test_a_tool_connects_to_the_port_of_its_input_only():
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        statement = f"socket.create_connection(('127.0.0.1', {port}))"
        assert tried(statement, "-i", f"http://127.0.0.1:{port}/x") == "escaped"
        assert tried(statement, "-i", "http://127.0.0.1:9/x") == "PermissionError"


@needs_ports
@pytest.mark.usefixtures("without_seccomp")
def test_landlock_alone_refuses_to_connect_and_to_listen():
    calls = (
        "socket.create_connection(('127.0.0.1', 9))",
        "socket.create_server(('127.0.0.1', 0))",
    )
    assert all_tried(calls) == refused(*calls)


@pytest.mark.skipif(landlock.version() < 6, reason="needs Linux 6.12")
@pytest.mark.usefixtures("without_seccomp")
def test_the_worker_cannot_be_signalled_or_called():
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind("")  # a name that Linux chooses, beyond all folders
        server.listen()
        name = server.getsockname()
        calls = (
            "os.kill(os.getppid(), 0)",
            f"socket.socket(socket.AF_UNIX).connect({name!r})",
        )
        assert all_tried(calls) == refused(*calls)


@pytest.mark.usefixtures("without_landlock", "without_seccomp")
def test_no_privileges_are_left_or_gained():
    """But one of root's, by which it reads files of others."""
    own = (
        "dict(line.split()[:2] for line in open('/proc/self/status') if line[:3] in ('Cap', 'NoN'))"
    )
    said = tried(f"print(*map({own}.get, ('CapPrm:', 'CapEff:', 'NoNewPrivs:'))); sys.exit()")
    permitted, effective, no_new = said.split()
    assert {int(permitted, 16), int(effective, 16)} <= {0, 1 << 1}
    assert no_new == "1"


@pytest.mark.parametrize("part", [landlock.Rules, seccomp.Filter], ids=lambda part: part.__name__)
def test_without_a_restriction_that_the_host_has_nothing_is_started(monkeypatch, part):
    fails = "restrict" if part is landlock.Rules else "apply"
    monkeypatch.setattr(part, fails, lambda _: -1)
    with pytest.raises((OSError, subprocess.SubprocessError)):
        Child(["true"], Caps())


def test_layers_say_what_this_host_has():
    assert [has for _, has in containment.layers()] == [
        True,
        landlock.version() > 0,
        landlock.guards_network(),
        seccomp.filter_of(network=False) is not None,
    ]


def test_what_a_gpus_driver_opens_is_open_only_where_there_is_one():
    opened = []
    rules = SimpleNamespace(read=lambda paths, **_: opened.extend(paths), write=opened.extend)
    containment._allow(rules, containment.Reach(None, (), (), None))
    there = any(Path("/dev").glob("nvidia*"))
    assert {Path("/proc") in opened, Path("/dev") in opened} == {there}


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
