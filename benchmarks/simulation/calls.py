"""Requests of the steps of a run to DynamoDB and SQS, as the runs make them."""

import math
from typing import Final, NamedTuple

from benchmarks.simulation.work import Shape, Task

# A unit writes up to 1 KB, and reads up to 4 KB. An entry of the index of leases that moves takes
# two units, one to remove it and one to add it; ranges have none.
MOVED: Final = 2.0
_RUN_KB: Final = 3.0
_TAG_BYTES: Final = 16  # of a range in the run's set of ended ones
_RESULT: Final = 12.0  # as pipeline/costs/run_price.py counts them: probe, result, end, labels
_HEARTBEAT_S: Final = 20.0
READS: Final = 3.0

RECEIVE: Final = 2.0  # receive and delete
BATCH: Final = 10  # messages sent by one request
SEND: Final = 1 / BATCH


class Units(NamedTuple):
    """DynamoDB units written.

    Attributes:
        items: to the items of a video.
        leases: to the index of leases.
    """

    items: float
    leases: float = 0.0


def is_run(task: Task) -> bool:
    """Return True for a step that holds the lease of the run itself."""
    return task.kind == "first"


def claimed(task: Task) -> Units:
    """Return the units that the claim of a step writes."""
    return Units(_RUN_KB, MOVED) if is_run(task) else Units(1.0)


def ended(task: Task) -> Units:
    """Return the units that the end of a step writes."""
    run = task.run
    if task.kind == "first":
        return Units(_RUN_KB, MOVED) if run.spreads else Units(_RESULT, MOVED / 2)
    # The run's item holds the tags of all ended ranges, and the time of the janitor's next look.
    update = math.ceil(_RUN_KB + run.ended * _TAG_BYTES / 1024)
    if task.kind == "merge":  # it also deletes the items of the ranges
        return Units(1.0 + update + _RESULT + len(run.ranges), MOVED / 2)
    return Units(1.0 + update, MOVED)


def beats(task: Task, seconds: float) -> Units:
    """Return the units of the heartbeats in this time."""
    count = math.floor(seconds / _HEARTBEAT_S)
    return Units(count * _RUN_KB, count * MOVED) if is_run(task) else Units(count)


def objects(task: Task, shape: Shape) -> tuple[int, int]:
    """Return the S3 requests of a step that read and that write, without reads of the source.

    A range reads the plan, and writes its files and a record of them. Sound reads one record, and
    the packets at its time. Before its ranges, one step reads the records of all ranges of
    pictures; sound in one range reads them itself. The merge reads the records, writes its files
    and the manifest, and joins an MP4 file from copies of the ranges' files and pieces too small
    to be copied.
    """
    count = len(task.run.ranges)
    if task.kind == "merge":
        pieces = 2 * shape.copies * count
        return 2 + task.run.ended + pieces // 2, 1 + shape.merged_files + pieces
    if task.kind == "sound":
        heard = math.ceil(count * task.seconds / task.run.video.seconds)
        return 2 + (1 if len(task.run.sounds) > 1 else count) + heard, 2
    if task.kind == "packets":
        return 2 + count, 1
    if task.kind == "first":
        return 3, 1 if task.run.spreads else 1 + shape.files + shape.merged_files
    return 2, 1 + shape.files
