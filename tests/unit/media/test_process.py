import contextlib
import inspect
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.core.errors import TimedOut
from pipeline.core.location import Address
from pipeline.core.progress import Deadline
from pipeline.core.settings import Settings
from pipeline.media import containment, ffmpeg, process
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
LEAVER = python("import os, time\npid = os.fork()\nprint(pid) if pid else time.sleep(60)")


def test_the_whole_group_dies_when_the_block_is_left_by_an_exception():
    with contextlib.suppress(KeyError), Child(SLEEPER, Caps()) as child:
        pid = grandchild(child)
        raise KeyError
    assert child.wait() == -signal.SIGKILL
    assert soon(lambda: gone(pid))


def test_what_a_child_leaves_behind_dies_with_it():
    """It would hold the child's standard error open, and with it this process."""
    with Child(LEAVER, Caps()) as child:
        pid = grandchild(child)
        assert child.wait() == child.wait() == 0
        assert soon(lambda: gone(pid))
    closed = LEAVER[-1].replace("time.sleep", "os.closerange(0, 3) or time.sleep")
    with Child(python(closed), Caps()) as child:
        pid = grandchild(child)
        child._listener.join()
        assert child.wait() == 0
        assert soon(lambda: gone(pid))
    with Child(LEAVER, Caps(wall_s=0.3)) as child:
        pid = grandchild(child)
        assert child.stdout.read() == b"", "it ends at the wall clock limit"
        assert child.expired
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
    assert (caps.cpu_s, caps.wall_s, caps.memory_bytes) == (60, 600, 1 << 30)


def test_a_child_has_limits_that_nobody_gave_it():
    limits = {name: soft for name, (_, soft, _) in process._limits(Caps(wall_s=9), 4).items()}
    assert limits["cpu"] == 36
    assert limits["data"] <= 4 << 30
    assert limits["fsize"] <= 64 << 30


def test_a_question_about_ffmpeg_itself_takes_seconds():
    asked = []

    class Said(Child):
        def __init__(self, _, caps, **given):
            asked.append(caps.cpu_s)
            super().__init__(["true"], caps, **given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ffmpeg, "Child", Said)
        assert ffmpeg.works("-version")
    assert asked == [20]


def test_time_in_which_a_child_waits_for_others_does_not_count():
    waits = iter([0.0, *[3600.0] * 3])
    with Child(SLEEPER, Caps(wall_s=0.3), waited=lambda: next(waits, 0.0)) as child:
        began = time.monotonic()
        assert child.wait() == -signal.SIGKILL
        assert time.monotonic() - began > 2, "it looks once a second"


def test_a_probe_has_longer_where_its_source_is_slow_and_a_run_has_its_deadline(monkeypatch):
    waited = []
    monkeypatch.setattr(ffmpeg, "Child", lambda *_, **given: waited.append(given["waited"]()))
    far = Address("http://127.0.0.1:9/x", 1, lambda *_: b"", lambda: None, lambda: 7.0)
    command = ["ffprobe", "-i", ffmpeg.guarded(far)["filename"]]
    for caps in (Caps(), Caps(of_run=True)):
        ffmpeg._start(command, caps, 1)
    assert waited == [7.0, 0.0]


def test_a_child_that_closes_its_standard_error_runs_on():
    with Child(
        python("import os, time; os.close(2); time.sleep(0.2); print('on')"), Caps()
    ) as child:
        assert list(child.lines()) == ["on"]
        assert child.wait() == 0


def test_a_child_that_ended_in_time_has_not_expired():
    with Child(["true"], Caps()) as child:
        assert child.wait() == 0
        assert not child.expired


