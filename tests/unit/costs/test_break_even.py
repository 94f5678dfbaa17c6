"""Break-even points of two ways, and the cheaper one beyond."""

import pytest

from pipeline.costs import Workload, break_even, month
from pipeline.costs.break_even import Hosts, Way, compare
from pipeline.costs.concurrency import loads
from pipeline.costs.hour import StageHour
from tests.fakes.priced import PRICES, TOPOLOGY, WORK, pace


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


def test_of_several_meetings_the_last_one_counts():
    values = {0.0: 1.0, 1.0: -1.0, 2.0: 1.0, 3.0: -1.0, 4.0: -2.0}
    assert break_even._last_root(values.__getitem__, [*values]) == (2.5, False)
    # Beyond the last point it is linear, as between the last two.
    values = {0.0: 1.0, 1.0: -1.0, 2.0: -0.5}
    assert break_even._last_root(values.__getitem__, [*values]) == (3.0, True)
    # The first two points alone would lead to zero at 5, beyond their segment.
    values = {0.0: 5.0, 1.0: 4.0, 2.0: 4.5}
    assert break_even._last_root(values.__getitem__, [*values]) == (None, True)


def stage_hours(**usd: float) -> dict[str, StageHour]:
    """Return an hour of video on Lambda, by stage; a tenth of it on a GPU host."""
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
PACES = {stage: pace(stage, gpu=0.05) for stage in TOPOLOGY.stages}
DETECT_ON_GPU = WORK.model_copy(update={"minutes": 10, "gpu_stages": frozenset({"detect"})})


def test_an_always_on_host_is_compared_for_what_a_gpu_helps_and_for_all():
    helped, everything = break_even.always_on(PRICES, TOPOLOGY, PACES, HOURS, WORK)
    assert helped.instead_of == ["transcribe", "detect"]
    # 399.98 a month against 0.36 an hour; one host does 730 / 0.1 hours.
    assert helped.hours == pytest.approx(1111.06, rel=1e-4)
    assert (helped.cheaper, helped.limit) == ("theirs", pytest.approx(7300))
    assert everything.instead_of == list(TOPOLOGY.stages)
    assert everything.limit == pytest.approx(3650)


def test_where_a_gpu_helps_all_stages_they_are_compared_once():
    stages = {name: spec for name, spec in TOPOLOGY.stages.items() if spec.gpu}
    topology = TOPOLOGY.model_copy(update={"stages": stages})
    ways = list(break_even.always_on(PRICES, topology, PACES, HOURS, WORK))
    assert [way.instead_of for way in ways] == [["transcribe", "detect"]]


def test_where_a_gpu_helps_no_stage_they_are_compared_once():
    stages = {name: spec for name, spec in TOPOLOGY.stages.items() if not spec.gpu}
    topology = TOPOLOGY.model_copy(update={"stages": stages})
    ways = list(break_even.always_on(PRICES, topology, PACES, HOURS, WORK))
    assert [way.instead_of for way in ways] == [["transcode", "thumbnail"]]


def test_where_only_spot_has_a_price_hosts_are_paid_by_it_and_none_is_always_on():
    spot = {PRICES.assumed.gpu_instance: {"spot": 0.3}}
    prices = PRICES.model_copy(
        update={
            "assumed": PRICES.assumed.model_copy(update={"market": "spot"}),
            "gpu_instances": PRICES.gpu_instances.model_copy(update={"hour": spot}),
        }
    )
    assert list(break_even.always_on(prices, TOPOLOGY, PACES, HOURS, WORK)) == []
    # A twentieth of an hour, with a disk of 200 GB at 0.08 a month.
    work = DETECT_ON_GPU.with_hours(1e6)
    assert Hosts(prices, PACES.values(), work).an_hour() == pytest.approx(0.0161, rel=1e-3)


