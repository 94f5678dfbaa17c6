"""Concurrency of stages, by Little's law.

L = λW: the mean number in a system is the arrival rate times the mean time in the system, for any
order and distribution of either (J. D. C. Little, "A Proof for the Queuing Formula: L = λW",
Operations Research 9(3), 1961). If nothing waits and uploads are independent of one another
(M/G/∞), the number at any moment is Poisson with that mean, so its standard deviation is √L.
"""

import math
from collections.abc import Collection
from statistics import NormalDist
from typing import Literal

from pydantic import BaseModel, ConfigDict

from pipeline.costs.hosts import hosts
from pipeline.costs.pace import Pace
from pipeline.costs.workload import MONTH_HOURS, Workload

_OF_100 = 0.99


class Load(BaseModel):
    """The load of a stage.

    Attributes:
        stage: the stage.
        host: the kind of host it runs on.
        seconds: duration of a run, W.
        arrivals: runs a second at the peak, λ.
        mean: concurrent runs at the peak, L.
        most: concurrent runs not exceeded 99 % of the time.
        host_hours: its hours of GPU hosts in a month, starts and idle time included; 0 on Lambda.
    """

    model_config = ConfigDict(frozen=True)

    stage: str
    host: Literal["lambda", "gpu"]
    seconds: float
    arrivals: float
    mean: float
    most: int
    host_hours: float


def loads(paces: Collection[Pace], work: Workload) -> list[Load]:
    """Compute the loads of stages under the workload.

    A GPU host serves all stages of the pool, so each pays for its share of the time at work.
    """
    on_gpu = sum(pace.gpu for pace in paces if pace.stage in work.gpu_stages) * work.media_seconds
    pool_hours = MONTH_HOURS * hosts(work.arrivals, on_gpu)
    return [_load(pace, work, pool_hours / on_gpu if on_gpu else 0) for pace in paces]


def _load(pace: Pace, work: Workload, hours_a_second: float) -> Load:
    on_gpu = pace.stage in work.gpu_stages
    seconds = (pace.gpu if on_gpu else pace.cpu) * work.media_seconds
    arrivals = work.arrivals * work.peak
    return Load(
        stage=pace.stage,
        host="gpu" if on_gpu else "lambda",
        seconds=seconds,
        arrivals=arrivals,
        mean=arrivals * seconds,
        most=most(arrivals * seconds),
        host_hours=seconds * hours_a_second if on_gpu else 0,
    )


def most(mean: float) -> int:
    """Return the 99th percentile of a Poisson distribution, by its normal approximation."""
    return math.ceil(NormalDist(mean, math.sqrt(mean)).inv_cdf(_OF_100)) if mean else 0
