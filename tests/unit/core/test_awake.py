"""Clocks of time awake: sleep and stops do not count as work, and are noticed."""

from pipeline.core.awake import Awake, Wakes


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_time_between_looks_counts_and_a_long_stop_counts_as_a_few_seconds():
    clock = Clock()
    awake = Awake(clock)
    for _ in range(20):
        clock.now += 1
        awake.seconds()
    assert awake.seconds() == 20
    clock.now += 3600
    assert awake.seconds() == awake.seconds() == 25


def test_sleep_is_noticed_once():
    clock = Clock()
    wakes = Wakes(60, clock)
    clock.now += 59
    assert not wakes.look()
    clock.now += 3600
    assert wakes.look()
    assert not wakes.look()
