"""The measured input of the simulation, read from a JSON file and checked."""

from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict

from benchmarks.simulation.distribution import Distribution

DEFAULT: Final = Path(__file__).with_name("measured.json")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StageCosts(_Frozen):
    """The measured times of a stage.

    Attributes:
        start_s: from a process's start until it can work, models included.
        plan_cpu_s: probe and plan.
        range_cpu_s: fixed cost of a range.
        minute_cpu_s: cost of a minute of 720p.
        at_1080p: cost of a minute of 1080p, as a multiple.
        sound_minute_cpu_s: cost of a minute of sound, which one thread encodes, if that is a range
            of its own.
        merge_cpu_s: fixed cost of the merge.
        merge_range_cpu_s: cost of the merge for each range.
        threads_used: share of several vCPUs that a range uses.
        read: bytes that all ranges read for each byte of the source.
        written: bytes that they write for each byte of the source.
    """

    start_s: Distribution
    plan_cpu_s: Distribution
    range_cpu_s: Distribution
    minute_cpu_s: Distribution
    at_1080p: Distribution
    sound_minute_cpu_s: Distribution
    merge_cpu_s: Distribution
    merge_range_cpu_s: Distribution
    threads_used: Distribution
    read: Distribution
    written: Distribution


class CallTimes(_Frozen):
    """The time of one request to each service, and of a new Lambda environment."""

    dynamodb_s: Distribution
    s3_s: Distribution
    sqs_s: Distribution
    event_s: Distribution
    environment_s: Distribution


class Measured(_Frozen):
    """The input of a simulation.

    Attributes:
        note: what it is, and its date.
        host: the machine that measured.
        mbps: bit rate of a source, Mbit/s, by height.
        calls: times of requests.
        stages: costs by stage.
    """

    note: str
    host: str
    mbps: dict[int, float]
    calls: CallTimes
    stages: dict[str, StageCosts]

    @classmethod
    def read(cls, path: Path = DEFAULT) -> Self:
        """Read and check a file."""
        return cls.model_validate_json(path.read_bytes())
