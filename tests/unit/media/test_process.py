import contextlib
import inspect
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from pipeline.core.errors import TimedOut
from pipeline.core.progress import Deadline
from pipeline.core.settings import Settings
from pipeline.media import containment, ffmpeg
from pipeline.media.process import Caps, Child


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123 - a pseudo file
        return stat.read().rpartition(")")[2].split()[0] == "Z"


def soon(condition):
    end = time.monotonic() + 60
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def grandchild(child):
    """Return the pid of a grandchild process, which its parent prints."""
    return int(next(child.lines()))


def python(program, *arguments):
    """Return the command of a program; a child may execute no second one."""
    return [sys.executable, "-I", "-S", "-c", program, *arguments]


SLEEPER = python("import os, time\npid = os.fork()\nif pid: print(pid, flush=True)\ntime.sleep(60)")


def test_the_whole_group_dies_when_the_block_is_left_by_an_exception():
    with contextlib.suppress(KeyError), Child(SLEEPER, Caps()) as child:
        pid = grandchild(child)
        raise KeyError
    assert child.wait() == -signal.SIGKILL
    assert soon(lambda: gone(pid))


@pytest.mark.usefixtures("way")
def test_the_whole_group_dies_at_the_wall_clock_limit():
    with Child(SLEEPER, Caps(wall_s=0.3)) as child:
        pid = grandchild(child)
        assert child.wait() == -signal.SIGKILL
        assert child.expired
    assert soon(lambda: gone(pid))


@pytest.mark.parametrize(("limit", "code"), [(None, "media_time"), (Deadline(9), "deadline")])
def test_a_childs_timeout_differs_from_that_of_its_run(limit, code):
    child = Child(SLEEPER, ffmpeg._within(Caps(wall_s=0.1), limit))
    with child, pytest.raises(TimedOut, match=code):
        ffmpeg.judge(child)


def test_a_file_is_probed_for_a_minute_of_cpu_time_however_busy_the_machine_is():
    caps = inspect.signature(ffmpeg.probing).parameters["caps"].default
    assert (caps.cpu_s, caps.wall_s >= 600) == (60, True)


def test_time_in_which_a_child_waits_for_others_does_not_count():
    waits = iter([0.0, *[3600.0] * 3])
    with Child(SLEEPER, Caps(wall_s=0.3), waited=lambda: next(waits, 0.0)) as child:
        began = time.monotonic()
        assert child.wait() == -signal.SIGKILL
        assert time.monotonic() - began > 2, "it looks once a second"


def test_a_child_that_ended_in_time_has_not_expired():
    with Child(["true"], Caps()) as child:
        assert child.wait() == 0
        assert not child.expired


def test_killing_the_parent_leaves_no_child():
    program = (
        "from pipeline.media.process import Caps, Child\n"
        "child = Child(['sleep', '60'], Caps())\n"
        "pid = child._popen.pid\n"
        "while open(f'/proc/{pid}/comm').read() != 'sleep\\n': pass\n"
        "print(pid, flush=True)\n"
        "child.wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        pid = int(parent.stdout.readline())
        parent.kill()
    assert soon(lambda: gone(pid))


@pytest.fixture(params=["by_util_linux", "by_a_fork"])
def way(request, monkeypatch):
    """Start children in both ways: a host may lack util-linux."""
    if request.param == "by_a_fork":
        monkeypatch.setattr(containment, "tools", lambda: None)
    elif containment.tools() is None:
        pytest.skip("needs prlimit and setpriv")


def test_the_process_that_starts_a_child_stays_free(tmp_path):
    for _ in range(2):
        with Child(["true"], Caps()) as child:
            assert child.wait() == 0
    (tmp_path / "file").write_text("free")
    assert (tmp_path / "file").read_text() == "free"
    assert subprocess.run(["env"], capture_output=True, check=True).stdout
    for one in socket.socketpair():
        one.close()


def test_a_program_that_is_missing_is_said_to_be():
    with pytest.raises(FileNotFoundError):
        Child(["no-such-program"], Caps())


@pytest.mark.usefixtures("way")
def test_a_limit_of_this_process_is_not_exceeded():
    own = (1 << 30, 1 << 30)
    read = python("import resource; print(*resource.getrlimit(resource.RLIMIT_FSIZE))")
    program = (
        "import resource, sys\n"
        "from pipeline.media import containment\n"
        "from pipeline.media.process import Caps, Child\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, {own})\n"
        f"tools = containment.tools() if {containment.tools() is not None} else None\n"
        "containment.tools = lambda: tools\n"
        f"with Child({read}, Caps(file_bytes=1 << 40)) as child: print(*child.lines())\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(one) for one in own]


def test_the_environment_holds_no_credentials(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/secret")
    monkeypatch.setenv("https_proxy", "http://secret")
    with Child(["env"], Caps()) as child:
        seen = {line.partition("=")[0] for line in child.lines()}
    assert "PATH" in seen
    assert not {name for name in seen if name.startswith("AWS_") or "proxy" in name}


@pytest.mark.usefixtures("way")
def test_a_child_that_crashes_leaves_no_copy_of_its_memory():
    read = python("import resource; print(*resource.getrlimit(resource.RLIMIT_CORE))")
    with Child(read, Caps()) as child:
        assert list(child.lines()) == ["0 0"]


@pytest.mark.usefixtures("way")
def test_memory_is_limited():
    with Child(python("bytearray(400 * 1024**2)"), Caps(memory_bytes=200 * 1024**2)) as child:
        assert child.wait() == 1
    assert "MemoryError" in str(child.complaints)


@pytest.mark.usefixtures("way")
def test_cpu_time_is_limited():
    with Child(["sh", "-c", "while :; do :; done"], Caps(cpu_s=1, wall_s=60)) as child:
        assert child.wait() == -signal.SIGXCPU


@pytest.mark.usefixtures("way")
def test_file_size_is_limited(tmp_path):
    target = tmp_path / "large"
    writer = python("import sys; open(sys.argv[1], 'wb').write(bytes(200_000))", str(target))
    with Child(writer, Caps(file_bytes=100_000)) as child:
        assert child.wait() != 0
    assert target.stat().st_size == 100_000


def test_all_error_lines_are_counted_and_few_are_kept():
    with Child(
        python("import sys\nfor n in range(50_000): print(n + 1, file=sys.stderr)"), Caps()
    ) as child:
        child.wait()
    assert child.complaints.count == 50_000
    assert child.complaints.first[0] == "1"
    assert child.complaints.last[-1] == "50000"
    assert len(child.complaints.first) + len(child.complaints.last) < 50


def test_an_endless_line_does_not_fill_memory():
    with Child(python("import sys; sys.stderr.write('x' * 3_000_000)"), Caps()) as child:
        child.wait()
    assert child.complaints.count == 1
    assert len(child.complaints.first[0]) <= 500


def test_read_joins_what_the_pipe_delivers_in_pieces():
    pieces = "import os, time; os.write(1, b'ab'); time.sleep(0.1); os.write(1, b'cde')"
    with Child(python(pieces), Caps()) as child:
        assert child.read(4) == b"abcd"
        assert child.read(4) == b"e"


def test_only_its_own_deadline_ends_a_run_of_hours():
    longest = Settings().worker_timeout_s
    assert Caps().wall_s > longest
    assert ffmpeg._within(Caps(), Deadline(longest)).wall_s > longest - 60
