"""A run whose work is spread over workers: each range ends once, and then there is a result."""

import json
from typing import Any

import pytest

from pipeline.aws.catalog.ranges import Ranges
from pipeline.core.errors import BadInput, DependencyFailed, TimedOut
from pipeline.core.events import parse
from pipeline.core.range_run import RangeRun
from pipeline.core.settings import Settings
from pipeline.runs.delivery import Delivery, Outcome, Retry
from pipeline.telemetry import metrics
from pipeline.telemetry.context import current
from tests.fakes import aws_events
from tests.fakes.film import Film, Message
from tests.fakes.memory import Killed
from tests.unit.runs.test_announced import Told

WORDS = [f"word-{number:04}" for number in range(3)]
CAPITALS = [f"capital-{number:04}" for number in range(3)]


def request(film: Film, params: dict[str, Any], event_id: str = "again", **detail: Any) -> Message:
    """Put a request to run the stage again into the queue."""
    event = json.loads(aws_events.reprocess(film.video_id, "toy", params, event_id=event_id))
    event["detail"] |= detail
    message = Message(json.dumps(event))
    film.queue.messages.append(message)
    return message


def failing(error: Exception, *names: str) -> Any:
    def during(name: str) -> None:
        if name in names:
            raise error

    return during


# -- a good run ----------------------------------------------------------------------------------


def test_a_run_in_ranges_makes_one_result_and_leaves_nothing_else(film: Film):
    film.upload()
    film.work()
    film.check()
    assert film.stage.done == dict.fromkeys([*WORDS, *CAPITALS, "merge"], 1)
    assert film.queue.groups == {film.video_id: 7}


def test_ranges_are_requested_phase_by_phase(film: Film):
    film.upload()
    seen = []
    while film.queue.messages:
        film.deliver(film.queue.messages[0])
        seen.append([message.range for message in film.queue.messages])
    assert seen == [
        *(WORDS, WORDS[1:], WORDS[2:]),
        *(CAPITALS, CAPITALS[1:], CAPITALS[2:]),
        *(["merge"], []),
    ]


def in_place(film: Film) -> None:
    event = film.upload()
    film.queue.messages.clear()
    assert film.runner().handle(event, Delivery(600)) is Outcome.SUCCEEDED


def test_ranges_make_the_same_files_as_one_process(film: Film, film_settings: Settings):
    film.upload()
    film.work()
    alone = Film(film_settings)
    in_place(alone)
    results = [one.state().current_result for one in (film, alone)]
    contents = [
        {name: one.artifacts.read(result.prefix + name) for name in one.listed(result.prefix)}
        for one, result in zip((film, alone), results, strict=True)
    ]
    for content in contents:
        del content["manifest.json"]
    assert contents[0] == contents[1]
    assert len({(r.fingerprint, r.prefix, *r.labels, str(r.summary)) for r in results}) == 1


def test_an_event_that_was_pushed_is_done_in_one_process_since_it_came_by_no_queue(film: Film):
    in_place(film)
    assert film.queue.messages == []
    assert film.stage.done == dict.fromkeys([*WORDS, *CAPITALS, "merge"], 1)


def test_a_short_video_is_done_by_the_process_that_gets_its_event(film: Film):
    film.upload()
    film.config.params["toy"] = {"text": "one"}
    film.work()
    assert film.queue.groups == {}
    assert film.stage.done == {WORDS[0]: 1, "merge": 1}
    assert film.state().state == "succeeded"


def test_the_cost_of_a_run_is_that_of_its_ranges(film: Film, monkeypatch: pytest.MonkeyPatch):
    clock = iter(range(1000))
    monkeypatch.setattr("pipeline.runs.meter._cpu_seconds", lambda: next(clock))
    film.upload(b"a film")
    film.work()
    result = film.state().current_result
    assert result is not None
    assert result.cost.cpu_seconds == 1 + 6 + 1  # each looks at the clock twice
    # The merge needs none, but finds out whether it could read parts.
    assert (result.cost.bytes_in, result.cost.media_seconds) == (8 * len(b"a film"), 1)
    assert result.cost.files == len(film.listed(result.prefix)) - 1


def test_a_shadow_run_in_ranges_leaves_the_current_result(film: Film):
    film.upload()
    film.work()
    before = film.state()
    request(film, {"text": "four five"}, shadow=True)
    film.work()
    assert film.state() == before
    shadow = film.state(shadow=True)
    assert shadow.state == "succeeded"
    assert shadow.current_result is not None
    assert film.artifacts.read(shadow.current_result.prefix + "toy.txt") == b"four five Four Five"
    assert film.ranges() == []


