"""Limits that are exceeded, and values to request."""

import pytest

from pipeline.core.errors import BadInput
from pipeline.core.stage import load
from pipeline.costs import Workload, paces, quotas, report
from pipeline.costs.concurrency import loads
from pipeline.costs.quotas import Check
from tests.fakes.priced import PRICES, TOPOLOGY, pace

NEW_ACCOUNT = "new account"


def hit(*stages: object, **work: object) -> dict[tuple[str | None, str], Check]:
    """Return exceeded limits of an account that is not new."""
    return {key: one for key, one in met(*stages, **work).items() if NEW_ACCOUNT not in key[1]}


def met(*stages: object, **work: object) -> dict[tuple[str | None, str], Check]:
    workload = Workload(**{"videos_per_day": 100, "peak": 1, **work})
    heavy = loads(stages or (pace(),), workload)
    found = quotas.checks(heavy, workload, PRICES, TOPOLOGY)
    return {(one.stage, one.limit): one for one in found if one.hit}


def test_a_small_installation_meets_no_limit():
    assert hit() == {}


def test_a_range_longer_than_an_execution_may_be_is_shortened_or_goes_to_gpu_hosts():
    check = hit(pace("thumbnail"), minutes=15)["thumbnail", "an execution, s"]
    assert (check.needed, check.allowed) == (900, 840)
    assert "range_s" in check.advice
    assert "compute.host" in check.advice


def test_a_film_of_hours_fits_executions_because_each_does_a_range():
    assert ("transcode", "an execution, s") not in hit(minutes=180)


def test_a_run_longer_than_its_own_deadline_has_a_later_one_while_lambda_allows_it(
    monkeypatch: pytest.MonkeyPatch,
):
    brief = TOPOLOGY.stages["thumbnail"].model_copy(update={"timeout_s": 300})
    monkeypatch.setitem(TOPOLOGY.stages, "thumbnail", brief)
    # Of 15 minutes, with a quarter to spare, up to 12.
    advice = {
        seconds: hit(pace("thumbnail", cpu=seconds / 600))["thumbnail", "an execution, s"].advice
        for seconds in (360, 720, 730)
    }
    assert advice[360] == "timeout_s = 450 in pipeline/core/topology.json"
    assert advice[720] == "timeout_s = 900 in pipeline/core/topology.json"
    assert "shorten range_s" in advice[730]


def test_more_at_once_than_the_installation_allows_is_a_variable():
    # 86,400 a day for 5 minutes: 300 at once, 341 at most.
    found = hit(videos_per_day=86_400, minutes=5)
    check = found.pop(("transcode", "maximum concurrency"))
    assert (check.allowed, check.needed) == (176, 341)
    assert check.advice == "compute.live_concurrency = 430"
    assert found == {}


def test_more_at_once_than_a_mapping_takes_cannot_be_asked_for():
    check = hit(videos_per_day=4 * 86_400, minutes=5)["transcode", "maximum concurrency"]
    assert "1000 at most" in check.advice


def test_the_accounts_concurrency_is_the_sum_over_stages():
    # Three stages of 300 and 0.5 queries: 950.5 on average, more in one moment of a hundred.
    stages = [pace(stage) for stage in ("transcode", "transcribe", "detect")]
    found = hit(*stages, videos_per_day=86_400, minutes=5.2)
    check = found[None, "Lambda concurrency"]
    # 3 * 312 + 2.326 * sqrt(936) = 1007.2
    assert (check.allowed, check.needed) == (1000, 1008)
    assert check.advice == "ask for 1,300"


def test_queries_have_their_share_of_the_accounts_concurrency():
    # 20,000 a second for 50 ms are 1,000, and 1,074 in one moment of a hundred.
    check = hit(queries_per_day=20_000 * 86_400)[None, "Lambda concurrency"]
    assert check.needed == 1075


def test_a_flood_meets_lambdas_rates_of_growth():
    found = hit(videos_per_day=101 * 86_400, minutes=1)
    check = found["transcode", "new executions in 10 s"]
    assert (check.needed, check.allowed) == (pytest.approx(1010), 1000)
    check = found["transcode", "new executions in a minute"]
    assert (check.needed, check.allowed) == (pytest.approx(6060), 300)
    # 6,060 + 2.326 * sqrt(6060) = 6,242 executions, 300 more each minute.
    assert "21 minutes" in check.advice


def test_what_grows_no_larger_than_it_needs_to_be_meets_no_rate():
    # 150 a second, but of a second each: 150 at once.
    found = hit(pace(cpu=1 / 60), videos_per_day=150 * 86_400, minutes=1)
    assert not any("new executions" in limit for _, limit in found)