def test_killing_the_parent_leaves_no_child():
    """In either way to start one."""
    program = (
        "from pipeline.media import containment\n"
        "from pipeline.media.process import Caps, Child\n"
        "one = Child(['sleep', '60'], Caps())\n"
        "containment.tools = lambda: None\n"
        "for child in (one, Child(['sleep', '60'], Caps())):\n"
        "    pid = child._popen.pid\n"
        "    while open(f'/proc/{pid}/comm').read() != 'sleep\\n': pass\n"
        "    print(pid, flush=True)\n"
        "one.wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        pids = [int(parent.stdout.readline()) for _ in range(2)]
        parent.kill()
    for pid in pids:
        assert soon(lambda pid=pid: gone(pid))


def test_a_child_whose_parent_died_before_it_was_tied_to_it_ends_at_once(monkeypatch):
    monkeypatch.setattr(containment, "tools", lambda: None)
    monkeypatch.setattr(process, "tie", lambda _: False)
    with Child(["sleep", "60"], Caps()) as child:
        assert child.wait() == 1


@pytest.fixture(params=["by_util_linux", "by_a_fork"])
def way(request, monkeypatch):
    """Start children in both ways: a host may lack util-linux."""
    if request.param == "by_a_fork":
        monkeypatch.setattr(containment, "tools", lambda: None)
    elif containment.tools() is None:
        pytest.skip("needs prlimit and setpriv")


def test_the_process_that_starts_a_child_stays_free(tmp_path):
    opened = []
    for _ in range(2):
        with Child(["true"], Caps()) as child:
            assert child.wait() == 0
        opened.append(len([*Path("/proc/self/fd").iterdir()]))
    assert opened[0] == opened[1]
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
def test_a_child_cannot_raise_its_limits_and_leaves_no_copy_of_its_memory():
    read = python(
        "import resource\n"
        "for name in ('CPU', 'DATA', 'FSIZE', 'CORE'):\n"
        "    print(*resource.getrlimit(getattr(resource, f'RLIMIT_{name}')))\n"
    )
    with Child(read, Caps(cpu_s=7, memory_bytes=1 << 29, file_bytes=1 << 20)) as child:
        limits = [tuple(map(int, line.split())) for line in child.lines()]
    assert limits == [(7, 12), (1 << 29, 1 << 29), (1 << 20, 1 << 20), (0, 0)]


@pytest.mark.usefixtures("way")
def test_a_child_inherits_the_files_that_are_passed_to_it_and_no_others():
    program = (
        "import os\n"
        "def there(number):\n"
        "    try: return bool(os.fstat(number))\n"
        "    except OSError: return False\n"
        "print([one for one in range(3, 256) if there(one)])\n"
        "print(os.path.samestat(os.fstat(0), os.stat(os.devnull)))\n"
    )
    passed, other = os.pipe()
    os.set_inheritable(other, True)
    own = os.dup(0)
    os.dup2(passed, 0)
    try:
        with Child(python(program), Caps(), pass_fds=(passed,)) as child:
            assert list(child.lines()) == [f"[{passed}]", "True"], "its input is empty"
    finally:
        os.dup2(own, 0)
        for one in (passed, other, own):
            os.close(one)


@pytest.mark.usefixtures("way")
def test_memory_is_limited():
    with Child(python("bytearray(400 * 1024**2)"), Caps(memory_bytes=200 * 1024**2)) as child:
        assert child.wait() == 1
    assert "MemoryError" in str(child.complaints)


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
    write = "import sys; sys.stderr.write('beginning' + 'x' * 1_000_000)"
    with Child(python(write), Caps()) as child:
        child.wait()
    assert child.complaints.count == 1
    assert child.complaints.first == ["x" * 500], "of what has no end, the last is kept"


def test_read_joins_what_the_pipe_delivers_in_pieces():
    pieces = "import os, time; os.write(1, b'ab'); time.sleep(0.1); os.write(1, b'cde')"
    with Child(python(pieces), Caps()) as child:
        assert child.read(4) == b"abcd"
        assert child.read(4) == b"e"


def test_only_its_own_deadline_ends_a_run_of_hours():
    longest = Settings().worker_timeout_s
    assert Caps().wall_s > longest
    assert ffmpeg._within(Caps(), Deadline(longest)).wall_s > longest - 60
