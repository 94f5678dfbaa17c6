"""A function behind its queue agrees with cases whose answers are known."""

import math
from dataclasses import replace
from functools import partial
from random import Random

import pytest

from benchmarks.simulation.clock import Clock
from benchmarks.simulation.function import Account, Function
from tests.unit.benchmarks.simulation.known import FREE, Served, message


def test_the_waits_behind_several_servers_are_those_of_erlang():
    clock, chance = Clock(), Random(7)  # noqa: S311 - a simulation
    servers, load = 10, 0.85
    served = Served(clock, lambda: chance.expovariate(1.0))
    function = Function("x", clock, Account(servers), FREE, served)
    at = 0.0
    for _ in range(30_000):
        at += chance.expovariate(servers * load)
        one = message()
        one.sent = one.visible = at
        clock.at(at, partial(function.send, one))
    clock.run()
    offered = servers * load
    tail = offered**servers / math.factorial(servers) / (1 - load)
    erlang_c = tail / (sum(offered**k / math.factorial(k) for k in range(servers)) + tail)
    expected = erlang_c / (servers * (1 - load))
    assert sum(served.waits) / len(served.waits) == pytest.approx(expected, rel=0.1)
    assert sum(wait > 0 for wait in served.waits) / len(served.waits) == pytest.approx(
        erlang_c, rel=0.05
    )


def test_a_mapping_starts_with_five_calls_and_adds_five_a_second():
    clock = Clock()
    served = Served(clock, lambda: 1000.0)
    function = Function("x", clock, Account(math.inf), replace(FREE, pollers_first=5), served)
    for _ in range(25):
        function.send(message())
    clock.run()
    expected = [0.0] * 5 + [number / 5 for number in range(1, 21)]
    assert served.begun == pytest.approx(expected, abs=1e-6)


def test_a_mapping_keeps_its_calls_while_messages_wait():
    clock = Clock()
    served = Served(clock, lambda: 10.0)
    limits = replace(FREE, pollers_first=5, mapping=10)
    function = Function("x", clock, Account(math.inf), limits, served)
    for _ in range(30):
        function.send(message())
    clock.run()
    wave = [0.0] * 5 + [number / 5 for number in range(1, 6)]
    expected = [10.0 * number + start for number in range(3) for start in wave]
    assert served.begun == pytest.approx(expected, abs=1e-6)


def test_new_environments_are_limited_and_warm_ones_are_used_again():
    clock = Clock()
    served = Served(clock, lambda: 1.0)
    limits = replace(FREE, starts=10, cold=True)
    function = Function("x", clock, Account(math.inf), limits, served)
    for _ in range(12):
        function.send(message())
    clock.at(100.0, partial(function.send, message()))
    clock.run()
    assert function.cold_starts == 12
    assert served.begun[-1] == 100.0
    assert function.starts.waited > 0
