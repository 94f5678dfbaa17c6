"""Spread runs whose messages were lost: requested again, and ended if that does not help."""

import json
import time

import pytest

from pipeline.aws import clients as aws
from pipeline.aws.catalog.table import epoch_key
from pipeline.runs.delivery import Outcome
from tests.fakes.film import Film, Message
from tests.unit.runs.test_spread import WORDS


@pytest.fixture
def lost(film: Film) -> Film:
    """A film of which one range has ended, and the messages of the others are lost."""
    film.upload()
    film.deliver(film.until(WORDS[0]))
    film.queue.messages.clear()
    film.pass_time()
    return film


def test_the_ranges_of_a_run_without_messages_are_requested_again(lost: Film):
    assert lost.janitor().tidy() == 0
    assert [message.range for message in lost.queue.messages] == [None]
    lost.work()
    lost.check()
    assert lost.stage.done[WORDS[0]] == 1


def test_a_run_whose_messages_are_lost_again_and_again_ends(lost: Film):
    for _ in range(3):
        assert lost.janitor().tidy() == 0
        assert len(lost.queue.messages) == 1
        lost.queue.messages.clear()
        lost.pass_time()
    assert lost.janitor().tidy() == 1
    error = lost.state().error
    assert error is not None
    assert (error.failure_class, error.code) == ("lost", "lost")
    assert "1 of 6 ranges" in error.message
    lost.work()
    lost.check_gone()


def test_a_range_that_ends_counts_as_news(lost: Film):
    for _ in range(2):
        lost.janitor().tidy()
        lost.queue.messages.clear()
        lost.pass_time()
    assert lost.state().rounds == 2
    lost.janitor().tidy()
    lost.until(WORDS[1])
    lost.deliver(lost.queue.messages[0])
    assert lost.state().rounds == 0


def test_a_run_is_left_alone_while_a_range_is_at_work(film: Film):
    film.upload()
    message = film.until(WORDS[0])

    def look(_name: str) -> None:
        film.queue.messages.clear()
        run_key = (film.video_id, "stage#toy")
        film.table.items[run_key]["lease_until"] = "0000000001.000"
        for _ in range(5):
            assert film.janitor().tidy() == 0
        assert film.queue.messages == []
        assert film.state().rounds == 0

    film.stage.during = look
    assert film.deliver(message) is Outcome.PART


def test_a_run_whose_messages_wait_behind_others_is_left_alone(film: Film):
    film.upload()
    film.until(WORDS[0])
    waiting = list(film.queue.messages)
    for _ in range(5):
        film.pass_time()
        assert film.janitor().tidy() == 0
    assert film.queue.messages == waiting
    assert film.state().rounds == 0


def test_a_run_in_progress_is_not_looked_at(film: Film):
    film.upload()
    film.until(WORDS[0])
    before = film.state()
    assert film.janitor().tidy() == 0
    assert film.state() == before


def test_a_queue_that_does_not_answer_does_not_keep_the_janitor_from_its_work(
    lost: Film, monkeypatch: pytest.MonkeyPatch
):
    def unreachable() -> bool:
        raise aws.ERRORS[0]

    monkeypatch.setattr(lost.queue, "is_empty", unreachable)
    assert lost.janitor().tidy() == 0
    assert lost.state().state == "running"


# -- messages in the dead-letter queue -----------------------------------------------------------


def test_a_dead_lettered_range_ends_the_run_that_waits_for_it(film: Film):
    film.upload()
    dead = film.until(WORDS[1])
    film.queue.messages.clear()
    assert film.janitor([dead.body]).tidy() == 1
    error = film.state().error
    assert error is not None
    assert (error.failure_class, error.code) == ("lost", "undeliverable")
    film.work()
    film.check_gone()
    assert film.janitor([dead.body]).tidy() == 0


def test_a_dead_lettered_copy_of_a_range_that_ended_or_is_at_work_ends_nothing(film: Film):
    film.upload()
    ended, working = film.until(WORDS[0]).body, film.until(WORDS[1]).body

    def look(_name: str) -> None:
        assert film.janitor([ended, working]).tidy() == 0

    film.stage.during = look
    film.deliver(Message(working))
    film.stage.during = lambda _: None
    film.work()
    film.check()


def test_the_dead_lettered_event_of_a_run_that_was_spread_ends_nothing(film: Film):
    event = film.upload()
    film.until(WORDS[1])
    film.table.items[film.video_id, "stage#toy"]["lease_until"] = epoch_key(time.time() - 1)
    assert film.janitor([event], grace_s=60).tidy() == 0
    film.work()
    film.check()


def test_a_dead_lettered_range_of_an_earlier_attempt_ends_nothing(film: Film):
    film.upload()
    dead = json.loads(film.until(WORDS[1]).body)
    dead["detail"]["attempt"] = 7
    assert film.janitor([json.dumps(dead)]).tidy() == 0