def test_every_ended_range_moves_the_progress(film: Film):
    film.upload()
    seen = []
    while film.queue.messages:
        film.deliver(film.queue.messages[0])
        run = film.state()
        seen.append((len(run.ended), round(run.percent), run.spread and run.spread.total))
    assert seen == [*((n, round(95 * n / 6), 6) for n in range(7)), (0, 100, None)]


def test_ranges_are_measured_apart_and_the_merge_counts_as_the_run(
    film: Film, monkeypatch: pytest.MonkeyPatch
):
    seen: list[tuple[str, str]] = []

    def sink(metric: Any, _value: float, labels: dict[str, str]) -> None:
        if "outcome" in labels:
            seen.append((metric.name, labels["outcome"]))

    monkeypatch.setattr(metrics, "_sink", sink)
    film.upload()
    film.work()
    assert seen == [
        ("runs_total", "spread"),
        ("run_duration_seconds", "spread"),
        *[("range_duration_seconds", "part")] * 6,
        ("range_duration_seconds", "succeeded"),
        ("runs_total", "succeeded"),
    ]


def test_what_is_logged_of_a_range_names_it_and_the_event_of_its_run(film: Film):
    film.upload()
    seen: list[tuple[str | None, str | None]] = []

    def during(_name: str) -> None:
        seen.append((current().get("range"), current().get("correlation_id")))

    film.stage.during = during
    film.work()
    assert seen == [(name, "upload-1") for name in [*WORDS, *CAPITALS, "merge"]]


# -- messages that come again --------------------------------------------------------------------


def test_an_event_that_comes_again_requests_only_the_ranges_that_have_not_ended(film: Film):
    event = film.upload()
    first = film.until(WORDS[1])
    film.deliver(first)
    film.queue.messages.clear()
    assert film.deliver(Message(event)) is Outcome.SPREAD
    assert [message.range for message in film.queue.messages] == [WORDS[2]]
    film.work()
    film.check()


def test_ranges_whose_queue_did_not_answer_are_requested_when_the_event_comes_again(
    film: Film, monkeypatch: pytest.MonkeyPatch
):
    film.upload()

    def broken(*_: Any, **__: Any) -> None:
        raise DependencyFailed("not_sent", "The queue took none of them.")

    with monkeypatch.context() as patch:
        patch.setattr(film.queue, "send", broken)
        assert film.deliver(film.queue.messages[0]) is None
    assert film.state().spread is not None
    film.work()
    film.check()


def test_another_event_waits_for_hours_before_it_counts_as_undeliverable(film: Film):
    film.upload()
    film.until(WORDS[0])
    film.pass_time()
    event = request(film, {"text": "other words"})
    waits = []
    for receives in range(1, film.config.topology.queues.max_receive_count):
        with pytest.raises(Retry) as retry:
            film.runner().handle(event.body, Delivery(60, receives=receives, queue=film.queue))
        waits.append(retry.value.seconds)
    assert waits[0] >= 60
    assert sum(waits) > 6 * 3600
    assert max(waits) <= 12 * 3600  # SQS's limit on a visibility timeout
    assert film.state().event_id == "upload-1"


def test_a_second_worker_of_a_range_waits_for_the_first(film: Film):
    film.upload()
    message = film.until(WORDS[0])
    waits = []

    def look(_name: str) -> None:
        with pytest.raises(Retry) as retry:
            film.runner().handle(message.body, Delivery(60, queue=film.queue))
        waits.append(retry.value.seconds)

    film.stage.during = look
    assert film.deliver(message) is Outcome.PART
    assert film.config.lease_s - 30 < waits[0] <= film.config.lease_s + 1
    assert film.stage.done[WORDS[0]] == 1


# -- ranges that fail ----------------------------------------------------------------------------


def test_a_range_that_fails_for_good_fails_the_run_and_names_its_time_span(film: Film):
    film.upload()
    film.stage.during = failing(BadInput("unreadable", "The picture is damaged."), WORDS[1])
    film.work()
    error = film.state().error
    assert error is not None
    assert (film.state().state, error.failure_class, error.code) == (
        *("failed", "bad_input", "unreadable"),
    )
    assert error.message == (
        "The picture is damaged. It happened between 0:01:00 and 0:02:00 of the video."
    )
    film.check_gone()


