"""Spread runs with workers killed at any call, and messages copied and reordered: one result each.

``SEEDS`` in the environment raises the number of orders that are tried.
"""

import os
import random

import pytest

from pipeline.core.errors import DependencyFailed
from pipeline.core.ranges import MERGE
from pipeline.core.settings import Settings
from pipeline.runs.sources import Opened
from tests.fakes.film import STAGE, Film
from tests.fakes.memory import Killed
from tests.fakes.rangestage import Params
from tests.unit.runs.test_announced import Told

SEEDS = int(os.environ.get("SEEDS", "30"))


class Brief(Params):
    """Parameters with two ranges a phase."""

    text: str = "one two"


def test_a_run_killed_at_any_call_makes_one_result_told_with_one_id_and_leaves_nothing_else(
    film_settings: Settings,
):
    def armed(nth: int | None = None) -> tuple[Film, Told]:
        film = Film(film_settings, Brief)
        told = Told(film.catalog, film.faults)
        film.upload()
        film.faults.arm("worker", nth)
        film.work()
        return film, told

    unharmed, _ = armed()
    assert unharmed.faults.calls > 60
    for nth in range(1, unharmed.faults.calls + 1):  # a death after a call is one before the next
        film, told = armed(nth)
        film.check()
        assert film.stage.done.total() <= 5 + 1, "a crash repeats one range at most"
        assert set(told.kinds) == {"Stage Succeeded"}, nth
        assert len(told.ids) == 1, nth
        assert told.sent[0][1]["stage"] == STAGE


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


@pytest.mark.parametrize("name", [None, "word-0000", MERGE])
def test_nothing_comes_of_a_source_that_could_not_be_read(
    film_settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str | None
):
    """A stage may take the failure of a program for the end of the media."""

    def check(_: Opened) -> None:
        raise DependencyFailed("short_read", "It broke off.")

    film = Film(film_settings, Brief)
    film.upload()
    message = film.until(name)
    before = film.state().ended if name else frozenset()
    monkeypatch.setattr(Opened, "check", check)
    assert film.deliver(message) is None
    run = film.state()
    assert (run.spread is not None, run.ended) == (name is not None, before)
    assert run.state != "succeeded"
