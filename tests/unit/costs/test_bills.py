"""Bills, compared with figures computed by hand from the list prices."""

from typing import Any

import pytest

from pipeline.costs import Workload, hour, idle, month, queries, search
from pipeline.costs.concurrency import loads
from pipeline.costs.lines import Line, total
from tests.fakes.priced import PRICES, TOPOLOGY, WORK, pace, usd

GPU = WORK.model_copy(update={"gpu_stages": frozenset({"transcribe", "detect"})})


def near(amount: float) -> Any:
    return pytest.approx(amount, rel=1e-3)


def test_an_idle_month_is_paid_for_alarms_and_polling():
    lines = idle.idle(PRICES, TOPOLOGY, WORK)
    # 8 functions * 4, 4 stages * 2, 7 sets of lanes * 2, the API: 55 at 0.10.
    assert usd(lines, "alarms") == near(5.5)
    # 12 mappings * 5 polls in 20 s: 7.884 million requests at 0.40.
    assert usd(lines, "polling") == near(3.1536)
    # 43,800 ticks: 6,570 GB-s 0.0876, requests 0.00876, 394,200 reads 0.0493, 350,400 SQS
    # requests 0.14016, 0.0438 GB of logs 0.0219, traces 0.219, schedule 0.0438.
    assert usd(lines, "janitor") == near(0.5705)
    assert usd(lines, "images") == near(0.05)
    assert total(lines) == near(9.274)


def test_an_idle_month_costs_less_than_ten_dollars():
    for work in (WORK, GPU):
        assert total(idle.idle(PRICES, TOPOLOGY, work)) < 10


def test_a_stage_on_gpu_hosts_has_no_function_that_polls():
    lines = idle.idle(PRICES, TOPOLOGY, GPU)
    # 6 functions * 4, 4 stages * 2, 7 sets * 2, the API: 47.
    assert usd(lines, "alarms") == near(4.7)
    # 8 mappings.
    assert usd(lines, "polling") == near(2.1024)
    # The janitor's looks at 4 queues.
    assert usd(lines, "janitor") == near(0.5705 + 43_800 * 4 * 0.4e-6)
    # The image with PyTorch besides that of Lambda.
    assert usd(lines, "images") == near(0.45)


def test_what_keeps_hosts_warm_costs_while_it_waits():
    lines = list(idle.warm(PRICES, TOPOLOGY))
    # 6 GB for 2,628,000 s at 0.0000041667.
    assert usd(lines, "detect: a provisioned execution") == near(65.70)
    assert usd(lines, "thumbnail: a provisioned execution") == near(21.90)
    # 8760 times: 0.6 GB-s at 0.0000166667, a request, and the schedule at a millionth.
    assert usd(lines, "a warm-up every 5 minutes") == near(0.09811)
    # 1769 / 1024 GB for 730 * 3600 s at 0.0000015046.
    assert usd(lines, "SnapStart of the API, for each of its versions") == near(6.831)
    assert usd(lines, "the dashboard") == 3
    # 730 h at 0.526, and 200 GB at 0.08.
    assert usd(lines, "a GPU host that never ends, On-Demand") == near(399.98)
    assert usd(lines, "a GPU host that never ends, Spot") == near(176.60)


def test_an_hour_of_video_costs_its_time_on_each_kind_of_host():
    found = hour.stage_hour(PRICES, TOPOLOGY.stages["transcode"], pace(), WORK)
    # 3600 s of 4 GB at 0.0000166667, and a request.
    assert found.on_lambda == near(0.24)
    # A tenth of an hour at 0.526, and of a disk of 200 GB at 0.08 a month.
    assert found.on_host == {"on_demand": near(0.0547918), "spot": near(0.0241918)}
    # 3601 PUTs 0.018005, 3 GETs 0.0000012; an event and 183 SQS requests 0.0000742;
    # 8 reads 0.000001 and 19 + 5 * 180 + 3 * 20 = 979 writes 0.000611875.
    assert found.requests == near(0.018693)
    assert found.stored_month == near(0.023)


