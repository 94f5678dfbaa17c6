"""Children whose parent has died already, and on systems that reject their calls."""

import json
import os
import subprocess
import sys

TELL = """
import json, os, sys
from pipeline.hosts import child

asked = []

class Autogroup:
    def write_text(self, text):
        asked.append(text)
        if "forbidden" in sys.argv:
            raise FileNotFoundError
        if len(asked) < 3:
            raise BlockingIOError

def forbid(*_):
    raise PermissionError

child._AUTOGROUP = Autogroup()
if "forbidden" in sys.argv:
    os.sched_setscheduler = forbid
child._lower_priority()
print(json.dumps([os.sched_getscheduler(0), os.nice(0), asked]))
"""


def tell(*args):
    done = subprocess.run([sys.executable, "-c", TELL, *args], check=True, capture_output=True)
    return json.loads(done.stdout)


def test_a_throttled_write_to_the_kernel_is_retried():
    policy, _, asked = tell()
    assert policy == os.SCHED_IDLE
    assert asked == ["19"] * 3


def test_a_sandbox_that_forbids_the_idle_policy_gets_the_lowest_nice_priority():
    """Nor has its kernel priorities of sessions."""
    assert tell("forbidden") == [os.SCHED_OTHER, 19, ["19"]]


def test_a_child_whose_parent_died_before_it_began_runs_nothing():
    gone = str(os.getpid() + 1)  # it is not the parent of the child
    command = [sys.executable, "-m", "pipeline.hosts.child", gone, "9", "0", "this"]
    done = subprocess.run(command, check=False, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, b"")
