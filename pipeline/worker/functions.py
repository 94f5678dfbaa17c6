"""Which functions a worker hosts, and what each may use."""

import os
from collections.abc import Collection
from dataclasses import dataclass, field

from pipeline.errors import MissingDependency
from pipeline.resources import JANITOR
from pipeline.settings import Settings


@dataclass(frozen=True)
class Function:
    """A handler and its limits.

    Attributes:
        name: names its queues (``Names.queue``).
        handler: dotted name of the callable.
        memory_mb: limit on the resident memory of the child and all that it starts.
        threads: CPU threads it may use.
        env: further environment variables.
        replays: whether it has a replay lane.
        every_s: invoke it on a schedule too; never when None.
        concurrency: how many children share its queues.
    """

    name: str
    handler: str
    timeout_s: float
    memory_mb: int
    threads: int = 1
    env: dict[str, str] = field(default_factory=dict)
    replays: bool = True
    every_s: float | None = None
    concurrency: int = 1


def hosted(
    settings: Settings, names: Collection[str] | None = None, concurrency: int = 1
) -> list[Function]:
    """The functions of the topology, or those named, with the machine's cores split among them.

    Args:
        settings: whose topology to read.
        names: stages and ``janitor``; all when None.
        concurrency: children a stage.

    Raises:
        MissingDependency: ``unknown_stage``, when a name is neither a stage nor the janitor.
    """
    known = [*settings.topology.stages, JANITOR]
    if unknown := set(names or ()).difference(known):
        raise MissingDependency(
            "unknown_stage",
            f"There is no {', '.join(sorted(unknown))} to host; choose from {', '.join(known)}.",
        )
    stages = {n: s for n, s in settings.topology.stages.items() if names is None or n in names}
    cores = len(os.sched_getaffinity(0))
    threads = max(1, cores // max(1, len(stages) * concurrency))
    functions = [
        Function(
            name=name,
            handler="handlers.stage.handler",
            timeout_s=spec.timeout_s,
            memory_mb=spec.memory_mb,
            threads=threads,
            env={"VIDEODROP_STAGE": name},
            concurrency=concurrency,
        )
        for name, spec in stages.items()
    ]
    if names is None or JANITOR in names:
        janitor = settings.topology.janitor
        functions.append(
            Function(
                name=JANITOR,
                handler="handlers.janitor.handler",
                timeout_s=janitor.timeout_s,
                memory_mb=janitor.memory_mb,
                replays=False,
                every_s=janitor.every_s,
            )
        )
    return functions
