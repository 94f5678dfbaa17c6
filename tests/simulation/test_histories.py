"""The simulation: its histories hold, can be repeated, and fail without a protection."""

import os
import subprocess
import sys
from pathlib import Path

from tests.simulation.mutants import histories, killed
from tests.simulation.protections import PROTECTIONS
from tests.simulation.shrink import shrunk

_ROOT = Path(__file__).parents[2]
_FIRST, *_ = PROTECTIONS


def simulated(*command: str) -> str:
    """Return the output of a process of its own: the simulation replaces the clock of a process."""
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(_ROOT)}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_histories_hold():
    said = simulated("-m", "tests.simulation", "--histories", "150")
    assert said.startswith("150 histories in ")


def test_a_seed_is_the_same_history_in_each_process():
    tell = """
from hashlib import sha256
from tests.simulation.choices import Choices
from tests.simulation.history import History
from tests.simulation.installation import Installation

installation = Installation()
for seed in range(8):
    history = History(installation, Choices(seed), trace=True)
    history.run()
    print(len(history.calls.trace), sha256(repr(history.calls.trace).encode()).hexdigest())
installation.close()
"""
    first, second = simulated("-c", tell), simulated("-c", tell)
    assert first == second
    assert len(first.splitlines()) == 8


def test_without_fencing_a_history_fails():
    assert _FIRST.name == "a run's writes are fenced by its attempt"
    assert "published for another worker" in killed(_FIRST, histories("--histories", "60"))


def test_each_protection_is_found_in_the_code():
    for one in PROTECTIONS:
        text = (_ROOT / one.file).read_text()
        assert one.old in text, one.name
        compile(text.replace(one.old, one.new, 1), one.file, "exec")


def test_a_failing_history_is_shrunk_to_what_makes_it_fail():
    tried = []

    def fails(some: list[int]) -> bool:
        tried.append(some)
        made = [*some, *[0] * 100][:100]
        return made[17] == 3 and made[40] > 0

    simple = shrunk([*[3] * 80], fails)
    assert [(place, one) for place, one in enumerate(simple) if one] == [(17, 3), (40, 3)]
    assert len(tried) < 200
