"""The measurement of the resources that a run or range uses."""

import resource
import time
from collections.abc import Iterable, Sequence

from pipeline.core.records import Cost, PublishedArtifact
from pipeline.stages.models import device


class Meter:
    """The time and CPU time of this process and its ended children since it was made."""

    def __init__(self) -> None:
        self._started, self._cpu = time.monotonic(), _cpu_seconds()

    def cost(
        self,
        *,
        media_seconds: float,
        bytes_in: int = 0,
        published: Sequence[PublishedArtifact] = (),
    ) -> Cost:
        """Return the cost so far.

        Args:
            media_seconds: duration of the video.
            bytes_in: size of the source.
            published: the files that were made.
        """
        seconds = round(time.monotonic() - self._started, 3)
        return Cost(
            seconds=seconds,
            cpu_seconds=round(_cpu_seconds() - self._cpu, 3),
            gpu_seconds=seconds if device.holds_gpu() else 0,
            media_seconds=media_seconds,
            bytes_in=bytes_in,
            bytes_out=sum(one.bytes for one in published),
            files=len(published),
        )


def total(whole: Cost, ranges: Iterable[Cost]) -> Cost:
    """Return the cost of a run: times and bytes read of its ranges are added."""
    costs = [whole, *ranges]
    return whole.model_copy(
        update={
            name: round(sum(getattr(one, name) for one in costs), 3)
            for name in ("seconds", "cpu_seconds", "gpu_seconds", "bytes_in")
        }
    )


def _cpu_seconds() -> float:
    """Return the CPU time of this process and of its ended child processes."""
    own, tools = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + tools.ru_utime + tools.ru_stime
