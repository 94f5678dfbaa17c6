"""The decision about a run that went wrong: end it, try it again, or send it to a larger host."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.aws.artifacts import Changed
from pipeline.core.errors import LeaseLost, Lost, Outgrown, OutOfMemory, TimedOut, VideodropError
from pipeline.core.records import StageRun
from pipeline.core.settings import Settings
from pipeline.runs.admission import outgrown_by
from pipeline.runs.claimed import ClaimedRun
from pipeline.runs.delivery import Killed, Outcome, Retry
from pipeline.telemetry import metrics, names, tracing

log = logging.getLogger(__name__)

FIRST_RETRY_S = 5.0


@dataclass(frozen=True)
class End:
    """The decision to end the run.

    Attributes:
        error: why it failed; None if its source was replaced, which ends it as superseded.
    """

    error: VideodropError | None


@dataclass(frozen=True)
class Release:
    """The decision to give the run back for another try.

    Attributes:
        error: why.
        tries: number of tries that then count.
        wait_s: seconds until its message is delivered again.
    """

    error: VideodropError
    tries: int
    wait_s: float


@dataclass(frozen=True)
class SendOn:
    """The decision to give the run back and send its message to a worker for large jobs.

    Attributes:
        why: the limit of this host that the run exceeds.
        send: sends the message.
    """

    why: Outgrown
    send: Callable[[], None]


Decision = End | Release | SendOn


def decide(
    error: VideodropError | Changed,
    run: StageRun,
    settings: Settings,
    *,
    send_on: Callable[[], None] | None,
) -> Decision:
    """Decide about a run by its error; nothing is read or written.

    Args:
        error: the error.
        run: as it was claimed.
        settings: the number of tries.
        send_on: see ``Delivery``.
    """
    if isinstance(error, Changed):
        return End(None)
    if send_on and (why := outgrown_by(error)):
        return SendOn(why, send_on)
    if error.retryable and run.tries < settings.max_attempts:
        return Release(error, run.tries, FIRST_RETRY_S * 2**run.tries)
    return End(error)


def decide_killed(
    killed: Killed,
    message: str,
    run: StageRun,
    settings: Settings,
    *,
    send_on: Callable[[], None] | None,
) -> Decision:
    """Decide about a run whose process was killed.

    A try that ends because its worker shuts down does not count.

    Args:
        killed: why.
        message: the same in a sentence.
        run: as the process had claimed it.
        settings: the number of tries.
        send_on: see ``Delivery``.
    """
    error: VideodropError
    match killed:
        case "stopped":
            return Release(Lost("stopped", message), run.tries - 1, 0)
        case "timeout":
            error = TimedOut("killed_at_deadline", message)
        case "out_of_memory":
            error = OutOfMemory("killed_at_memory_limit", message)
        case "crashed":
            error = Lost("crashed", message)
    return decide(error, run, settings, send_on=send_on)


def carry_out(decision: Decision, claimed: ClaimedRun) -> Outcome:
    """Record a decision about a run, and send its message on if so decided.

    Raises:
        Retry: the run was given back for another try.
    """
    try:
        match decision:
            case SendOn(why, send):
                claimed.send_on(why, send)
                log.info("%s %s: %s", claimed.stage, claimed.video_id, why)
                return Outcome.SENT_ON
            case Release(error, tries, wait_s):
                claimed.release(error, tries=tries)
                raise Retry(wait_s, str(error)) from error
            case End(VideodropError() as error):
                claimed.fail(error)
            case End():
                claimed.supersede()
                return Outcome.SUPERSEDED
    except LeaseLost:
        return Outcome.SUPERSEDED
    metrics.record(names.RUNS, outcome=Outcome.FAILED, failure_class=error.failure_class)
    tracing.record_error(error)
    log.warning("%s %s: %s", claimed.stage, claimed.video_id, error)
    return Outcome.FAILED
