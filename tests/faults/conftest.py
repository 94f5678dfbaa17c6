"""The table of ``make faults``: what was expected of each kind, and what was seen."""

from typing import Any

import pytest

from tests.faults.kinds import Kind

SEEN = pytest.StashKey[list[tuple[Kind, str, float]]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SEEN] = []


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    seen = config.stash.get(SEEN, [])
    if seen and config.option.verbose > 0:
        terminalreporter.section("faults")
        for kind, what, seconds in seen:
            mark = "as expected" if kind.holds(what) else f"NOT {kind.expected}"
            terminalreporter.line(f"{kind.name:52} {seconds:5.1f} s  {what} ({mark})")
