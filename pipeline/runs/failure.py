"""The decision about a run that went wrong: end it, or try it again."""

import logging
import os
from dataclasses import dataclass
from typing import Protocol

from pipeline.aws.classify import classify
from pipeline.aws.parts import Changed
from pipeline.core.errors import (
    BadInput,
    Lost,
    Outage,
    OutOfMemory,
    TimedOut,
    VideodropError,
)
from pipeline.core.settings import Settings
from pipeline.runs.claimed import Claimed
from pipeline.runs.delivery import Killed, Outcome, Retry
from pipeline.runs.waits import FIRST_RETRY_S, outage_s
from pipeline.stages.models import device
from pipeline.telemetry import metrics, names, tracing

log = logging.getLogger(__name__)


# Classes of failures that the uploader can help.
_OF_THE_INPUT = {"bad_input", "limit"}


class Tried(Protocol):
    """A run, or one range of it, as it was claimed."""

    @property
    def tries(self) -> int:
        """Return the number of claims that count, this one included."""


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


Decision = End | Release


def known(error: Exception) -> VideodropError | Changed:
    """Return any exception of a run as a known one; end this process if its GPU failed."""
    if device.failed(error):
        # Every later run of this process would fail too. The host handles the exit as a crash: the
        # run is retried in another process, if that can use the GPU.
        log.critical("the GPU failed: this process ends", exc_info=error)
        os._exit(1)  # Python's own shutdown may hang on a GPU that does not respond
    return error if isinstance(error, Changed) else classify(error)


def decide(
    error: VideodropError | Changed, run: Tried, settings: Settings, receives: int = 1
) -> Decision:
    """Decide about a run by its error; nothing is read or written.

    A retryable error is tried again, up to ``max_attempts`` times. A timeout is not: the same work
    would take as long again. A try that an outage of AWS ended does not count: it is repeated as
    long as the queue delivers the message.

    Args:
        error: the error.
        run: the run or range, as it was claimed.
        settings: the number of tries.
        receives: how often its message was delivered, this time included.
    """
    if isinstance(error, Changed):
        return End(None)
    if isinstance(error, Outage):
        if receives < settings.topology.queues.max_receive_count:
            return Release(error, run.tries - 1, outage_s(receives))
        return End(error)
    if error.retryable and run.tries < settings.max_attempts:
        return Release(error, run.tries, FIRST_RETRY_S * 2**run.tries)
    return End(error)


def decide_killed(killed: Killed, message: str, run: Tried, settings: Settings) -> Decision:
    """Decide about a run whose process was killed.

    A try that ends because its worker shuts down does not count.

    Args:
        killed: why.
        message: the same in a sentence.
        run: the run or range, as the process had claimed it.
        settings: the number of tries.
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
    return decide(error, run, settings)


def check_tries(claimed: Claimed, settings: Settings) -> None:
    """Check that a run or range may be tried once more.

    Raises:
        Lost: ``gave_up``: its earlier tries have recorded no end.
    """
    if claimed.tries > settings.max_attempts:
        raise Lost(
            "gave_up",
            f"{claimed.stage} was begun {claimed.tries - 1} times, and no try recorded its end: "
            "the process was killed, its machine slept, or AWS could not be reached. See the "
            "worker's log, then replay.",
        )


def carry_out(decision: Decision, claimed: Claimed) -> Outcome:
    """Record a decision about a run or range.

    Raises:
        Retry: it was given back for another try.
        LeaseLost: another worker took over; nothing was recorded.
    """
    match decision:
        case Release(error, tries, wait_s):
            claimed.release(error, tries=tries)
            raise Retry(wait_s, str(error)) from error
        case End(VideodropError() as error):
            claimed.fail(error)
        case End():
            claimed.supersede()
            return Outcome.SUPERSEDED
    count(error)
    tracing.record_error(error)
    log.warning("%s %s: %s", claimed.stage, claimed.video_id, error)
    return Outcome.FAILED


def count(error: VideodropError) -> None:
    """Count a failed run, and whether its uploader can help it."""
    metrics.record(names.RUNS, outcome=Outcome.FAILED, failure_class=error.failure_class)
    if error.failure_class not in _OF_THE_INPUT:
        metrics.record(names.FAULTS)


def replaced(error: VideodropError | Changed) -> VideodropError | Changed:
    """Return a source that was deleted while ranges ran as one that was replaced."""
    if isinstance(error, BadInput) and error.code == "source_missing":
        return Changed()
    return error