def test_a_merge_that_fails_says_so(film: Film):
    film.upload()
    film.stage.during = failing(TimedOut("deadline", "It took too long."), "merge")
    film.work()
    error = film.state().error
    assert error is not None
    assert error.message == "It took too long. It happened while the parts were merged."
    film.check_gone()


def test_a_temporary_failure_repeats_its_range_only(film: Film):
    film.upload()
    failures = [DependencyFailed("aws_error", "S3 was unavailable.")] * 2

    def during(name: str) -> None:
        if name == WORDS[1] and failures:
            raise failures.pop()

    film.stage.during = during
    film.work()
    film.check()
    assert film.stage.done[WORDS[1]] == film.config.max_attempts
    assert film.stage.done.total() == 7 + 2


def test_a_temporary_failure_that_lasts_fails_the_run(film: Film):
    film.upload()
    film.stage.during = failing(DependencyFailed("aws_error", "S3 was unavailable."), CAPITALS[0])
    film.work()
    assert film.stage.done[CAPITALS[0]] == film.config.max_attempts
    error = film.state().error
    assert error is not None
    assert "0:00:00 and 0:01:00" in error.message
    film.check_gone()


@pytest.mark.parametrize(
    ("killing", "where"),
    [(WORDS[2], "between 0:02:00 and 0:03:00"), ("merge", "while the parts were merged")],
)
def test_a_range_or_merge_that_kills_its_process_every_time_fails_the_run_and_is_named(
    film: Film, killing: str, where: str
):
    film.upload()

    def during(name: str) -> None:
        if name == killing:
            raise Killed

    film.stage.during = during
    film.work()
    error = film.state().error
    assert error is not None
    assert (error.failure_class, error.code) == ("lost", "gave_up")
    assert "3 times" in error.message
    assert where in error.message
    film.check_gone()


def test_a_range_that_was_pushed_requests_the_next_phase_from_the_queue_of_its_run(
    film: Film, monkeypatch: pytest.MonkeyPatch
):
    film.upload()
    last = film.until(WORDS[2])
    film.queue.messages.clear()
    monkeypatch.setattr("pipeline.runs.range_run.Queue", lambda _: film.queue)
    assert film.runner().handle(last.body, Delivery(600)) is Outcome.PART
    assert [message.range for message in film.queue.messages] == CAPITALS


# -- sources that change -------------------------------------------------------------------------


@pytest.mark.parametrize("range_", [WORDS[0], WORDS[2], CAPITALS[1], "merge"])
def test_a_source_replaced_in_the_middle_ends_the_run_as_superseded(film: Film, range_: str):
    film.upload()
    film.until(range_)
    bucket = film.config.names.uploads_bucket
    film.s3.put_object(Bucket=bucket, Key="videos/film.mp4", Body=b"another")
    film.work()
    assert film.state().state == "superseded"
    film.check_gone()


def test_a_source_deleted_in_the_middle_ends_the_run_as_superseded(film: Film):
    film.upload()
    film.until(WORDS[1])
    film.remove()
    film.work()
    assert film.state().state == "superseded"
    film.check_gone()


@pytest.mark.parametrize("range_", [WORDS[0], WORDS[2], CAPITALS[1], "merge"])
def test_a_later_upload_ends_the_ranges_of_the_earlier_one(film: Film, range_: str):
    film.upload()
    film.until(range_)
    film.upload(b"a later cut")
    film.queue.messages.insert(0, film.queue.messages.pop())  # the later event comes first
    film.work()
    film.check()
    assert film.state().sequencer > "0" * 17 + "2"
    assert film.stage.done["merge"] == 1


# -- replays -------------------------------------------------------------------------------------


@pytest.mark.parametrize("range_", [WORDS[0], CAPITALS[1], "merge"])
def test_a_cancelled_replay_ends_its_run_and_the_earlier_result_stays(film: Film, range_: str):
    film.upload()
    film.work()
    before = film.state().current_result
    files = film.stored()
    request(film, {"text": "four five six"}, replay_id="r")
    film.until(range_)
    film.cancelled.add("r")
    film.work()
    run = film.state()
    assert (run.state, run.current_result) == ("succeeded", before)
    assert (film.stored(), film.ranges()) == (files, [])


def test_a_cancelled_replay_of_a_video_without_a_result_fails_its_run(film: Film):
    film.upload()
    film.stage.during = failing(BadInput("unreadable", "No."), WORDS[0])
    film.work()
    film.stage.during = lambda _: None
    request(film, {"text": "four five six"}, replay_id="r")
    film.until(WORDS[1])
    film.cancelled.add("r")
    film.work()
    error = film.state().error
    assert error is not None
    assert error.code == "cancelled"
    film.check_gone()


