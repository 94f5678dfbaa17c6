"""A simulated installation: uploads come in, and runs end."""

import math
from collections.abc import Iterable, Mapping
from functools import partial
from random import Random
from typing import Final, Literal

from benchmarks.simulation import calls, effort
from benchmarks.simulation.clock import Clock
from benchmarks.simulation.function import Account, Function, Outcome
from benchmarks.simulation.limits import Limits
from benchmarks.simulation.measured import Measured
from benchmarks.simulation.queue import Message
from benchmarks.simulation.rate import Rate
from benchmarks.simulation.usage import Usage
from benchmarks.simulation.work import KINDS, SHAPES, Kind, Run, Shape, Task, Video, divided
from pipeline.core.topology import Topology

_RETRY_S: Final = 10.0
_LEASE_S: Final = 60.0
_BLOCK: Final = 8 << 20  # of a ranged read
_IN_PARALLEL: Final = 16  # requests that a merge and a publication have under way
_SEEDS: Final = 1_000_003


class Installation:
    """The queues and functions of all stages, and what they share.

    Args:
        measured: costs of the work.
        limits: of AWS.
        topology: memory of the stages.
        seed: of all random choices.
        shapes: divisions of the stages.

    Attributes:
        runs: all runs, in the order in which they began.
        waits: seconds that messages waited in a queue, by stage and kind of video.
        messages: sent and ended ones.
    """

    def __init__(
        self,
        measured: Measured,
        limits: Limits,
        topology: Topology,
        *,
        seed: int,
        shapes: Mapping[str, Shape] = SHAPES,
    ) -> None:
        self.clock = Clock()
        self.limits = limits
        self.usage = Usage()
        self.account = Account(limits.account)
        self.runs: list[Run] = []
        self.waits: dict[tuple[str, Kind, str], list[float]] = {}
        self.sent = self.ended = self.retried = 0
        self.moved_s = 0.0
        self.leases = [Rate("leases", limits.partition_writes) for _ in range(16)]
        self.puts = Rate("S3 PUT", limits.puts)
        self.gets = Rate("S3 GET", limits.gets)
        self.partition = Rate("partition of a video", limits.partition_writes)
        self.partition_reads = Rate("partition of a video, reads", limits.partition_reads)
        self._partitions: dict[int, tuple[Rate, Rate]] = {}
        self._open: dict[int, int] = {}
        self._measured = measured
        self._seed = seed
        self._chance = Random(seed)  # noqa: S311 - a simulation
        self._starts = Random(seed)  # noqa: S311 - a simulation
        self._shapes = shapes
        self._stages = list(shapes)
        self._memory = {name: spec.memory_mb for name, spec in topology.stages.items()}
        self._timeout = {
            name: spec.timeout_s if limits.timeouts else math.inf
            for name, spec in topology.stages.items()
        }
        self.functions = {
            name: Function(name, self.clock, self.account, limits, self) for name in shapes
        }

    def run(self, videos: Iterable[Video]) -> None:
        """Upload videos, and simulate until everything has ended."""
        for video in videos:
            self.clock.at(video.at, partial(self._upload, video))
        self.clock.run()
        for number in list(self._partitions):
            self._close(number)

    def start_s(self, stage: str) -> float:
        """Return the seconds that a new environment takes to start."""
        costs = self._measured.stages[stage]
        environment = self._measured.calls.environment_s.draw(self._starts)
        return environment + costs.start_s.draw(self._starts)

    def begin(self, message: Message) -> float:
        """Start a message's work; return the time at which it is done."""
        now, task = self.clock.now, message.task
        message.chance = self._chance = self._of(task, message.attempt)
        key = (task.run.stage, task.kind, task.run.video.kind)
        self.waits.setdefault(key, []).append(now - message.visible)
        if task.run.state != "running":
            return self._read(task.run.video, now, calls.READS)
        at = self._read(task.run.video, now, calls.READS)
        at = self._written(task.run.video, at, calls.claimed(task))
        seconds = self._work(task)
        most = self._timeout[task.run.stage]
        message.too_long = seconds > most
        return at + min(seconds, most)

    def end(self, message: Message) -> Outcome:
        """Make the last calls of a message's work, or have it delivered again."""
        now, task = self.clock.now, message.task
        self._chance = message.chance or self._chance
        run = task.run
        if run.state != "running":
            self.ended += 1
            return Outcome(now)
        chance = self._chance.random()
        if message.too_long:
            return self._failed(message, killed=True)
        if chance < self.limits.fails + self.limits.killed:
            return self._failed(message, killed=chance >= self.limits.fails)
        self.ended += 1
        at = self._written(run.video, now, calls.ended(task))
        if task.kind == "first" and run.spreads:
            return Outcome(self._spread(run, at))
        if task.kind in {"first", "merge"}:
            self._finish(run, "succeeded", at)
        else:
            self._ended(task, at)
        return Outcome(at)

    def billed(self, stage: str, seconds: float) -> None:
        """Count a call and its seconds."""
        self.usage.seconds[self._memory[stage]] += seconds
        self.usage.calls += 1

    def _of(self, task: Task, attempt: int) -> Random:
        """Return the randomness of an attempt, which is the same under all limits."""
        run, number = task.run, self._seed
        parts = (run.video.number, self._stages.index(run.stage), KINDS.index(task.kind))
        for part in (*parts, task.index, attempt):
            number = number * _SEEDS + part
        return Random(number)  # noqa: S311 - a simulation

    def _upload(self, video: Video) -> None:
        self._open[video.number] = len(self._shapes)
        for stage, shape in self._shapes.items():
            run = divided(video, stage, shape)
            self.runs.append(run)
            self.usage.events += 1
            late = self._measured.calls.event_s.draw(self._of(Task(run, "first", 0.0), 0))
            self._send(run, "first", video.seconds, self.clock.now + late)

    def _send(self, run: Run, kind: Kind, seconds: float, at: float, index: int = 0) -> None:
        group = None if kind == "first" else run.video.number
        self.sent += 1
        message = Message(Task(run, kind, seconds, index), group, at, at)
        self.usage.sqs += calls.RECEIVE + (1 if kind in {"first", "merge"} else calls.SEND)
        if group is not None:
            self.usage.fair += calls.RECEIVE + 1
        self.clock.at(at, partial(self.functions[run.stage].send, message))

    def _spread(self, run: Run, at: float) -> float:
        """Send the messages of the ranges; return the time after that."""
        run.left = len(run.ranges)
        time_s = self._measured.calls.sqs_s.mean
        for number, seconds in enumerate(run.ranges):
            batch = number // calls.BATCH + 1
            self._send(run, "picture", seconds, at + batch * time_s, number)
        return at + math.ceil(run.left / calls.BATCH) * time_s

    def _ended(self, task: Task, at: float) -> None:
        """Count a range as ended; after the last one send the next step, at last the merge."""
        run = task.run
        run.left -= 1
        run.ended += 1
        if run.left:
            return
        at += self._measured.calls.sqs_s.mean
        if task.kind == "sound" or not run.sounds:
            self._send(run, "merge", run.video.seconds, at)
            return
        if task.kind == "picture" and len(run.sounds) > 1:
            run.left = 1
            self._send(run, "packets", 0.0, at)
            return
        run.left = len(run.sounds)
        for number, seconds in enumerate(run.sounds):
            self._send(run, "sound", seconds, at, number)

    def _failed(self, message: Message, *, killed: bool) -> Outcome:
        run = message.task.run
        if message.attempt >= self.limits.attempts:
            self.ended += 1
            self._finish(run, "failed", self.clock.now)
            return Outcome(self.clock.now)
        self.retried += 1
        return Outcome(self.clock.now, _LEASE_S if killed else _RETRY_S)

    def _finish(self, run: Run, state: Literal["succeeded", "failed"], at: float) -> None:
        run.state = state
        run.finished = at
        number = run.video.number
        if run.spreads:
            self.functions[run.stage].queue.forget(number)
        self._open[number] -= 1
        if not self._open[number]:
            del self._open[number]
            self._close(number)

    def _work(self, task: Task) -> float:
        """Return the seconds of a task: reading, computing and writing."""
        run, times = task.run, self._measured.calls
        costs, shape = self._measured.stages[run.stage], self._shapes[run.stage]
        gets, puts = calls.objects(task, shape)
        read, written = effort.moved(task, costs, shape, self._measured.mbps)
        gets += math.ceil(read / _BLOCK)
        self.usage.read_bytes += read
        self.usage.gets += gets
        self.usage.puts += puts
        late = self.gets.take(self.clock.now, gets) - self.clock.now
        late += self.puts.take(self.clock.now, puts) - self.clock.now
        rounds = math.ceil(gets / _IN_PARALLEL) + math.ceil(puts / _IN_PARALLEL)
        moved = (read + written) / self.limits.bandwidth
        vcpus = effort.vcpus(task, costs, self._memory[run.stage])
        work = effort.cpu_s(task, costs, self._chance) / vcpus
        seconds = late + rounds * times.s3_s.draw(self._chance) + moved + work
        self.moved_s += moved
        self._written(run.video, self.clock.now, calls.beats(task, seconds))
        return seconds

    def _written(self, video: Video, at: float, units: calls.Units) -> float:
        """Write to the items of a video; return the time of the answer."""
        self.usage.writes += sum(units)
        writes, _ = self._partition(video)
        at = writes.take(at, units.items)
        if units.leases:
            at = max(at, self.leases[video.number % len(self.leases)].take(at, units.leases))
        return at + self._measured.calls.dynamodb_s.draw(self._chance)

    def _read(self, video: Video, at: float, units: float) -> float:
        self.usage.reads += units
        _, reads = self._partition(video)
        return reads.take(at, units) + self._measured.calls.dynamodb_s.draw(self._chance)

    def _partition(self, video: Video) -> tuple[Rate, Rate]:
        found = self._partitions.get(video.number)
        if found is None:
            writes = Rate("", self.limits.partition_writes)
            found = writes, Rate("", self.limits.partition_reads)
            self._partitions[video.number] = found
        return found

    def _close(self, number: int) -> None:
        """Keep the busiest figures of a video's partition, and drop the rest."""
        for kept, one in zip(
            (self.partition, self.partition_reads), self._partitions.pop(number, ()), strict=False
        ):
            kept.served += one.served
            kept.waited += one.waited
            kept.peak = max(kept.peak, one.peak)
            kept.first_wait = min(kept.first_wait, one.first_wait)
