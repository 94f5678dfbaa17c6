"""Where two ways cost the same, and which is cheaper beyond."""

import pytest

from pipeline.costs import Workload, break_even
from pipeline.costs.break_even import Way, compare
from pipeline.costs.hour import StageHour
from tests.unit.costs.house import PRICES, TOPOLOGY, WORK, pace


@pytest.mark.parametrize(
    ("ours", "theirs", "hours", "cheaper"),
    [
        # 20 a month and 1 an hour against 3 an hour: equal at 10 hours.
        ((20, 1), (0, 3), 10, "ours"),
        ((20, 3), (0, 1), None, "theirs"),
        ((0, 1), (400, 0), 400, "theirs"),
        ((0, 1), (400, 2), None, "ours"),
        ((20, 1), (0, 1), None, "theirs"),
        ((0, 1), (20, 1), None, "ours"),
    ],
)
def test_two_lines_meet_once_or_never(
    ours: tuple[float, float], theirs: tuple[float, float], hours: float | None, cheaper: str
):
    one, other = (Way(month=month, hour=hour) for month, hour in (ours, theirs))
    found = compare("other", ["toy"], one, other)
    assert (found.hours, found.cheaper) == (hours, cheaper)
    if hours:
        assert one.month + hours * one.hour == pytest.approx(other.month + hours * other.hour)


def stage_hours(**usd: float) -> dict[str, StageHour]:
    """An hour of video on Lambda, by stage; a tenth of it on a GPU host."""
    return {
        stage: StageHour(
            stage=stage,
            on_lambda=amount,
            on_host={"on_demand": amount / 10, "spot": amount / 20},
            requests=0.01,
            stored_month=0.1,
        )
        for stage, amount in usd.items()
    }


HOURS = stage_hours(transcode=0.24, thumbnail=0.01, transcribe=0.18, detect=0.18)


def test_an_always_on_host_is_compared_for_what_a_gpu_helps_and_for_all():
    paces = {stage: pace(stage, gpu=0.05) for stage in TOPOLOGY.stages}
    helped, everything = break_even.always_on(PRICES, TOPOLOGY, paces, HOURS)
    assert helped.instead_of == ["transcribe", "detect"]
    # 399.98 a month against 0.36 an hour; one host does 730 / 0.1 hours.
    assert helped.hours == pytest.approx(1111.06, rel=1e-4)
    assert (helped.cheaper, helped.limit) == ("theirs", pytest.approx(7300))
    assert everything.instead_of == list(TOPOLOGY.stages)
    assert everything.limit == pytest.approx(3650)


def test_where_a_gpu_helps_all_stages_they_are_compared_once():
    stages = {name: spec for name, spec in TOPOLOGY.stages.items() if spec.gpu}
    topology = TOPOLOGY.model_copy(update={"stages": stages})
    ways = list(
        break_even.always_on(PRICES, topology, {name: pace(name) for name in stages}, HOURS)
    )
    assert [way.instead_of for way in ways] == [["transcribe", "detect"]]


def found(work: Workload, idle_usd: float = 21) -> dict[str, break_even.BreakEven]:
    return {one.name: one for one in break_even.managed(PRICES, HOURS, work, idle_usd)}


def test_a_managed_service_has_no_month_and_this_project_its_idle_one():
    way = found(WORK)["Rekognition Video"]
    assert (way.theirs, way.ours.month) == (Way(month=0, hour=6), 21)
    assert way.ours.hour == pytest.approx(0.19)
    assert (way.hours, way.cheaper) == (pytest.approx(21 / 5.81), "ours")


def test_services_that_also_keep_and_send_are_compared_with_store_and_delivery():
    way = found(WORK.model_copy(update={"views": 2}))["Cloudflare Stream"]
    # 60 minutes at 0.005 kept, and twice at 0.001 sent.
    assert way.theirs.hour == pytest.approx(0.42)
    # 0.25 computed, 0.1 kept, and a GB twice by CloudFront.
    assert way.ours.hour == pytest.approx(0.35 + 2 * 0.0862)


def test_those_that_only_process_are_added_up():
    way = found(WORK)["these together"]
    assert way.instead_of == ["transcode", "transcribe", "detect"]
    assert way.theirs.hour == pytest.approx(3.15 + 1.44 + 6)
    assert way.ours.hour == pytest.approx(0.6 + 0.03)


def test_a_stage_counts_where_the_workload_has_it():
    on_gpu = WORK.model_copy(update={"gpu_stages": frozenset({"detect"})})
    assert found(on_gpu)["Rekognition Video"].ours.hour == pytest.approx(0.028)


def test_services_for_stages_that_are_not_there_are_left_out():
    ways = list(break_even.managed(PRICES, stage_hours(detect=1), WORK, 21))
    assert [way.name for way in ways] == ["Rekognition Video"]
