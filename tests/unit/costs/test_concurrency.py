"""Little's law, and what it is used for."""

import random

import pytest

from pipeline.costs import Workload
from pipeline.costs.concurrency import hosts, load, most
from tests.unit.costs.house import pace


def test_the_mean_is_arrivals_times_stay():
    # 8640 a day are 0.1 a second; 3 times that at the peak; ten minutes each.
    work = Workload(videos_per_day=8640, minutes=10, peak=3)
    found = load(pace(cpu=1), work)
    assert (found.arrivals, found.seconds) == (pytest.approx(0.3), 600)
    assert found.mean == pytest.approx(180)
    # 180 + 2.326 * sqrt(180) = 211.2
    assert found.most == 212
    assert (found.host, found.host_hours) == ("lambda", 0)


def test_a_stage_on_gpu_hosts_takes_its_time_there():
    work = Workload(videos_per_day=8640, minutes=10, peak=3, gpu_stages=frozenset({"detect"}))
    found = load(pace("detect", cpu=1, gpu=0.1), work)
    assert (found.host, found.seconds) == ("gpu", 60)
    assert found.mean == pytest.approx(18)
    # Paid for by the average, not by the peak: 0.1 a second for 60 s are 6 hosts.
    assert found.host_hours == pytest.approx(6 * 730)


@pytest.mark.parametrize(("mean", "expected"), [(0, 0), (0.01, 1), (0.5, 3), (5, 11), (100, 124)])
def test_one_moment_in_a_hundred_has_more_than_most(mean: float, expected: int):
    """As tables of the Poisson distribution have it, within one."""
    assert most(mean) == expected


def test_few_uploads_pay_for_idle_hosts():
    # One a day, for a minute, and the 15 minutes until its host ends: 16 minutes a day.
    assert hosts(1 / 86400, 60) * 24 * 60 == pytest.approx(16, rel=0.01)


def test_hosts_are_paid_for_as_a_simulation_has_it():
    """One host's time from the first arrival until 15 minutes after the last one ended."""
    rng = random.Random(1)  # noqa: S311 - a simulation
    arrivals, seconds, idle_s = 1 / 600, 30, 900
    clock = on = until = 0.0
    for _ in range(200_000):
        clock += rng.expovariate(arrivals)
        ends = clock + seconds + idle_s
        on += ends - max(clock, until)
        until = ends
    assert hosts(arrivals, seconds) == pytest.approx(on / clock, rel=0.005)


def test_there_are_never_fewer_hosts_than_are_at_work():
    assert hosts(1, 60) == 60
