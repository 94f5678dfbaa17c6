"""The delivery of a message, and the ways in which handling it can end."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pipeline.aws.queues import Queue

Killed = Literal["timeout", "out_of_memory", "crashed", "stopped"]
"""Why a host killed the process that handled a message."""


class Outcome(StrEnum):
    """The end of handling an event; in each case its message can be deleted.

    ``SPREAD``: the run goes on in its ranges. ``PART``: one of these has ended. ``PASSED_ON``: one
    is left to a worker of another version.
    """

    SUCCEEDED = "succeeded"
    REUSED = "reused"
    CURRENT = "current"
    SKIPPED = "skipped"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    SPREAD = "spread"
    PART = "part"
    PASSED_ON = "passed_on"
    IGNORED = "ignored"


class Retry(Exception):
    """A request to deliver the message again, ``seconds`` from now."""

    def __init__(self, seconds: float, reason: str) -> None:
        super().__init__(reason)
        self.seconds = seconds


@dataclass(frozen=True)
class Delivery:
    """One delivery of a message.

    Attributes:
        seconds_left: until the host ends this invocation.
        extend: extends the visibility timeout of the message by a number of seconds.
        receives: how often the message was delivered, this time included.
        sent_at: Unix time of its arrival in the queue, if known.
        receipt: unique to this delivery, also among deliveries of the same message.
        queue: the queue that it came by; None if it was pushed, so that its run cannot be spread.
    """

    seconds_left: float
    extend: Callable[[int], None] = lambda _: None
    receives: int = 1
    sent_at: float | None = None
    receipt: str | None = None
    queue: Queue | None = None
