"""The delivery of a message, and the ways in which handling it can end."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Killed = Literal["timeout", "out_of_memory", "crashed", "stopped"]
"""Why a host killed the process that handled a message."""


class Outcome(StrEnum):
    """The end of handling an event; in each case its message can be deleted."""

    SUCCEEDED = "succeeded"
    REUSED = "reused"
    CURRENT = "current"
    SKIPPED = "skipped"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    SENT_ON = "sent_on"
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
        large: True if it came by a lane for large jobs.
        send_on: sends the message to such a lane; None if the stage has none or it came from there.
        sent_at: Unix time of its arrival in the queue, if known.
        receipt: unique to this delivery, also among deliveries of the same message.
    """

    seconds_left: float
    extend: Callable[[int], None] = lambda _: None
    receives: int = 1
    large: bool = False
    send_on: Callable[[], None] | None = None
    sent_at: float | None = None
    receipt: str | None = None
