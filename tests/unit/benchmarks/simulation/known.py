"""Costs and handlers whose simulation has a known answer."""

import math

from benchmarks.simulation.clock import Clock
from benchmarks.simulation.distribution import Distribution
from benchmarks.simulation.function import Outcome
from benchmarks.simulation.installation import Installation
from benchmarks.simulation.limits import Limits
from benchmarks.simulation.measured import Measured
from benchmarks.simulation.queue import Message
from benchmarks.simulation.work import Shape, Task, Video, divided
from pipeline.core.topology import Topology

CLIP = Video(0, 0.0, 30.0, 720, "clip")
FREE = Limits(account=math.inf, mapping=math.inf, fails=0.0, killed=0.0).ready()


def constant(value: float) -> Distribution:
    return Distribution(quantiles=(value,), how="given")


def message(group: int | None = None) -> Message:
    return Message(Task(divided(CLIP, "x", Shape(60)), "picture", 30.0), group, 0.0, 0.0)


def given(**changes: float) -> Measured:
    """Return costs where every range takes a second a media second, and nothing else costs."""
    found = Measured.read()
    free = {name: constant(0.0) for name in type(found.calls).model_fields}
    zero = {name: constant(0.0) for name in type(found.stages["detect"]).model_fields}
    stage = found.stages["detect"].model_copy(
        update={**zero, "minute_cpu_s": constant(60.0), "at_1080p": constant(1.0),
                "threads_used": constant(0.0)}
        | {name: constant(value) for name, value in changes.items()}
    )  # fmt: skip
    return found.model_copy(
        update={
            "calls": found.calls.model_copy(update=free),
            "stages": dict.fromkeys(found.stages, stage),
        }
    )


def installation(
    measured: Measured, limits: Limits, range_s: float = 60.0, seed: int = 1
) -> Installation:
    shapes = {"transcode": Shape(range_s)}
    return Installation(measured, limits, Topology.read(), seed=seed, shapes=shapes)


class Served:
    """A handler with service times of its own, which notes waits."""

    def __init__(self, clock: Clock, service) -> None:
        self.clock, self._service = clock, service
        self.waits: list[float] = []
        self.begun: list[float] = []

    def start_s(self, _: str) -> float:
        return 0.0

    def begin(self, message: Message) -> float:
        self.begun.append(self.clock.now)
        self.waits.append(self.clock.now - message.visible)
        return self.clock.now + self._service()

    def end(self, _: Message) -> Outcome:
        return Outcome(self.clock.now)

    def billed(self, *_) -> None:
        pass
