"""The CPU time and the bytes of a step."""

from collections.abc import Mapping
from random import Random
from typing import Final

from benchmarks.simulation.measured import StageCosts
from benchmarks.simulation.work import Shape, Task

MB_A_VCPU: Final = 1769
_FULL_HD: Final = 1080
_BITS: Final = 8
_SOUND_BYTES: Final = 16_000  # a second of 128 kbit/s
_PIECE: Final = 5 << 20  # of a part of an upload, at least


def vcpus(task: Task, costs: StageCosts, memory_mb: int) -> float:
    """Return the vCPUs that a step uses; one thread encodes sound."""
    available = memory_mb / MB_A_VCPU
    if task.kind in {"sound", "packets"}:
        return min(1.0, available)
    return max(min(1.0, available), available * costs.threads_used.mean)


def cpu_s(task: Task, costs: StageCosts, chance: Random) -> float:
    """Draw the CPU seconds of a step."""
    if task.kind == "merge":
        each = costs.merge_range_cpu_s.draw(chance) * task.run.ended
        return costs.merge_cpu_s.draw(chance) + each
    if task.kind == "packets":  # it reads the same records
        return costs.merge_range_cpu_s.draw(chance) * task.run.ended
    planning = costs.plan_cpu_s.draw(chance) if task.kind == "first" else 0.0
    if task.kind == "first" and task.run.spreads:
        return planning
    fixed = costs.range_cpu_s.draw(chance)
    if task.kind == "sound":
        return fixed + costs.sound_minute_cpu_s.draw(chance) * task.seconds / 60
    minute = costs.minute_cpu_s.draw(chance)
    if task.run.video.height >= _FULL_HD:
        minute *= costs.at_1080p.draw(chance)
    if task.kind == "first":  # in place: the sound too
        minute += costs.sound_minute_cpu_s.draw(chance)
    return planning + fixed + minute * task.seconds / 60


def moved(
    task: Task, costs: StageCosts, shape: Shape, mbps: Mapping[int, float]
) -> tuple[float, float]:
    """Return the bytes that a step reads and writes."""
    if task.kind == "sound":  # packets that the ranges of pictures stored
        return _SOUND_BYTES * task.seconds, _SOUND_BYTES * task.seconds
    if task.kind == "merge":  # pieces too small for S3 to copy
        copied = float(shape.copies * len(task.run.ranges) * _PIECE)
        return copied, copied
    if task.kind == "packets" or (task.kind == "first" and task.run.spreads):
        return 0.0, 0.0
    source = mbps[task.run.video.height] * 1e6 / _BITS * task.seconds
    return source * costs.read.mean, source * costs.written.mean
