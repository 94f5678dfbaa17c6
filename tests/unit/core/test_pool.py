"""The number of hosts that waiting messages start."""

import pytest

from pipeline.core.pool import (
    ANOTHER_AFTER_S,
    GATHERED_START_S,
    MESSAGES_A_HOST,
    hosts_to_start,
    is_due,
)

NOW = 1e9
AT_WORK, FOR_LONG = NOW - 1, NOW - ANOTHER_AFTER_S


@pytest.mark.parametrize(
    ("waiting", "started", "expected"),
    [
        (0, [], 0),
        (1, [], 1),
        (MESSAGES_A_HOST, [], 1),
        (MESSAGES_A_HOST + 1, [], 2),
        (1000, [], 4),
        # One that starts, or has just begun, will take them.
        (1, [None], 0),
        (MESSAGES_A_HOST, [AT_WORK], 0),
        (MESSAGES_A_HOST + 1, [None], 1),
        # All work, and still there is a message: their jobs are long.
        (1, [FOR_LONG], 1),
        (1, [FOR_LONG, None], 0),
        (1, [FOR_LONG] * 4, 0),
        (1000, [FOR_LONG] * 5, 0),
    ],
)
def test_hosts_start_for_the_messages_that_those_there_will_not_take(
    waiting: int, started: list[float | None], expected: int
):
    assert hosts_to_start(waiting, started, most=4, now=NOW) == expected


def test_few_messages_are_gathered_and_many_start_a_host_at_once():
    hour = 3600
    assert is_due(1, gather_s=0, now=hour + 1000)
    assert not is_due(MESSAGES_A_HOST - 1, gather_s=hour, now=hour + 1000)
    assert is_due(MESSAGES_A_HOST, gather_s=hour, now=hour + 1000)
    assert is_due(1, gather_s=hour, now=hour)
    assert is_due(1, gather_s=hour, now=hour + GATHERED_START_S - 1)
    assert not is_due(1, gather_s=hour, now=hour + GATHERED_START_S)
