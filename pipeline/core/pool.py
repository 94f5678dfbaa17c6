"""A pool of hosts that start while messages wait, and the number of them to start.

A host serves the queues of all stages of the pool and ends by itself once they are empty
(``Settings.idle_s``). So nothing here ends a host, and a message never leaves its queue for one.
"""

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

PoolLane = Literal["live", "replay"]

MESSAGES_A_HOST = 15
"""Messages that are worth a host of their own."""

ANOTHER_AFTER_S = 1200.0
"""Time after which another host starts if messages wait although all hosts work."""

GATHERED_START_S = 150.0
"""Time at the start of each period in which gathered messages start a host: two of its wake-ups."""


class Pool(BaseModel):
    """The pool, as AWS Batch runs it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    queue: str = Field(description="Name or ARN of Batch's job queue")
    definition: str = Field(description="Name or ARN of the job definition")
    stages: tuple[str, ...] = Field(description="The stages that its hosts serve")
    max_hosts: int = Field(ge=1, description="Most hosts at once")
    gather_s: dict[PoolLane, int] = Field(
        default_factory=dict,
        description="By lane, seconds for which a few messages are gathered before they start a "
        "host; 0 by default",
    )


def is_due(waiting: int, *, gather_s: int, now: float) -> bool:
    """Return True if the waiting messages of a lane may start a host now.

    Periods begin at multiples of ``gather_s``, so that all lanes are gathered for the same host.
    """
    return gather_s == 0 or waiting >= MESSAGES_A_HOST or now % gather_s < GATHERED_START_S


def hosts_to_start(waiting: int, started: Sequence[float | None], *, most: int, now: float) -> int:
    """Return the number of hosts to start.

    Args:
        waiting: messages that wait.
        started: when each host that has not ended began to work; None for one that starts.
        most: the most hosts at once.
        now: the time.
    """
    if not waiting:
        return 0
    wanted = math.ceil(waiting / MESSAGES_A_HOST)
    if all(one is not None and now - one >= ANOTHER_AFTER_S for one in started):
        wanted = max(wanted, len(started) + 1)
    return max(0, min(wanted, most) - len(started))