def test_a_queue_holds_so_many_in_flight():
    stages = [pace(stage) for stage in ("transcode", "detect")]  # each has a queue of its own
    check = hit(*stages, videos_per_day=300 * 86_400, minutes=7)[None, "SQS messages in flight"]
    assert (check.allowed, check.needed) == (120_000, 126_826)


@pytest.mark.parametrize(
    ("limit", "needed", "advice"),
    [
        ("API requests a second", 20_000, "throttle.rate = 25,000"),
        ("API Gateway requests a second", 20_000, "ask for 25,000"),
    ],
)
def test_queries_meet_the_throttle_first(limit: str, needed: int, advice: str):
    check = hit(queries_per_day=10_000 * 86_400, peak=2)[None, limit]
    assert (check.needed, check.advice) == (needed, advice)


@pytest.mark.parametrize(
    ("limit", "allowed", "needed"),
    [
        ("EventBridge invocations a second", 18_750, 20_000),
        ("PutEvents a second, to replay a day's uploads in an hour", 10_000, 240_000),
        # 19 + 5 * 60 / 20 + 3 * 12 = 70 units a run.
        ("DynamoDB units written a second", 40_000, 1_400_000),
    ],
)
def test_events_and_records_have_their_limits(limit: str, allowed: int, needed: float):
    check = hit(videos_per_day=10_000 * 86_400, peak=2, minutes=1)[None, limit]
    assert (check.allowed, check.needed) == (allowed, pytest.approx(needed))


def test_gpu_hosts_need_a_quota_that_new_accounts_have_not():
    stages = [pace("transcribe"), pace("detect")]
    found = hit(*stages, gpu_stages=frozenset({"transcribe", "detect"}), videos_per_day=10)
    (check,) = found.values()
    # One host serves both; it has 4 vCPUs.
    assert (check.limit, check.allowed, check.needed) == ("vCPUs of G instances", 0, 4)
    assert check.advice == "ask for 4, On-Demand and Spot each"


def test_more_gpu_hosts_than_the_installation_allows_is_a_variable():
    # 8,640 a day for a minute each: 6 at once, 12 at most.
    found = hit(pace("detect"), gpu_stages=frozenset({"detect"}), videos_per_day=8640)
    assert found[None, "GPU hosts"].advice == "gpu.max_hosts = 12"


def test_what_runs_on_gpu_hosts_needs_nothing_of_lambda():
    found = met(pace(cpu=9, gpu=9), gpu_stages=frozenset({"transcode"}), videos_per_day=86_400)
    assert not any("Lambda" in limit or NEW_ACCOUNT in limit for _, limit in found)
    assert ("transcode", "an execution, s") not in found


def test_a_new_account_has_far_less_of_lambda():
    # Two stages of 10 at once: 20 on average, 31 in one moment of a hundred.
    found = met(pace("thumbnail"), pace(), videos_per_day=14_400, minutes=1)
    assert set(found) == {
        (None, f"Lambda concurrency, {NEW_ACCOUNT}"),
        ("transcode", f"memory, {NEW_ACCOUNT}, MB"),
    }
    check = found[None, f"Lambda concurrency, {NEW_ACCOUNT}"]
    assert (check.allowed, check.needed) == (10, 31)
    assert check.advice.endswith("ask for the default, 1,000")
    check = found["transcode", f"memory, {NEW_ACCOUNT}, MB"]
    assert (check.allowed, check.needed) == (3008, 4096)
    assert check.advice == "ask for 10,240, or compute.memory_mb = 3008"


def test_what_is_allowed_is_no_limit_that_is_hit():
    given = {"limit": "hosts", "allowed": 4, "advice": ""}
    assert [Check(needed=needed, **given).hit for needed in (4, 4.1)] == [False, True]


def test_an_execution_does_a_range_and_half_at_most_or_the_whole_video():
    module = load(TOPOLOGY.stages["transcode"].module)
    range_s = module.Params().range_s
    assert [quotas._share(module, times * range_s) for times in (1, 15)] == [1, 0.1]


def test_what_is_asked_for_leaves_a_quarter():
    assert [quotas.ask(needed) for needed in (1, 8, 100, 1008)] == [2, 10, 130, 1300]


def test_a_stage_that_is_not_there_is_named():
    work = Workload(gpu_stages=frozenset({"dance"}))
    with pytest.raises(BadInput, match="no stage dance, but transcode") as caught:
        report(paces([], TOPOLOGY, mbps=1), work, PRICES, TOPOLOGY)
    assert caught.value.code == "unknown_stage"