def test_short_videos_cost_more_messages_and_records():
    minute = WORK.model_copy(update={"minutes": 1})
    one, many = (
        hour.stage_hour(PRICES, TOPOLOGY.stages["transcode"], pace(files=0), work)
        for work in (WORK, minute)
    )
    # 60 runs with 3 heartbeats each, instead of one with 180, and 60 times the other writes.
    assert one.on_lambda == near(many.on_lambda)
    assert many.requests / one.requests == pytest.approx(4.7, rel=0.01)


def test_video_is_kept_and_watched_by_its_size():
    kept = hour.kept_and_watched(
        PRICES, [hour.stage_hour(PRICES, TOPOLOGY.stages["transcode"], pace(), WORK)] * 2, WORK
    )
    assert usd(kept, "the upload, kept a month") == near(0.023)
    assert usd(kept, "its artifacts, kept a month") == near(0.046)
    # 1 GB at 0.085, and 1200 requests at a dollar a million.
    assert usd(kept, "watched once") == near(0.0862)


def test_a_million_queries():
    lines = queries.million(PRICES)
    assert usd(lines, "API Gateway") == 1
    # 0.05 s * 1.7275 GB at 0.0000133334, a million times, and the requests.
    assert usd(lines, "Lambda") == near(1.3517)
    assert usd(lines, "DynamoDB") == near(0.625)
    assert usd(lines, "CloudFront") == near(1 + 10e9 / 2**30 * 0.085)
    assert usd(lines, "logs") == near(1.5e9 / 2**30 * 0.5)
    assert usd(lines, "X-Ray") == near(0.25)


def bill(work: Workload, **stages: float) -> list[Line]:
    """Return a month's bill for stages of a pace on CPUs; a tenth of it on a GPU."""
    paces = [pace(stage, cpu=cpu, gpu=cpu / 10) for stage, cpu in stages.items()]
    hours = {
        one.stage: hour.stage_hour(PRICES, TOPOLOGY.stages[one.stage], one, work) for one in paces
    }
    found = loads(paces, work)
    million = [Line(what="a million", usd=5)]
    return list(month.month(PRICES, work, found, hours, idle_usd=21, million_queries=million))


def test_a_month_is_the_hours_of_video_that_came():
    work = WORK.model_copy(update={"views": 2, "queries_per_day": 1000})
    lines = bill(work, transcode=1)
    hours = 730 / 24
    assert usd(lines, "idle") == 21
    assert usd(lines, "transcode") == near(hours * 0.24)
    assert usd(lines, "requests") == near(hours * 0.018693)
    # Upload and artifacts, a GB each.
    assert usd(lines, "storage") == near(hours * 0.046)
    assert usd(lines, "delivery") == near(hours * 2 * 0.0862)
    assert usd(lines, "queries") == near(hours * 1000 / 1e6 * 5)


def test_gpu_hosts_are_paid_for_while_they_stand():
    work = WORK.model_copy(update={"gpu_stages": frozenset({"detect"})})
    lines = bill(work, detect=1)
    # An hour of video a day: 6 minutes of work, and 8.5 around them (test_hosts.py).
    (line,) = [one for one in lines if one.what == "detect"]
    assert line.usd == pytest.approx(730 * 14.5 / 1440 * 0.547918, rel=0.03)
    assert line.note.endswith(" hours of g4dn.xlarge, On-Demand")


def test_each_combination_of_dimensions_is_a_metric_that_is_paid_for():
    one, two = (
        usd(bill(WORK, **stages), "metrics")
        for stages in ({"detect": 1}, {"detect": 1, "transcode": 1})
    )
    # Of a stage: its runs by stage 1, class 1, outcome 2; durations 2, of ranges 2; waits, media,
    # retries, models, cold starts and faults 1 each: 14 at 0.30.
    assert two - one == near(4.2)


def test_the_peak_changes_no_bill():
    steady, peaky = (bill(WORK.model_copy(update={"peak": peak}), detect=1) for peak in (1, 9))
    assert steady == peaky


def test_search_is_paid_for_what_it_writes_and_reads():
    hours, asked = search.lines(PRICES)
    # 710 units at 0.625 for a million, a thousand times; 650 at 0.125.
    assert hours.usd == near(0.44375)
    assert asked.usd == near(0.08125)