@pytest.mark.parametrize("minutes", [1e-3, 10, 1e7])
def test_the_points_of_hosts_rise_whatever_the_length_of_videos(minutes: float):
    work = DETECT_ON_GPU.model_copy(update={"minutes": minutes})
    points = Hosts(PRICES, PACES.values(), work).points()
    assert points == sorted(set(points))
    # Four hosts for 730 hours, which take a twentieth of the video's length.
    assert points[-2] >= 0.999 * 4 * 730 / 0.05


def found(work: Workload, idle_usd: float = 21) -> dict[str, break_even.BreakEven]:
    return {one.name: one for one in break_even.managed(PRICES, PACES, HOURS, work, idle_usd)}


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
    assert way.theirs.hour == pytest.approx(3.15 + 0.36 + 6)  # the cheaper speech service
    assert way.ours.hour == pytest.approx(0.6 + 0.03)


def bill(work: Workload, idle_usd: float = 21) -> float:
    """Return a month's bill for one stage: idle cost, its work, and its requests."""
    stages = {"detect": HOURS["detect"]}
    found = loads([PACES["detect"]], work)
    lines = month.month(PRICES, work, found, stages, idle_usd=idle_usd, million_queries=[])
    return sum(line.usd for line in lines if line.what in {"idle", "detect", "requests"})


@pytest.mark.parametrize("minutes", [10, 30])
def test_a_stage_on_gpu_hosts_meets_another_way_where_the_months_bills_do(minutes: float):
    work = DETECT_ON_GPU.model_copy(update={"minutes": minutes})
    way = found(work)["Rekognition Video"]
    assert (way.cheaper, way.theirs) == ("ours", Way(month=0, hour=6))
    assert bill(work.with_hours(way.hours)) == pytest.approx(way.hours * 6, rel=0.05)
    for times in (2, 10, 1000):
        more = way.hours * times
        assert bill(work.with_hours(more)) < more * 6


def test_hosts_that_come_one_by_one_may_meet_another_way_late():
    # Transcribe takes 1.44 an hour: by then all four hosts never end, and cost 1,600 a month.
    work = WORK.model_copy(update={"minutes": 10, "gpu_stages": frozenset({"transcribe"})})
    way = found(work)["Transcribe"]
    assert way.hours * 1.44 == pytest.approx(
        21 + 0.01 * way.hours + load_usd(work, way.hours), rel=0.02
    )
    for hours in (way.hours * 1.2, way.hours * 5):
        assert 21 + 0.01 * hours + load_usd(work, hours) < hours * 1.44


def load_usd(work: Workload, hours: float) -> float:
    return Hosts(PRICES, PACES.values(), work).month(hours)


def test_what_is_said_of_here_is_an_hour_of_the_workloads_month():
    work = DETECT_ON_GPU.model_copy(update={"videos_per_day": 20})
    ours = found(work)["Rekognition Video"].ours
    assert ours.month + work.video_hours_a_month * ours.hour == pytest.approx(bill(work))


def test_beyond_the_hosts_that_may_be_an_hour_costs_what_a_busy_host_does():
    work = DETECT_ON_GPU.with_hours(1e6)
    # A twentieth of an hour of host at 0.547918, and requests of 0.01.
    assert found(work)["Rekognition Video"].ours.hour == pytest.approx(0.0374, rel=1e-3)


def test_an_always_on_host_is_compared_with_hosts_that_come_and_go():
    helped, _ = break_even.always_on(PRICES, TOPOLOGY, PACES, HOURS, DETECT_ON_GPU)
    # transcribe is on Lambda, at 0.18 an hour.
    lines = 0.18 * helped.hours + load_usd(DETECT_ON_GPU, helped.hours)
    assert (helped.cheaper, lines) == ("theirs", pytest.approx(399.98, rel=0.05))
    assert helped.ours.hour > 0.18 + 0.05 * 0.547918
    assert helped.hours < 1111


def test_services_for_stages_that_are_not_there_are_left_out():
    ways = list(break_even.managed(PRICES, PACES, stage_hours(detect=1), WORK, 21))
    assert [way.name for way in ways] == ["Rekognition Video"]
