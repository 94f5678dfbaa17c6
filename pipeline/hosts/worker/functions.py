"""The functions that a worker hosts, and their limits."""

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.core.errors import InvalidArgument
from pipeline.core.settings import Settings
from pipeline.core.topology import EVENTS, JANITOR, REPLAYS, Lane

HANDLERS = {
    JANITOR: "handlers.janitor.handler",
    REPLAYS: "handlers.replays.handler",
    EVENTS: "handlers.events.handler",
}
"""The handlers of functions other than stages that have a queue."""

# https://docs.kernel.org/admin-guide/cgroup-v2.html
_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")


@dataclass(frozen=True)
class Function:
    """A handler, one lane of messages for it, and its limits.

    Attributes:
        name: selects its queue, together with ``lane`` (``Names.queue``).
        handler: dotted name of the callable.
        timeout_s: limit on the duration of an invocation.
        memory_mb: limit on the resident memory of the child and all that it starts.
        threads: CPU threads it may use.
        env: further environment variables.
        lane: kind of messages.
        gpu: whether it uses the GPU if there is one.
        every_s: interval of its schedule; None for no schedule.
        idle_s: time that a temporary child is kept after its last message.
        concurrency: number of children that share its queue.
    """

    name: str
    handler: str
    timeout_s: float
    memory_mb: int
    threads: int = 1
    env: dict[str, str] = field(default_factory=dict)
    lane: Lane = "live"
    gpu: bool = False
    every_s: float | None = None
    idle_s: float = 60.0
    concurrency: int = 1

    @property
    def replays(self) -> bool:
        """Return whether it serves replays: at the lowest priority, in a temporary child."""
        return self.lane == "replay"

    @property
    def is_temporary(self) -> bool:
        """Return True if its child is there only while there are messages."""
        return self.lane != "live"

    def arn(self, prefix: str, region: str) -> str:
        """Return the ARN for the handler's context, in AWS's form."""
        return f"arn:aws:lambda:{region}:000000000000:function:{prefix}-{self.name}"


def hosted(
    settings: Settings, names: Collection[str] | None = None, concurrency: int = 1
) -> list[Function]:
    """Return the functions of the topology, or the named ones, with the cores split among them.

    Replays get as many threads as live work: they use the same cores when those are idle.

    Args:
        settings: topology, time limit of stages, and number of children per stage for replays.
        names: stages, ``janitor``, ``replays`` and ``events``; all when None.
        concurrency: children per stage for live work.

    Raises:
        InvalidArgument: ``unknown_stage``: a name is not one of these.
    """
    known = [*settings.topology.stages, JANITOR, REPLAYS, EVENTS]
    if unknown := set(names or ()).difference(known):
        raise InvalidArgument(
            "unknown_stage",
            f"There is no {', '.join(sorted(unknown))} to host; choose from {', '.join(known)}.",
        )
    stages = {n: s for n, s in settings.topology.stages.items() if names is None or n in names}
    threads = max(1, cores() // max(1, len(stages) * concurrency))
    lanes: dict[Lane, int] = {"live": concurrency, "replay": settings.replay_concurrency}
    if settings.lane:
        lanes = {settings.lane: lanes[settings.lane]}
    functions = [
        Function(
            name=name,
            handler="handlers.stage.handler",
            timeout_s=settings.worker_timeout_s,
            memory_mb=spec.memory_mb,
            threads=threads,
            # As long as its messages are hidden when they are received.
            env={"VIDEODROP_STAGE": name, "VIDEODROP_REDELIVERY_S": str(settings.lease_s)},
            lane=lane,
            gpu=spec.gpu,
            concurrency=children,
        )
        for name, spec in stages.items()
        for lane, children in lanes.items()
    ]
    if names is None or JANITOR in names:
        janitor = settings.topology.janitor
        functions.append(
            Function(
                name=JANITOR,
                handler=HANDLERS[JANITOR],
                timeout_s=janitor.timeout_s,
                memory_mb=janitor.memory_mb,
                every_s=janitor.every_s,
            )
        )
    if names is None or REPLAYS in names:
        replays = settings.topology.replays
        functions.append(
            Function(
                name=REPLAYS,
                handler=HANDLERS[REPLAYS],
                timeout_s=replays.timeout_s,
                memory_mb=replays.memory_mb,
            )
        )
    if names is None or EVENTS in names:
        told = settings.topology.events
        ours: tuple[Lane, ...] = ("live", "webhooks")
        functions += [
            Function(
                name=EVENTS,
                handler=HANDLERS[EVENTS],
                timeout_s=told.timeout_s,
                memory_mb=told.memory_mb,
                lane=lane,
            )
            for lane in ours
        ]
    return functions


def cores() -> int:
    """Return the number of CPU cores that this process may use.

    A container's limit is a share of time on all cores: more threads than that would be throttled.
    """
    allowed = len(os.sched_getaffinity(0))
    try:
        quota, period = _CPU_MAX.read_text(encoding="ascii").split()
        return max(1, min(allowed, int(quota) // int(period)))
    except (OSError, ValueError):  # no control group of its own, or no limit ("max")
        return allowed
