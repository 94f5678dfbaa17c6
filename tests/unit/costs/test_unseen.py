"""Estimates of videos that nobody has opened: their lengths follow from their bytes."""

import pytest

from pipeline.aws.catalog.timings import Timing, Totals
from pipeline.core.topology import Topology
from pipeline.costs.estimator import Estimator
from pipeline.costs.run_price import Prices
from pipeline.costs.unseen import Unseen

TOPOLOGY = Topology.read()
PRICES = Prices.read()


def unseen(*recorded: Timing) -> Unseen:
    return Unseen(Estimator(recorded, PRICES, TOPOLOGY), recorded)


def timing(*, media_seconds: float, bytes_in: int, seconds: float) -> Timing:
    cost = {"seconds": seconds, "media_seconds": media_seconds, "bytes_in": bytes_in}
    totals = Totals(runs=1, gpu_seconds=seconds, cpu_seconds=1, bytes_out=10, **cost)
    return Timing(month="2026-11", stage="detect", version="1", identity={}, totals=totals)


def test_a_guess_takes_a_megabyte_for_a_second():
    spec = TOPOLOGY.stages["detect"].guess
    found, measured = unseen().estimate("detect", videos=4, size=400_000_000)
    assert not measured
    assert found.seconds == pytest.approx(400 * spec.seconds_per_media_second)
    assert found.usd > 0


def test_recorded_runs_tell_the_length_of_a_byte_and_the_time_of_a_second():
    known = unseen(timing(media_seconds=100, bytes_in=1000, seconds=50))
    found, measured = known.estimate("detect", videos=2, size=4000)
    assert measured
    assert found.seconds == pytest.approx(200)  # 400 s of media, at half its length
    assert (found.gpu_seconds, found.bytes_out) == (pytest.approx(200), 40)


@pytest.mark.parametrize(("media_seconds", "bytes_in"), [(0, 1000), (100, 0)])
def test_runs_without_a_length_or_without_bytes_tell_no_length(media_seconds: float, bytes_in: int):
    known = unseen(timing(media_seconds=media_seconds, bytes_in=bytes_in, seconds=50))
    assert known._bytes_a_second == 1e6
    assert known.estimate("detect", videos=1, size=4000)[1]


def test_a_bucket_of_many_costs_as_many_times_as_much():
    one, _ = unseen().estimate("transcode", videos=1, size=10_000_000)
    many, _ = unseen().estimate("transcode", videos=1000, size=10_000_000_000)
    assert many.usd == pytest.approx(1000 * one.usd)


def test_no_videos_cost_nothing():
    found, _ = unseen().estimate("detect", videos=0, size=0)
    assert found.usd == 0
