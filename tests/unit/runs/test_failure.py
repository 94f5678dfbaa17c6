"""The decision about a run that went wrong, without a catalog: ended or tried again."""

from typing import Any

import pytest

from pipeline.aws.parts import Changed
from pipeline.core.errors import (
    BadInput,
    DependencyFailed,
    LimitExceeded,
    Lost,
    MissingDependency,
    Outage,
    OutOfMemory,
    TimedOut,
    Unreachable,
    VideodropError,
)
from pipeline.core.records import StageRun
from pipeline.core.settings import Settings
from pipeline.runs.failure import End, Release, decide, decide_killed
from pipeline.runs.waits import FIRST_RETRY_S, outage_s

TRIES = 3
SETTINGS = Settings(max_attempts=TRIES)
BROKEN = DependencyFailed("connection", "A connection broke.")
FULL = DependencyFailed("disk_full", "There is no space left.")
LATE = TimedOut("deadline", "It took too long.")


def run(tries: int = 1, **given: Any) -> StageRun:
    return StageRun(stage="toy", state="running", revision="r", sequencer="s", tries=tries, **given)


@pytest.mark.parametrize(
    "error",
    [
        BadInput("not_media", "A text."),
        LimitExceeded("too_large", "Too many bytes."),
        MissingDependency("no_model", "There is no model."),
        OutOfMemory("out_of_memory", "It needs more."),
        LATE,
    ],
)
@pytest.mark.parametrize("tries", [1, TRIES])
def test_a_permanent_error_ends_the_run(error: VideodropError, tries: int):
    assert decide(error, run(tries), SETTINGS) == End(error)


@pytest.mark.parametrize("error", [BROKEN, FULL, Lost("crashed", "Signal 11.")])
@pytest.mark.parametrize(
    ("tries", "wait_s"), [(1, 2 * FIRST_RETRY_S), (TRIES - 1, 4 * FIRST_RETRY_S)]
)
def test_a_temporary_error_gives_the_run_back_with_growing_backoff(
    error: VideodropError, tries: int, wait_s: float
):
    assert decide(error, run(tries), SETTINGS) == Release(error, tries, wait_s)


@pytest.mark.parametrize("tries", [TRIES, TRIES + 1])
def test_a_temporary_error_at_the_last_try_ends_the_run(tries: int):
    assert decide(BROKEN, run(tries), SETTINGS) == End(BROKEN)


@pytest.mark.parametrize("kind", [Outage, Unreachable])
def test_a_try_that_an_outage_ended_does_not_count(kind: type[Outage]):
    away = kind("away", "S3 was away.")
    last = SETTINGS.topology.queues.max_receive_count
    for receives in range(1, last):
        expected = Release(away, TRIES - 1, outage_s(receives))
        assert decide(away, run(TRIES), SETTINGS, receives) == expected
    assert decide(away, run(TRIES), SETTINGS, last) == End(away), "no further delivery comes"


def test_a_source_that_was_replaced_supersedes_the_run_at_any_try():
    assert decide(Changed(), run(TRIES), SETTINGS) == End(None)


# -- a process that was killed -------------------------------------------------------------------


@pytest.mark.parametrize("tries", [1, TRIES, TRIES + 1])
def test_a_stopping_worker_gives_the_run_back_and_the_try_does_not_count(tries: int):
    decision = decide_killed("stopped", "Bye.", run(tries), SETTINGS)
    assert isinstance(decision, Release)
    assert (decision.tries, decision.error.code) == (tries - 1, "stopped")


@pytest.mark.parametrize(
    ("killed", "tries", "expected", "code"),
    [
        ("timeout", 1, End, "killed_at_deadline"),
        ("out_of_memory", 1, End, "killed_at_memory_limit"),
        ("crashed", 1, Release, "crashed"),
        ("crashed", TRIES, End, "crashed"),
    ],
)
def test_a_killed_run_is_decided_by_the_reason_of_the_kill(
    killed: Any, tries: int, expected: type, code: str
):
    decision = decide_killed(killed, "Killed.", run(tries), SETTINGS)
    assert isinstance(decision, expected)
    assert decision.error.code == code
