"""Which functions a worker hosts, and what each may use."""

import os
from collections.abc import Collection
from dataclasses import dataclass, field

from pipeline.core.errors import InvalidArgument, InvalidSettings
from pipeline.core.settings import Settings
from pipeline.core.topology import JANITOR, LARGER, REPLAYS, Lane

HANDLERS = {JANITOR: "handlers.janitor.handler", REPLAYS: "handlers.replays.handler"}
"""The handlers of functions that are no stages and have a queue."""


@dataclass(frozen=True)
class Function:
    """A handler, one lane of messages for it, and its limits.

    Attributes:
        name: with ``lane`` it names its queue (``Names.queue``).
        handler: dotted name of the callable.
        memory_mb: limit on the resident memory of the child and all that it starts.
        threads: CPU threads it may use.
        env: further environment variables.
        lane: of which messages.
        gpu: whether it uses the GPU where there is one.
        every_s: invoke it on a schedule too; never when None.
        idle_s: how long a replay's child is kept after its last message.
        concurrency: how many children share its queue.
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
        """Whether it serves replays: at the lowest priority, in a child that comes and goes."""
        return self.lane in {"replay", "large-replay"}

    def arn(self, prefix: str, region: str) -> str:
        """Its name in the handler's context, as AWS would call it there."""
        return f"arn:aws:lambda:{region}:000000000000:function:{prefix}-{self.name}"


def hosted(
    settings: Settings,
    names: Collection[str] | None = None,
    concurrency: int = 1,
    *,
    large: bool = False,
) -> list[Function]:
    """The functions of the topology, or those named, with the machine's cores split among them.

    Replays get as many threads as live work: they use what it leaves of the same cores.

    Args:
        settings: whose topology to read, and how many children a stage has for replays.
        names: stages, ``janitor`` and ``replays``; all when None.
        concurrency: children a stage for live work.
        large: only lanes for large jobs.

    Raises:
        InvalidArgument: ``unknown_stage``, when a name is none of these.
        InvalidSettings: ``bad_settings``, when large jobs have no lane.
    """
    known = [*settings.topology.stages, JANITOR, REPLAYS]
    if unknown := set(names or ()).difference(known):
        raise InvalidArgument(
            "unknown_stage",
            f"There is no {', '.join(sorted(unknown))} to host; choose from {', '.join(known)}.",
        )
    stages = {n: s for n, s in settings.topology.stages.items() if names is None or n in names}
    if large:
        stages = {name: spec for name, spec in stages.items() if name in settings.large}
        if not stages:
            raise InvalidSettings(
                "bad_settings",
                f"None of {', '.join(names or known)} has a lane for large jobs: name some stages "
                "in VIDEODROP_LARGE.",
            )
    threads = max(1, cores() // max(1, len(stages) * concurrency))
    usual: dict[Lane, int] = {"live": concurrency, "replay": settings.replay_concurrency}
    larger = {LARGER[lane]: children for lane, children in usual.items()}
    functions = [
        Function(
            name=name,
            handler="handlers.stage.handler",
            timeout_s=settings.topology.large.timeout_s if lane in larger else spec.timeout_s,
            memory_mb=spec.memory_mb,
            threads=threads,
            env={"VIDEODROP_STAGE": name},
            lane=lane,
            gpu=spec.gpu,
            concurrency=children,
        )
        for name, spec in stages.items()
        for lane, children in (usual | larger).items()
        if (name in settings.large if lane in larger else not large)
    ]
    if large:
        return functions
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
    return functions


def cores() -> int:
    """The CPU cores that this process may use."""
    return len(os.sched_getaffinity(0))
