"""Drivers killed at any call: the next one continues, and nothing is lost or duplicated."""

from copy import deepcopy

import pytest

from pipeline.replays.records import OVER, Replay
from tests.fakes.installation import House
from tests.fakes.memory import Killed


def replay_in_two_windows(house: House) -> Replay:
    """A replay that needs several windows of runs, and reuses one result."""
    house.library(3)
    other = {"params": {"toy": {"text": "other"}}}
    house.replay(videos=[first(house)], **other)
    house.replay(videos=[first(house)], reset=True)
    return house.start(**other)


def first(house: House) -> str:
    return min(pk for pk, sk in house.table.items if sk == "video")


def go_on(house: House, replay: Replay) -> Replay:
    """Run driver and workers to the end; after a crash, leases expire and the janitor runs."""
    for _ in range(40):
        try:
            while house.drive(window=2):
                house.work()
            if house.get(replay).state in OVER:
                return house.get(replay)
            house.lose_seat(replay)
            house.replays.wake_overdue()
        except Killed:
            house.faults.who = None
            house.lose_seat(replay)
            for (pk, sk), item in house.table.items.items():
                if sk.startswith("stage#") and item["state"] == "running":
                    house.free_lease(pk, sk.removeprefix("stage#"))
    raise AssertionError(house.get(replay))


def copy_of(house: House) -> House:
    """Another installation in the same state."""
    copy = House(house.config, uploaded=house.uploaded)
    copy.table.items.update(deepcopy(house.table.items))
    copy.s3.objects.update(house.s3.objects)
    copy.bus.queues.update(deepcopy(house.bus.queues))
    return copy


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("victim", ["driver", "worker"])
def test_a_replay_killed_at_any_call_still_ends_exactly(
    house: House,
    victim: str,
    late: bool,  # noqa: FBT001 - a parameter of the test
):
    replay = replay_in_two_windows(house)
    unharmed = copy_of(house)
    unharmed.faults.arm(victim)
    go_on(unharmed, replay)
    assert unharmed.faults.calls > 20
    for nth in range(1, unharmed.faults.calls + 1):
        again = copy_of(house)
        again.faults.arm(victim, nth, late=late)
        ended = go_on(again, replay)
        toy = ended.progress["toy"]
        assert ended.state == "finished", nth
        assert (toy.asked, sum(toy.ended.values()), ended.open) == (3, 3, []), nth
        assert len(again.successes()) == len(set(again.successes())) == 3, nth
        assert ended.plan.stages["toy"].verdicts == {"run": 2, "reuse": 1}, nth
        assert {again.text(vid) for vid, sk in again.table.items if sk == "video"} == {"other"}
        if victim == "driver":
            assert toy.ended == {"succeeded": 2, "reused": 1}, nth
            assert len(again.toy.seen) == len(set(again.toy.seen)), nth