# -- workers that are paused or killed -----------------------------------------------------------


def test_a_worker_that_wakes_after_its_range_was_taken_over_changes_nothing(film: Film):
    film.upload()
    message = film.until(WORDS[1])
    taken: list[Any] = []

    def during(name: str) -> None:
        if name == WORDS[1] and film.stage.done[name] == 1:
            film.pass_time()
            taken.append(film.deliver(Message(message.body)))
            taken.append((film.state(), film.stored()))

    film.stage.during = during
    assert film.deliver(message) is None
    assert taken == [Outcome.PART, (film.state(), film.stored())]
    film.work()
    film.check()
    assert film.stage.done[WORDS[1]] == 2


def test_a_worker_that_wakes_after_the_run_has_ended_leaves_no_files(film: Film):
    film.upload()
    message = film.until(WORDS[1])
    woken: list[str] = []

    def during(name: str) -> None:
        if name == WORDS[1] and not woken:
            woken.append(name)
            film.pass_time()
            film.queue.messages.append(Message(message.body))
            film.work()
            film.check()

    film.stage.during = during
    assert film.deliver(message) is Outcome.SUPERSEDED
    film.check()


def test_a_range_that_ends_after_its_run_failed_leaves_no_files(film: Film):
    film.upload()
    message = film.until(WORDS[1])

    def during(name: str) -> None:
        if name == WORDS[2]:
            raise BadInput("unreadable", "The picture is damaged.")
        if name == WORDS[1]:
            film.work()
            assert film.state().state == "failed"

    film.stage.during = during
    assert film.deliver(message) is Outcome.SUPERSEDED
    film.check_gone()


def test_a_failure_of_a_worker_that_was_taken_over_ends_nothing(film: Film):
    film.upload()
    message = film.until(WORDS[1])

    def during(name: str) -> None:
        if name == WORDS[1] and film.stage.done[name] == 1:
            film.pass_time()
            assert film.deliver(Message(message.body)) is Outcome.PART
            raise BadInput("late", "Too late to matter.")

    film.stage.during = during
    assert film.deliver(message) is None
    film.work()
    film.check()


def test_a_merge_that_was_taken_over_completes_no_result(film: Film):
    film.upload()
    message = film.until("merge")
    made: list[dict[Any, Any]] = []

    def during(_name: str) -> None:
        if not made:
            made.append({})
            film.pass_time()
            assert film.deliver(Message(message.body)) is Outcome.SUCCEEDED
            made.append(dict(film.s3.objects))

    film.stage.during = during
    assert film.deliver(message) is Outcome.SUPERSEDED
    assert film.s3.objects == made[1]
    film.check()


def test_a_merge_whose_run_is_over_meanwhile_leaves_no_files(film: Film):
    film.upload()
    message = film.until("merge")

    def during(_name: str) -> None:
        if film.uploads == 1:
            film.upload(b"a later cut")
            film.work()

    film.stage.during = during
    assert film.deliver(message) is Outcome.SUPERSEDED
    film.check()


def test_a_merge_that_fails_after_its_result_was_recorded_is_told(
    film: Film, monkeypatch: pytest.MonkeyPatch
):
    told = Told(film.catalog, film.faults)
    film.upload()
    message = film.until("merge")

    succeed = film.catalog.succeed

    def fails_after(*given: Any, **more: Any) -> None:
        succeed(*given, **more)
        raise DependencyFailed("aws_error", "DynamoDB did not answer.")

    monkeypatch.setattr(film.catalog, "succeed", fails_after)
    assert film.deliver(message) is Outcome.SUPERSEDED  # no message of the run is left
    assert told.kinds == ["Stage Succeeded"]
    film.check()


def test_a_range_that_is_claimed_after_its_run_has_ended_leaves_the_result_whole(
    film: Film, monkeypatch: pytest.MonkeyPatch
):
    film.upload()
    message = film.until(WORDS[1])
    claim = Ranges.claim

    def late(*given: Any, **more: Any) -> RangeRun:
        monkeypatch.setattr(Ranges, "claim", claim)
        film.queue.messages.append(Message(message.body))
        film.work()
        return claim(*given, **more)

    monkeypatch.setattr(Ranges, "claim", late)
    assert film.deliver(message) is Outcome.SUPERSEDED
    assert film.stage.done[WORDS[1]] == 1, "it writes no file of a former attempt's name"
    film.check()


