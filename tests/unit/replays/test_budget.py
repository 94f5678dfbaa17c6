"""A budget stops a replay before it is exceeded."""

import pytest

from pipeline.core.errors import BadInput, InvalidArgument, MissingDependency
from pipeline.replays.records import Replay
from pipeline.replays.request import MOST_USD
from tests.fakes.installation import House, OneDollar, fail

OTHER = {"params": {"toy": {"text": "other"}}}


def rest(house: House, replay: Replay, window: int = 1) -> Replay:
    for _ in range(40):
        if not house.drive(window=window):
            return house.get(replay)
        house.work()
    raise AssertionError(house.get(replay))


def test_a_plan_over_budget_does_not_start_and_says_why(house: House):
    house.library(3)
    now = house.replay(budget_usd=2.5, **OTHER)
    assert (now.state, now.asked) == ("planned", 0)
    assert now.reason is not None
    assert "3.0000" in now.reason
    assert "2.5000" in now.reason
    assert house.wakes == []


def test_a_request_to_run_with_the_same_budget_is_rejected(house: House):
    house.library(3)
    now = house.replay(budget_usd=2.5, **OTHER)
    with pytest.raises(BadInput) as refused:
        house.replays.ask(now.replay_id, "run")
    assert refused.value.code == "over_budget"
    assert "3.0000" in refused.value.message
    assert house.finish(now).state == "planned"
    house.replays.ask(now.replay_id, "run", budget_usd=3)
    done = house.finish(now)
    assert (done.state, done.reason, done.ended) == ("finished", None, 3)


def test_a_request_to_run_before_the_plan_is_complete_does_not_exceed_the_budget(house: House):
    house.library(3)
    replay = house.start(budget_usd=2.5, dry_run=True, **OTHER)
    house.replays.ask(replay.replay_id, "run")
    now = house.finish(replay)
    assert (now.state, now.asked) == ("planned", 0)
    assert now.reason


def test_a_replay_costlier_than_planned_pauses_before_it_exceeds_the_budget(house: House):
    house.library(4)
    house.estimator = OneDollar(real=2)
    replay = house.start(budget_usd=4.5, **OTHER)
    now = rest(house, replay)
    assert now.state == "paused"
    assert now.reason is not None
    assert "4.5000" in now.reason
    assert (now.spent.usd, now.ended, now.open) == (4, 2, [])
    assert len(house.toy.seen) == 6
    house.replays.ask(replay.replay_id, "run", budget_usd=100)
    done = rest(house, replay)
    assert (done.state, done.reason, done.ended) == ("finished", None, 4)
    assert len(house.toy.seen) == 8


def test_a_replay_resumed_with_too_small_a_budget_runs_nothing(house: House):
    house.library(4)
    house.estimator = OneDollar(real=2)
    replay = house.start(budget_usd=4.5, **OTHER)
    rest(house, replay)
    with pytest.raises(BadInput) as refused:
        house.replays.ask(replay.replay_id, "run")
    assert refused.value.code == "over_budget"
    house.replays.ask(replay.replay_id, "run", budget_usd=4.6)
    now = rest(house, replay)
    assert (now.state, now.spent.usd) == ("paused", 4)
    assert now.reason


def test_open_runs_count_against_the_budget(house: House):
    house.library(4)
    replay = house.start(**OTHER)
    house.drive()
    house.replays.ask(replay.replay_id, "run", budget_usd=2)
    house.drive(4)
    now = house.get(replay)
    assert (len(now.open), now.state, now.reason) == (2, "running", None)
    now = rest(house, replay)
    assert (now.ended, now.open, now.state) == (2, [], "paused")
    assert now.reason


def test_failed_runs_count_against_the_budget(house: House):
    house.library(4)
    house.toy.run_ = fail(MissingDependency("no_model", "no"))
    replay = house.start(budget_usd=4, **OTHER)
    house.estimator.real = 3
    now = rest(house, replay)
    assert (now.state, now.progress["toy"].ended, now.spent.usd) == ("paused", {"failed": 2}, 6)


def test_reused_results_cost_nothing(house: House):
    house.library(3)
    house.replay(**OTHER)
    done = house.replay(budget_usd=0, reset=True)
    assert (done.state, done.progress["toy"].ended) == ("finished", {"reused": 3})


def test_a_replay_cheaper_than_planned_continues_by_itself(house: House):
    house.library(3)
    house.estimator = OneDollar(real=0.1)
    replay = house.start(**OTHER)
    house.drive()
    house.replays.ask(replay.replay_id, "run", budget_usd=2.5)
    assert rest(house, replay, window=200).ended == 3


@pytest.mark.parametrize("usd", [-1, 2e9, float("inf"), float("nan")])
def test_a_new_budget_that_is_no_sum_of_money_is_rejected(house: House, usd: float):
    replay = house.start(dry_run=True, **OTHER)
    with pytest.raises(InvalidArgument, match="bad_budget"):
        house.replays.ask(replay.replay_id, "run", budget_usd=usd)
    assert house.get(replay).request.budget_usd is None


@pytest.fixture
def capped(house: House) -> House:
    """Return a house whose replays cost 2.5 USD at most."""
    return House(house.config.model_copy(update={"max_replay_usd": 2.5}))


def test_a_replay_without_a_budget_has_the_installations_limit(capped: House):
    capped.library(3)
    now = capped.replay(**OTHER)
    assert (now.state, now.request.budget_usd) == ("planned", 2.5)
    assert now.reason


def test_a_limit_above_all_budgets_leaves_a_replay_readable(house: House):
    limited = House(house.config.model_copy(update={"max_replay_usd": float("inf")}))
    replay = limited.start(dry_run=True, **OTHER)
    assert limited.get(replay).request.budget_usd == MOST_USD


def test_a_budget_above_the_installations_limit_is_rejected(capped: House):
    with pytest.raises(InvalidArgument, match=r"2\.5 at most") as refused:
        capped.start(budget_usd=2.6, **OTHER)
    assert refused.value.code == "budget_above_limit"
    assert list(capped.replays.newest()) == []


def test_a_resumption_cannot_exceed_the_installations_limit(capped: House):
    capped.library(3)
    now = capped.replay(budget_usd=1, **OTHER)
    with pytest.raises(InvalidArgument, match="budget_above_limit"):
        capped.replays.ask(now.replay_id, "run", budget_usd=3)
    assert capped.get(now).request.budget_usd == 1


def test_a_replay_started_before_there_was_a_limit_resumes_within_it(house: House, capped: House):
    replay = house.start(dry_run=True, **OTHER)
    capped.replays._table = house.replays._table
    assert capped.replays.ask(replay.replay_id, "run").request.budget_usd == 2.5
