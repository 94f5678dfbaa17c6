"""The pace of stages, in seconds for a second of video: recorded, or guessed by the topology."""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from pipeline.aws.catalog.timings import Timing, Totals, recent
from pipeline.core.topology import Guess, Topology


class Pace(BaseModel):
    """The time and output of a stage for each second of video.

    Attributes:
        stage: the stage.
        cpu: seconds on CPUs.
        gpu: seconds on a GPU host.
        files: artifacts.
        bytes_out: bytes of them.
        cpu_runs: recorded runs that ``cpu`` rests on; with 0 it is a guess.
        gpu_runs: recorded runs that ``gpu`` rests on; with 0 it is a guess.
    """

    model_config = ConfigDict(frozen=True)

    stage: str
    cpu: float
    gpu: float
    files: float
    bytes_out: float
    cpu_runs: int
    gpu_runs: int


def paces(timings: Iterable[Timing], topology: Topology, *, mbps: float) -> list[Pace]:
    """Compute the pace of each stage, over all versions of its code and models.

    Args:
        timings: recorded run times, the latest month first; of each kind, the latest two months
            with any runs count.
        topology: the stages, and the guesses.
        mbps: bit rate of the sources, Mbit/s, from which the size of artifacts is guessed.
    """
    totals = recent(timings, _kinds)
    return [
        _pace(
            stage,
            spec.guess,
            mbps,
            # Runs over still images only have no length to divide by.
            {
                host: known
                for host in ("any", "cpu", "gpu")
                if (known := totals.get((stage, host))) and known.media_seconds
            },
        )
        for stage, spec in topology.stages.items()
    ]


def _kinds(timing: Timing) -> Iterable[tuple[str, str]]:
    """Yield the kinds a run counts for; runs partly on a GPU count for neither kind of host."""
    yield timing.stage, "any"
    if timing.totals.gpu_seconds == 0:
        yield timing.stage, "cpu"
    elif timing.totals.gpu_seconds >= timing.totals.seconds:
        yield timing.stage, "gpu"


def _pace(stage: str, guess: Guess, mbps: float, recorded: dict[str, Totals]) -> Pace:
    cpu = guess.seconds_per_media_second
    cpu_runs = gpu_runs = 0
    files = guess.files_per_media_second
    bytes_out = guess.bytes_per_source_byte * mbps * 1e6 / 8
    if known := recorded.get("any"):
        files = known.files / known.media_seconds
        bytes_out = known.bytes_out / known.media_seconds
    if known := recorded.get("cpu"):
        cpu, cpu_runs = known.seconds / known.media_seconds, known.runs
    # A stage that does not use a GPU takes as long on a GPU host.
    gpu = cpu if guess.gpu_seconds_per_media_second is None else guess.gpu_seconds_per_media_second
    if known := recorded.get("gpu"):
        gpu, gpu_runs = known.seconds / known.media_seconds, known.runs
    return Pace(
        stage=stage,
        cpu=cpu,
        gpu=gpu,
        files=files,
        bytes_out=bytes_out,
        cpu_runs=cpu_runs,
        gpu_runs=gpu_runs,
    )