def test_a_merge_that_is_claimed_after_its_copy_has_ended_leaves_no_range(
    film: Film, monkeypatch: pytest.MonkeyPatch
):
    film.upload()
    message = film.until("merge")
    claim = Ranges.claim

    def late(*given: Any, **more: Any) -> RangeRun:
        monkeypatch.setattr(Ranges, "claim", claim)
        assert film.deliver(Message(message.body)) is Outcome.SUCCEEDED
        return claim(*given, **more)

    monkeypatch.setattr(Ranges, "claim", late)
    assert film.deliver(message) is Outcome.SUPERSEDED
    assert film.stage.done["merge"] == 1, "it reads and writes no file"
    film.check()


def test_files_of_a_run_that_is_over_are_not_deleted_while_its_merge_may_still_write(film: Film):
    film.upload()
    late = Message(film.until(WORDS[0]).body)
    message = film.until("merge")
    seen: list[bool] = []

    def during(_name: str) -> None:
        if not seen:
            film.upload(b"a later cut")
            film.deliver(film.queue.messages[0])
            before = film.stored()
            assert film.deliver(late) is None
            seen.append(film.stored() == before)

    film.stage.during = during
    assert film.deliver(message) is Outcome.SUPERSEDED
    assert seen == [True]
    film.work()
    assert film.state().state == "succeeded"
    # The earlier upload's result was complete before its run was found to be over.
    keys = {key for _, key in film.s3.objects if key.startswith("artifacts/")}
    prefixes = {key.removesuffix("manifest.json") for key in keys if "manifest" in key}
    assert len(prefixes) == 2
    assert keys == {prefix + name for prefix in prefixes for name in film.listed(prefix)}


def abandon(film: Film, message: Message, killed: Any, receipt: str = "r") -> bool:
    return film.runner().abandon(message.body, killed, "It was killed.", receipt=receipt)


@pytest.fixture
def died(film: Film) -> Message:
    """The message of a range whose process was killed, and whose lease still lasts."""
    film.upload()
    message = film.until(WORDS[1])

    def die(_name: str) -> None:
        raise Killed

    film.stage.during = die
    with pytest.raises(Killed):
        film.deliver(message, receipt="r")
    film.stage.during = lambda _: None
    return message


@pytest.mark.parametrize(("killed", "tries"), [("crashed", 1), ("stopped", 0)])
def test_a_killed_process_gives_its_range_back(film: Film, died: Message, killed: Any, tries: int):
    assert abandon(film, died, killed) is False
    (range_,) = [one for one in film.catalog.ranges.all(parse(died.body)) if one.name == WORDS[1]]
    assert (range_.state, range_.tries) == ("pending", tries)
    film.work()
    film.check()


@pytest.mark.parametrize("killed", ["timeout", "out_of_memory"])
def test_a_range_that_would_be_killed_again_fails_the_run(film: Film, died: Message, killed: Any):
    assert abandon(film, died, killed) is True
    error = film.state().error
    assert error is not None
    assert error.message == "It was killed. It happened between 0:01:00 and 0:02:00 of the video."
    film.work()
    film.check_gone()


def test_a_worker_that_was_taken_over_never_ends_its_successors_range(film: Film, died: Message):
    assert abandon(film, died, "timeout", receipt="another") is False
    film.work()
    film.check()
    assert abandon(film, died, "timeout") is False
    film.check()


def test_the_host_of_a_process_that_had_spread_its_run_leaves_the_run_alone(film: Film):
    event = film.upload()
    film.deliver(film.queue.messages[0], receipt="r")
    assert film.runner().abandon(event, "crashed", "It ended.", receipt="r") is False
    film.work()
    film.check()


def test_a_message_about_a_run_that_is_not_spread_deletes_nothing(film: Film):
    """Only a forged message can be one: its attempt is that of a run in one process."""
    film.upload()
    message = film.until(WORDS[0])
    film.work()
    request(film, {"text": "alone"})
    forged = json.loads(message.body)

    def during(_name: str) -> None:
        run = film.state()
        forged["detail"] |= {"attempt": run.attempt, "fingerprint": run.tried}
        before = film.stored()
        assert film.deliver(Message(json.dumps(forged))) is Outcome.IGNORED
        assert film.stored() == before

    film.stage.during = during
    film.work()
    assert film.state().state == "succeeded"
