"""The pace of stages: recorded, or guessed."""

import pytest

from pipeline.core.records import StageResult
from pipeline.costs.pace import Pace, paces
from tests.fakes.priced import TOPOLOGY, timings
from tests.fakes.timing import result


def paced(*recorded: StageResult, stage: str = "detect", mbps: float = 8) -> Pace:
    found = {pace.stage: pace for pace in paces(timings(*recorded), TOPOLOGY, mbps=mbps)}
    assert list(found) == list(TOPOLOGY.stages)
    return found[stage]


def test_without_recorded_runs_the_topology_is_believed():
    guess = TOPOLOGY.stages["detect"].guess
    pace = paced()
    assert (pace.cpu, pace.gpu) == (
        guess.seconds_per_media_second,
        guess.gpu_seconds_per_media_second,
    )
    # 8 Mbit/s are a million bytes a second.
    assert pace.bytes_out == guess.bytes_per_source_byte * 1e6
    assert (pace.files, pace.cpu_runs, pace.gpu_runs) == (guess.files_per_media_second, 0, 0)


def test_recorded_runs_count_by_the_second_of_video():
    pace = paced(
        result(20, 50, stage="detect", files=5, bytes_out=100),
        result(40, 100, stage="detect", files=25, bytes_out=200, identity={"model": "other"}),
        result(9, 10, stage="transcribe"),
    )
    assert (pace.cpu, pace.cpu_runs) == (60 / 150, 2)
    assert (pace.files, pace.bytes_out) == (30 / 150, 300 / 150)
    assert (pace.gpu, pace.gpu_runs) == (paced().gpu, 0)


def test_runs_on_a_gpu_and_on_cpus_are_told_apart():
    pace = paced(
        result(20, 50, stage="detect"),
        result(3, 100, stage="detect", gpu_seconds=3, identity={"device": "cuda"}),
    )
    assert (pace.cpu, pace.cpu_runs) == (0.4, 1)
    assert (pace.gpu, pace.gpu_runs) == (0.03, 1)


def test_sums_over_both_kinds_of_host_tell_of_neither():
    pace = paced(result(23, 150, stage="detect", gpu_seconds=3, files=15))
    assert (pace.cpu, pace.gpu) == (paced().cpu, paced().gpu)
    assert (pace.cpu_runs, pace.gpu_runs) == (0, 0)
    assert pace.files == 0.1


def test_a_stage_that_no_gpu_helps_takes_as_long_beside_one():
    pace = paced(result(50, 100, stage="transcode"), stage="transcode")
    assert (pace.cpu, pace.gpu) == (0.5, 0.5)


def test_stills_tell_nothing_of_a_second_of_video():
    assert paced(result(2, 0, stage="detect")) == paced()


def test_old_months_do_not_count():
    recorded = [result(10 * month, 100, stage="detect", month=month) for month in (9, 10, 11)]
    assert paced(*recorded).cpu == pytest.approx(210 / 200)
