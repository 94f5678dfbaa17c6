"""Runs in ranges while workers of a new version come and old ones go."""

from collections.abc import Callable
from typing import Any

import pytest

from pipeline.core.settings import Settings
from pipeline.runs.delivery import Outcome
from tests.fakes import rangestage
from tests.fakes.film import Film, Message, RangeStage
from tests.fakes.memory import Killed
from tests.unit.runs.test_spread import CAPITALS, WORDS, request

ALL = dict.fromkeys([*WORDS, *CAPITALS, "merge"], 1)


class Other(rangestage.Params):
    """Parameters of a later version."""

    least: int


def code() -> RangeStage:
    return RangeStage(VERSION="2")


def models() -> RangeStage:
    stage = RangeStage()
    stage.identity = lambda _: {"model": "new"}  # type: ignore[method-assign, assignment]
    return stage


def upgrade(film: Film, stage: RangeStage | None = None) -> RangeStage:
    """Replace the workers; return the stage of the earlier ones."""
    earlier, film.stage = film.stage, stage or code()
    return earlier


def wait(film: Film) -> None:
    """Let it be long that a range ended; workers at their ranges keep their leases."""
    film.table.items[film.video_id, "stage#toy"]["lease_until"] = "0000000001.000"


def parameters() -> RangeStage:
    return RangeStage(Params=Other)


@pytest.mark.parametrize("new", [code, models, parameters])
def test_a_range_is_left_to_workers_of_its_version_while_there_are_any(
    film: Film, new: Callable[[], RangeStage]
):
    film.upload()
    film.until(WORDS[1])
    earlier = upgrade(film, new())
    for _ in range(20):
        assert film.deliver(film.queue.messages[0]) is Outcome.PASSED_ON
    assert [message.receives for message in film.queue.messages] == [0, 0]
    later = upgrade(film, earlier)
    film.work()
    film.check()
    assert (film.stage.done, later.done) == (ALL, {})


@pytest.mark.parametrize("new", [code, models])
@pytest.mark.parametrize("range_", [WORDS[1], CAPITALS[2], "merge"])
def test_a_run_is_planned_again_once_no_worker_of_its_version_is_left(
    film: Film, range_: str, new: Callable[[], RangeStage]
):
    film.upload()
    film.until(range_)
    before = film.state()
    upgrade(film, new())
    film.work()
    film.check()
    assert film.stage.done == ALL
    assert (film.state().event_id, film.state().attempt) == ("upload-1", before.attempt + 1)


def test_a_run_is_not_planned_again_while_a_worker_of_its_version_does_a_range(film: Film):
    film.upload()
    film.until(WORDS[1])
    earlier = film.stage
    seen: list[Any] = []

    def during(name: str) -> None:
        if name == WORDS[1]:
            wait(film)
            upgrade(film)
            seen.append(film.deliver(film.queue.messages[0]))
            seen.append([message.range for message in film.queue.messages])
            upgrade(film, earlier)

    earlier.during = during
    film.work()
    film.check()
    assert seen == [Outcome.PASSED_ON, [WORDS[2]]], "the event was sent"
    assert film.state().attempt == 1


def test_a_range_that_ended_is_counted_by_a_worker_of_any_version(film: Film):
    film.upload()
    message = film.until(CAPITALS[2])
    end = film.catalog.ranges.end

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    film.catalog.ranges.end = die  # type: ignore[method-assign, assignment]
    with pytest.raises(Killed):
        film.deliver(message)
    film.catalog.ranges.end = end  # type: ignore[method-assign]
    upgrade(film)
    assert film.deliver(message) is Outcome.PART
    assert [one.range for one in film.queue.messages] == ["merge"]


def test_a_run_planned_again_has_the_parameters_of_its_request(film: Film):
    film.upload()
    film.work()
    request(film, {"text": "four five"}, replay_id="r")
    film.until(WORDS[1])
    upgrade(film)
    film.work()
    run = film.state()
    assert run.current_result is not None
    assert film.artifacts.read(run.current_result.prefix + "toy.txt") == b"four five Four Five"
    assert run.event_id == "replay:r"


def test_a_shadow_run_planned_again_stays_one(film: Film):
    film.upload()
    film.work()
    request(film, {"text": "four five"}, shadow=True)
    film.until(WORDS[1])
    upgrade(film)
    before = film.state()
    film.work()
    assert film.state() == before
    assert film.state(shadow=True).state == "succeeded"


def test_an_event_that_comes_again_is_left_to_workers_of_its_runs_version(film: Film):
    event = film.upload()
    film.until(WORDS[0])
    film.queue.messages.clear()
    earlier = upgrade(film)
    assert film.deliver(Message(event)) is Outcome.PASSED_ON
    upgrade(film, earlier)
    film.work()
    film.check()
    assert film.state().attempt == 1


def test_a_plan_of_an_unknown_form_is_made_again(film: Film):
    film.upload()
    film.until(WORDS[1])
    upgrade(film)
    (key,) = [key for key in film.s3.objects if key[1].endswith("parts/plan.json")]
    film.s3.objects[key] = (b'{"ranges": []}', {})
    film.work()
    film.check()


def test_a_run_whose_workers_always_leave_fails_after_its_tries(film: Film):
    film.upload()
    for version in "2345":
        film.until(WORDS[1])
        upgrade(film, RangeStage(VERSION=version))
        while film.state().state == "running" and film.queue.messages[0].range != WORDS[0]:
            film.deliver(film.queue.messages[0])
            film.pass_time()
        if film.state().state != "running":
            break
    error = film.state().error
    assert error is not None
    assert error.code == "other_version"
    assert film.state().attempt == film.config.max_attempts
    film.work()
    film.check_gone()


def test_a_worker_killed_at_any_call_while_it_plans_a_run_again_loses_nothing(
    film_settings: Settings,
):
    def upgraded() -> Film:
        film = Film(film_settings)
        film.upload()
        film.until("merge")
        film.pass_time()
        upgrade(film)
        return film

    unharmed = upgraded()
    unharmed.faults.arm("worker")
    while unharmed.queue.messages[0].range != WORDS[0]:
        unharmed.deliver(unharmed.queue.messages[0])
    for nth in range(1, unharmed.faults.calls + 1):
        film = upgraded()
        film.faults.arm("worker", nth)
        film.work()
        film.check()
