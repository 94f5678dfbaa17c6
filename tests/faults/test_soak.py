"""``make soak`` at its smallest: its table has every bar, and each holds."""

import re
import subprocess
import sys

from tests.fakes.servers import untraced


def test_a_few_jobs_are_neither_lost_nor_done_twice_and_leave_nothing() -> None:
    command = [sys.executable, "-m", "benchmarks.soak", "--jobs", "5", "--stages", "thumbnail"]
    done = subprocess.run(
        command, env=untraced(), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, (done.stdout, done.stderr[-3000:])
    rows = dict(re.findall(r"^ *(\S.*?) {2,}(.*)$", done.stdout, re.MULTILINE))
    for one in ("processes killed", "damaged", "of two revisions, the later first"):
        assert rows[one].split() == ["1"], done.stdout
    for bar in (
        *("good jobs lost", "damaged jobs not rejected", "results announced twice"),
        *("messages left", "tools left", "work folders left"),
    ):
        assert rows[bar].split() == ["0", "0"], done.stdout
    assert {"memory of the worker", "memory of the API"} <= rows.keys()
