"""How much is in work at once, by Little's law.

L = λW: the mean number in a system is the rate of arrivals times the time each stays, whatever the
order or the distribution of either (J. D. C. Little, "A Proof for the Queuing Formula: L = λW",
Operations Research 9(3), 1961). Where nothing waits, and uploads come independently of one another
(M/G/∞), the number at any moment is Poisson with that mean, so that it varies by √L.
"""

import math
from statistics import NormalDist
from typing import Literal

from pydantic import BaseModel, ConfigDict

from pipeline.costs.hosts import hosts
from pipeline.costs.pace import Pace
from pipeline.costs.workload import MONTH_HOURS, Workload

_OF_100 = 0.99


class Load(BaseModel):
    """What is asked of one stage.

    Attributes:
        stage: which.
        host: where it runs.
        seconds: a run takes, W.
        arrivals: runs a second at the peak, λ.
        mean: in work at once at the peak, L.
        most: so many or fewer in 99 moments of 100.
        host_hours: hours of GPU hosts in a month, idle ones included; 0 on Lambda.
    """

    model_config = ConfigDict(frozen=True)

    stage: str
    host: Literal["lambda", "gpu"]
    seconds: float
    arrivals: float
    mean: float
    most: int
    host_hours: float


def load(pace: Pace, work: Workload) -> Load:
    """What the workload asks of a stage."""
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
        host_hours=MONTH_HOURS * hosts(work.arrivals, seconds) if on_gpu else 0,
    )


def most(mean: float) -> int:
    """What a Poisson number of this mean exceeds once in a hundred, by its normal approximation."""
    return math.ceil(NormalDist(mean, math.sqrt(mean)).inv_cdf(_OF_100)) if mean else 0
