"""Spread runs with workers killed at any call, and messages copied and reordered: one result each.

``SEEDS`` in the environment raises the number of orders that are tried.
"""

import os
import random

import pytest

from pipeline.core.settings import Settings
from tests.fakes.film import Film
from tests.fakes.memory import Killed

SEEDS = int(os.environ.get("SEEDS", "30"))


def test_a_run_killed_at_any_call_makes_one_result_and_leaves_nothing_else(
    film_settings: Settings,
):
    unharmed = Film(film_settings)
    unharmed.upload()
    unharmed.faults.arm("worker")
    unharmed.work()
    assert unharmed.faults.calls > 80
    for nth in range(1, unharmed.faults.calls + 1):  # a death after a call is one before the next
        film = Film(film_settings)
        film.upload()
        film.faults.arm("worker", nth)
        film.work()
        film.check()
        assert film.stage.done.total() <= 7 + 1, "a crash repeats one range at most"


@pytest.mark.parametrize("seed", range(SEEDS))
def test_copied_and_reordered_messages_of_workers_that_die_and_wake_make_one_result(
    film_settings: Settings, seed: int
):
    rng = random.Random(seed)  # noqa: S311 - no secret depends on it
    film = Film(film_settings.model_copy(update={"max_attempts": 100}))
    film.upload()
    deaths = 6

    def during(_name: str) -> None:
        """While one worker is at its range, others go on, or it dies, or its lease expires."""
        nonlocal deaths
        if deaths and rng.random() < 0.2:
            deaths -= 1
            raise Killed
        for _ in range(rng.choice([0, 0, 1, 3])):
            if not film.queue.messages:
                return
            message = rng.choice(film.queue.messages)
            if rng.random() < 0.3:
                film.queue.messages.append(type(message)(message.body))  # a copy
            if rng.random() < 0.3:
                film.pass_time()
            try:
                film.deliver(message)
            except Killed:
                film.pass_time()

    film.stage.during = during
    while film.queue.messages:
        film.work(rng, most=1000)
    film.check()
