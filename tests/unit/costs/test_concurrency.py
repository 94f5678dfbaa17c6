"""Concurrency of stages by Little's law."""

import pytest

from pipeline.costs import Workload
from pipeline.costs.concurrency import loads, most
from tests.fakes.priced import pace


def test_the_mean_is_arrivals_times_stay():
    # 8640 a day are 0.1 a second; 3 times that at the peak; ten minutes each.
    work = Workload(videos_per_day=8640, minutes=10, peak=3)
    (found,) = loads([pace(cpu=1)], work)
    assert (found.arrivals, found.seconds) == (pytest.approx(0.3), 600)
    assert found.mean == pytest.approx(180)
    # 180 + 2.326 * sqrt(180) = 211.2
    assert found.most == 212
    assert (found.host, found.host_hours) == ("lambda", 0)


def test_a_stage_on_gpu_hosts_takes_its_time_there():
    work = Workload(videos_per_day=8640, minutes=10, peak=3, gpu_stages=frozenset({"detect"}))
    (found,) = loads([pace("detect", cpu=1, gpu=0.1)], work)
    assert (found.host, found.seconds) == ("gpu", 60)
    assert found.mean == pytest.approx(18)
    # Paid for by the average, not by the peak: 0.1 a second for 60 s are 6 hosts.
    assert found.host_hours == pytest.approx(6 * 730)


def test_stages_on_gpu_hosts_share_one_pool():
    work = Workload(videos_per_day=24, minutes=10, gpu_stages=frozenset({"detect", "transcribe"}))
    (alone,) = loads([pace("detect", gpu=0.1)], work)
    one, other = loads([pace("detect", gpu=0.1), pace("transcribe", gpu=0.1)], work)
    assert one.host_hours == other.host_hours
    # A video's second stage pays for its own minute, and not for another host's start and end.
    assert one.host_hours + other.host_hours < 1.2 * alone.host_hours


@pytest.mark.parametrize(("mean", "expected"), [(0, 0), (0.01, 1), (0.5, 3), (5, 11), (100, 124)])
def test_one_moment_in_a_hundred_has_more_than_most(mean: float, expected: int):
    """Compare with tables of the Poisson distribution, within one."""
    assert most(mean) == expected
