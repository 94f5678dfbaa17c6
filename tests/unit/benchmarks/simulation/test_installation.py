"""A simulated installation takes as long as computed by hand, and loses nothing."""

import math
from dataclasses import replace

import pytest

from benchmarks.simulation import crowd
from benchmarks.simulation.installation import Installation
from benchmarks.simulation.limits import Limits
from benchmarks.simulation.measured import Measured
from benchmarks.simulation.scenario import Given, makespan
from benchmarks.simulation.work import SHAPES, Shape, Video, divided
from pipeline.core.topology import Topology
from pipeline.costs.run_price import Prices
from tests.unit.benchmarks.simulation.known import FREE, given, installation


def test_ranges_on_ready_workers_take_as_many_rounds_as_needed():
    found = installation(given(), replace(FREE, account=4, mapping=4))
    found.run([Video(0, 0.0, 600.0, 720)])
    # Ten ranges of a minute on four workers: three rounds; plan and merge take no time.
    assert makespan(found) == pytest.approx(180.0, abs=0.1)


def test_ranges_cover_the_video_once():
    for seconds in (59.0, 60.0, 89.0, 91.0, 119.9, 120.3, 1234.5):
        run = divided(Video(0, 0.0, seconds, 720), "x", Shape(60.0, sound_s=600.0))
        assert sum(run.ranges) == pytest.approx(seconds)
        assert run.spreads is bool(run.sounds) is (seconds >= 90)
        assert sum(run.sounds) == pytest.approx(seconds if run.spreads else 0)
        assert len(run.ranges) == 1 or min(run.ranges) >= 30


def test_the_sound_follows_the_pictures_and_the_merge_follows_the_sound():
    measured = given(sound_minute_cpu_s=30.0, merge_cpu_s=7.0)
    shapes = {"transcode": Shape(60.0, sound_s=math.inf)}
    found = Installation(measured, FREE, Topology.read(), seed=1, shapes=shapes)
    found.run([Video(0, 0.0, 600.0, 720)])
    # Ten ranges of 60 s at once, then ten minutes of sound by one thread, then the merge.
    assert makespan(found) == pytest.approx(60 + 300 + 7, abs=0.5)
    assert found.sent == found.ended == 1 + 10 + 1 + 1


def steps(run):
    """Return the number of ranges of a run; with several of sound, one lists their packets."""
    return len(run.ranges) + len(run.sounds) + (len(run.sounds) > 1)


def test_every_message_ends_once_whatever_fails():
    limits = replace(Limits(), fails=0.1, killed=0.05, mapping=20, account=50)
    found = Installation(Measured.read(), limits, Topology.read(), seed=3)
    found.run(crowd.uploads(200, 3, 600.0))
    assert found.sent == found.ended
    assert found.retried > 0
    assert {run.state for run in found.runs} == {"succeeded", "failed"}
    assert found.account.running == 0
    assert all(one.running == one.queue.in_flight == len(one.queue) == 0
               for one in found.functions.values())  # fmt: skip
    succeeded = (run for run in found.runs if run.state == "succeeded" and run.spreads)
    assert all(run.ended == steps(run) for run in succeeded)


def test_no_limit_of_concurrency_is_exceeded():
    limits = replace(Limits(), mapping=7, account=20)
    found = Installation(Measured.read(), limits, Topology.read(), seed=3)
    found.run(crowd.uploads(100, 3, 60.0))
    assert found.account.peak == 20
    assert max(one.peak for one in found.functions.values()) == 7


def test_equal_seeds_give_equal_output():
    one, again, other = (
        Installation(Measured.read(), Limits(), Topology.read(), seed=seed) for seed in (1, 1, 2)
    )
    for found in (one, again, other):
        found.run(crowd.uploads(50, 1, 600.0))
    ends = [[run.finished for run in found.runs] for found in (one, again, other)]
    assert ends[0] == ends[1]
    assert ends[0] != ends[2]
    assert one.usage == again.usage


def test_what_takes_longer_than_a_call_fails_after_three_attempts():
    found = installation(given(), replace(FREE, timeouts=True), range_s=math.inf)
    found.run([Video(0, 0.0, 3600.0, 720)])
    assert [run.state for run in found.runs] == ["failed"]
    assert found.usage.calls == 3


def test_the_serial_worker_costs_what_its_seconds_cost():
    found = Given(given(), Topology.read(), Prices.read())
    seconds, usd = found.serial(Video(0, 0.0, 3600.0, 720))
    assert seconds == pytest.approx(4 * 3600, rel=0.01)
    memory = sum(found.topology.stages[name].memory_mb for name in SHAPES) / 1024
    assert usd == pytest.approx(3600 * memory * 0.0000166667, rel=0.02)
