"""Time, limits a second and queues keep their rules."""

from functools import partial
from random import Random

import pytest

from benchmarks.simulation.clock import Clock
from benchmarks.simulation.distribution import Distribution, quantiles
from benchmarks.simulation.queue import Queue
from benchmarks.simulation.rate import Rate
from tests.unit.benchmarks.simulation.known import message


def test_equal_times_keep_their_order():
    clock, seen = Clock(), []
    for number in range(5):
        clock.at(1.0, partial(seen.append, number))
    clock.at(0.5, partial(seen.append, "first"))
    clock.run()
    assert seen == ["first", 0, 1, 2, 3, 4]


def test_draws_have_the_mean_of_the_quantiles():
    known = Distribution(quantiles=(1.0, 2.0, 6.0), how="given")
    chance = Random(1)  # noqa: S311 - a simulation
    values = [known.draw(chance) for _ in range(20_000)]
    assert min(values) >= 1
    assert max(values) <= 6
    assert sum(values) / len(values) == pytest.approx(known.mean, rel=0.02)


def test_quantiles_include_the_least_and_the_greatest_value():
    assert quantiles([3.0, 1.0, 2.0], 2) == (1.0, 2.0, 3.0)
    assert quantiles([4.0], 2) == (4.0, 4.0, 4.0)


def test_a_rate_spaces_requests_out():
    rate = Rate("x", 10.0)
    assert [rate.take(0.0) for _ in range(3)] == pytest.approx([0.0, 0.1, 0.2])
    assert rate.take(5.0) == 5.0
    assert rate.waited == pytest.approx(0.3)


def test_a_burst_is_served_at_once():
    rate = Rate("x", 100.0, burst=1000.0)
    assert rate.take(0.0, 1000) == 0.0
    assert rate.take(0.0) == pytest.approx(0.0)
    assert rate.take(0.0) == pytest.approx(0.01)


def test_a_film_becomes_noisy_and_clips_pass_it():
    queue = Queue(fair=True)
    for _ in range(100):
        queue.send(message(group=1))
    for _ in range(30):
        assert queue.receive(0.0).group == 1
    clip = message()
    queue.send(clip)
    assert queue.receive(0.0) is clip
    assert queue.receive(0.0).group == 1


def test_without_fair_queues_the_oldest_message_is_first():
    queue = Queue(fair=False)
    sent = [message(group=1) for _ in range(100)] + [message()]
    for one in sent:
        queue.send(one)
    assert [queue.receive(0.0) for _ in sent] == sent


def test_a_group_of_few_long_messages_is_noisy_too():
    queue = Queue(fair=True)
    slow, quick = message(group=1), message(group=2)
    for one, seconds in ((slow, 95.0), (quick, 5.0)):
        queue.send(one)
        queue.end(queue.receive(0.0), 0.0, seconds)
    first, clip = message(group=1), message(group=2)
    queue.send(first)
    queue.send(clip)
    assert queue.receive(0.0) is clip
    assert queue.receive(0.0) is first
