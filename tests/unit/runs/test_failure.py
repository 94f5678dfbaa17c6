"""The decision about a run that went wrong, without a catalog: ended, tried again or sent on."""

from typing import Any

import pytest

from pipeline.aws.artifacts import Changed
from pipeline.core.errors import (
    BadInput,
    DependencyFailed,
    LimitExceeded,
    Lost,
    MissingDependency,
    Outgrown,
    OutOfMemory,
    TimedOut,
    VideodropError,
)
from pipeline.core.records import StageRun
from pipeline.core.settings import Settings
from pipeline.runs.failure import FIRST_RETRY_S, End, Release, SendOn, decide, decide_killed

TRIES = 3
SETTINGS = Settings(max_attempts=TRIES)
BROKEN = DependencyFailed("connection", "A connection broke.")
FULL = DependencyFailed("disk_full", "There is no space left.")
LATE = TimedOut("deadline", "It took too long.")
TOO_LARGE = Outgrown("sent_on", "It is too long.")


def send() -> None:
    raise AssertionError("deciding sends nothing")


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
    assert decide(error, run(tries), SETTINGS, send_on=None) == End(error)


@pytest.mark.parametrize("error", [BROKEN, FULL, Lost("crashed", "Signal 11."), TOO_LARGE])
@pytest.mark.parametrize(
    ("tries", "wait_s"), [(1, 2 * FIRST_RETRY_S), (TRIES - 1, 4 * FIRST_RETRY_S)]
)
def test_a_temporary_error_gives_the_run_back_with_growing_backoff(
    error: VideodropError, tries: int, wait_s: float
):
    assert decide(error, run(tries), SETTINGS, send_on=None) == Release(error, tries, wait_s)


@pytest.mark.parametrize("tries", [TRIES, TRIES + 1])
def test_a_temporary_error_at_the_last_try_ends_the_run(tries: int):
    assert decide(BROKEN, run(tries), SETTINGS, send_on=None) == End(BROKEN)


@pytest.mark.parametrize("tries", [1, TRIES, TRIES + 1])
@pytest.mark.parametrize(
    ("error", "why"),
    [
        (LATE, "It did not end within its time limit."),
        (FULL, "It filled the disk."),
        (TOO_LARGE, "It is too long."),
    ],
)
def test_too_little_time_or_room_sends_a_run_on_however_often_it_was_tried(
    error: VideodropError, why: str, tries: int
):
    decision = decide(error, run(tries), SETTINGS, send_on=send)
    assert isinstance(decision, SendOn)
    assert decision.send is send
    assert decision.why.message.startswith(why)


@pytest.mark.parametrize(
    ("error", "decision"),
    [
        (OutOfMemory("out_of_memory", "It needs more."), End),
        (TimedOut("media_time", "It keeps every probe busy."), End),
        (BadInput("not_media", "A text."), End),
        (BROKEN, Release),
    ],
)
def test_an_error_that_a_larger_host_would_meet_too_sends_nothing_on(
    error: VideodropError, decision: type
):
    assert isinstance(decide(error, run(), SETTINGS, send_on=send), decision)


@pytest.mark.parametrize("send_on", [None, send])
def test_a_source_that_was_replaced_supersedes_the_run_at_any_try(send_on: Any):
    assert decide(Changed(), run(TRIES), SETTINGS, send_on=send_on) == End(None)


def test_the_decision_is_the_same_for_a_shadow_and_for_a_run_on_a_large_host():
    """Both differ in where they are kept, and in what they may be sent to."""
    large = run(large=True, result=None, event_id="replay:r")
    assert decide(LATE, large, SETTINGS, send_on=None) == End(LATE)
    assert decide(BROKEN, large, SETTINGS, send_on=None) == decide(
        BROKEN, run(), SETTINGS, send_on=None
    )


# -- a process that was killed -------------------------------------------------------------------


@pytest.mark.parametrize("tries", [1, TRIES, TRIES + 1])
@pytest.mark.parametrize("send_on", [None, send])
def test_a_stopping_worker_gives_the_run_back_and_the_try_does_not_count(tries: int, send_on: Any):
    decision = decide_killed("stopped", "Bye.", run(tries), SETTINGS, send_on=send_on)
    assert isinstance(decision, Release)
    assert (decision.tries, decision.error.code) == (tries - 1, "stopped")


@pytest.mark.parametrize(
    ("killed", "send_on", "tries", "expected", "code"),
    [
        ("timeout", None, 1, End, "killed_at_deadline"),
        ("timeout", send, 1, SendOn, "sent_on"),
        ("out_of_memory", None, 1, End, "killed_at_memory_limit"),
        ("out_of_memory", send, 1, End, "killed_at_memory_limit"),
        ("crashed", None, 1, Release, "crashed"),
        ("crashed", send, 1, Release, "crashed"),
        ("crashed", send, TRIES, End, "crashed"),
    ],
)
def test_a_killed_run_is_decided_by_the_reason_of_the_kill(
    killed: Any, send_on: Any, tries: int, expected: type, code: str
):
    decision = decide_killed(killed, "Killed.", run(tries), SETTINGS, send_on=send_on)
    assert isinstance(decision, expected)
    error = decision.why if isinstance(decision, SendOn) else decision.error
    assert error.code == code
