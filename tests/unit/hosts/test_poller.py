"""The messages that a replay lane takes beside live work."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from pipeline.core.settings import Settings
from pipeline.hosts.worker.functions import Function
from pipeline.hosts.worker.lane import Record
from pipeline.hosts.worker.load import Load
from pipeline.hosts.worker.paused import Paused
from pipeline.hosts.worker.poller import Poller
from pipeline.hosts.worker.runtime import Failed, Response

MESSAGE: Record = {"messageId": "m", "receiptHandle": "r", "body": "{}"}
SQS = SimpleNamespace(meta=SimpleNamespace(region_name="eu-west-1"))
AWAY = EndpointConnectionError(endpoint_url="http://127.0.0.1:1")


class Waits(threading.Event):
    """An event that records the waits for it, and is set by the last of them."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self.seconds: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout)
        if len(self.seconds) == self._most:
            self.set()
        return self.is_set()


class OneMessage:
    """A lane with one message; ``meanwhile`` is called while the worker waits for it."""

    def __init__(self, meanwhile: Callable[[], Any]) -> None:
        self._meanwhile = meanwhile
        self.calls: list[str] = []

    def receive(self) -> Record:
        self.calls.append("receive")
        self._meanwhile()
        return MESSAGE

    def is_empty(self) -> bool:
        return False

    def give_back(self, _: Record) -> None:
        self.calls.append("give back")

    def delete(self, _: Record) -> None:
        self.calls.append("delete")


class Loads:
    """A runtime; ``meanwhile`` is called while its child loads the handler."""

    def __init__(self, meanwhile: Callable[[], Any]) -> None:
        self._meanwhile = meanwhile
        self.slept = False

    def look(self) -> None:
        pass

    def has_slept(self) -> bool:
        slept, self.slept = self.slept, False
        return slept

    def start(self) -> Failed | None:
        self._meanwhile()
        return None

    def invoke(self, _: Any) -> Response:
        return Response(None)

    def close(self) -> None:
        pass


@pytest.fixture
def load() -> Load:
    return Load(cores=2)


@pytest.fixture
def live_begins(load: Load) -> Iterator[Callable[[], Any]]:
    """Return a function that begins a live job, which lasts until the test's end."""
    job = Function("transcode", "no.handler", 1, 1)
    with ExitStack() as jobs:
        yield lambda: jobs.enter_context(load.running(job))


def turn(
    load: Load,
    lane: str,
    *,
    loading: Callable[[], Any] = int,
    waiting: Callable[[], Any] = int,
    paused: set[tuple[str, str]] | None = None,
) -> list[str]:
    """Return a host's calls to its lane in one poll."""
    function = Function("detect", "no.handler", 1, 1, lane=lane)
    stopping = threading.Event()
    names = set[tuple[str, str]]() if paused is None else paused

    def read() -> set[tuple[str, str]]:
        if names:
            stopping.set()  # a host looks at a paused queue again and again
        return names

    held = Paused(read)
    host = Poller(Settings(), function, lambda *_: False, SQS, 1, load, held, stopping)
    host.runtime = Loads(loading)
    messages = OneMessage(waiting)
    host._open = lambda: messages
    turns = host._poll

    def once(open_lane: Any) -> None:
        turns(open_lane)
        stopping.set()

    host._poll = once
    host.run()
    return messages.calls


def test_a_replay_is_run_on_an_idle_worker(load):
    assert turn(load, "replay") == ["receive", "delete"]


def test_no_replay_message_is_taken_if_live_work_began_while_its_child_was_loaded(
    load, live_begins
):
    assert turn(load, "replay", loading=live_begins) == []


def test_a_replay_message_that_arrives_during_live_work_is_given_back(load, live_begins):
    assert turn(load, "replay", waiting=live_begins) == ["receive", "give back"]


def test_live_work_is_run_beside_other_live_work(load, live_begins):
    assert turn(load, "live", waiting=live_begins) == ["receive", "delete"]


def test_no_message_is_taken_from_a_paused_queue(load):
    assert turn(load, "live", paused={("detect", "live")}) == []


def test_the_other_lane_of_a_paused_queue_is_served():
    reads: list[int] = []

    def read() -> set[tuple[str, str]]:
        reads.append(1)
        return {("detect", "replay")}

    paused = Paused(read)
    assert not paused.holds(Function("detect", "no.handler", 1, 1, lane="live"))
    assert paused.holds(Function("detect", "no.handler", 1, 1, lane="replay"))
    assert len(reads) == 1, "all pollers of a worker read them together"


def test_a_message_that_arrives_when_its_queue_is_being_paused_is_given_back(load):
    names: set[tuple[str, str]] = set()

    def pause() -> None:
        names.add(("detect", "live"))

    assert turn(load, "live", waiting=pause, paused=names) == ["receive", "give back"]


def test_while_paused_queues_cannot_be_read_the_last_ones_count(monkeypatch):
    answers = iter([{("detect", "live")}, None, set[tuple[str, str]]()])

    def read() -> set[tuple[str, str]]:
        found = next(answers)
        if found is None:
            raise AWAY
        return found

    monkeypatch.setattr("pipeline.hosts.worker.paused._EVERY_S", 0)
    paused, function = Paused(read), Function("detect", "no.handler", 1, 1)
    assert [paused.holds(function) for _ in range(3)] == [True, True, False]


def test_a_lane_rests_from_its_first_empty_look_until_a_message_comes(load):
    stopping = threading.Event()
    function = Function("detect", "no.handler", 1, 1)
    host = Poller(Settings(), function, lambda *_: False, SQS, 1, load, Paused(set), stopping)
    rested = [host.rests(0)]  # it has not looked yet
    messages = iter([None, MESSAGE, None])

    def receive() -> Record | None:
        rested.append(host.rests(0))
        return next(messages)

    def invoke(_: Any) -> Response:
        rested.append(host.rests(0))
        return Response(None)

    host.runtime = SimpleNamespace(invoke=invoke)
    lane = SimpleNamespace(receive=receive, delete=lambda _: None)
    for _ in range(3):
        host._poll(lane)
    rested.append(host.rests(0))
    # Before the first look, after an empty one, during the job, after it, after an empty look.
    assert rested == [False, False, True, False, False, True]


def test_a_lane_that_has_messages_again_does_not_rest_while_its_handler_is_loaded(load):
    stopping = threading.Event()
    function = Function("detect", "no.handler", 1, 1, lane="replay")
    host = Poller(Settings(), function, lambda *_: False, SQS, 0, load, Paused(set), stopping)
    empty = iter([True, False])
    rested: list[bool] = []

    def is_empty() -> bool:
        rested.append(host.rests(0))
        return next(empty)

    def loading() -> None:
        rested.append(host.rests(0))
        stopping.set()

    host.runtime = Loads(loading)
    host._open = lambda: SimpleNamespace(is_empty=is_empty)
    host._poll = lambda _: None
    host.run()
    # Before the first look, before the second one, while the handler is loaded.
    assert rested == [False, True, False]


def test_a_worker_that_slept_waits_until_its_leases_are_renewed(load):
    class Stopping(threading.Event):
        """An event that is set by the first wait for it."""

        def wait(self, timeout: float | None = None) -> bool:
            calls.append(f"wait {timeout}")
            self.set()
            return True

    def poll(_: Any) -> None:
        calls.append("poll")
        stopping.set()

    calls: list[str] = []
    stopping = Stopping()
    function = Function("detect", "no.handler", 1, 1)
    host = Poller(Settings(), function, lambda *_: False, SQS, 1, load, Paused(set), stopping)
    host.runtime = Loads(int)
    host.runtime.slept = True
    host._open = lambda: None
    host._poll = poll
    host.run()
    assert calls == ["wait 5.0", "poll"]


def test_a_message_that_arrives_while_the_worker_stops_is_given_back(load):
    stopping = threading.Event()
    function = Function("detect", "no.handler", 1, 1)
    host = Poller(Settings(), function, lambda *_: False, SQS, 1, load, Paused(set), stopping)
    host.runtime = Loads(int)
    messages = OneMessage(stopping.set)
    host._poll(messages)
    assert messages.calls == ["receive", "give back"]


@pytest.mark.parametrize(
    ("kind", "calls"),
    [
        ("error", ["receive"]),
        ("init_error", ["receive"]),  # another process could not be started
        ("crashed", ["receive", "over", "delete"]),
        ("stopped", ["receive", "over", "give back"]),
    ],
)
def test_only_the_end_of_a_process_is_recorded_by_its_host(load, kind: Any, calls: list[str]):
    def over(*_: Any) -> bool:
        messages.calls.append("over")
        return True

    function = Function("detect", "no.handler", 1, 1)
    host = Poller(Settings(), function, over, SQS, 1, load, Paused(set), threading.Event())
    host.runtime = SimpleNamespace(invoke=lambda _: Failed(kind, "!"))
    messages = OneMessage(int)
    host._poll(messages)
    assert messages.calls == calls


def test_what_fails_is_tried_again_after_pauses_that_grow_until_it_succeeds(load):
    broken = Failed("init_error", "!")
    outcomes = iter([broken, AWAY, ValueError("!"), *[broken] * 5, "", broken])
    calls: list[str] = []

    def start() -> Any:
        outcome = next(outcomes, None)
        if outcome is None:
            stopping.set()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome or None

    stopping = Waits(9)
    function = Function("detect", "no.handler", 1, 1)
    host = Poller(Settings(), function, lambda *_: False, SQS, 1, load, Paused(set), stopping)
    host.runtime = SimpleNamespace(
        look=lambda: calls.append("look"),
        has_slept=lambda: False,
        start=start,
        close=lambda: calls.append("close"),
    )
    host._open = lambda: calls.append("open") or "lane"
    host._poll = calls.append
    host.run()
    assert stopping.seconds == [0.5, 1, 2, 4, 8, 16, 30, 30, 0.5]
    assert calls.count("look") == 10, "a thread that tries again does not hang"
    assert calls.count("open") == calls.count("lane") == 1
    assert calls[-1] == "close"


@pytest.mark.parametrize(
    ("paused", "live", "waited", "rests"),
    [(True, 0, 3, True), (False, 1, 0.25, False), (False, 0, 3, True)],
)
def test_a_lane_that_takes_nothing_waits_before_it_looks_again(
    load, live_begins, paused, live, waited, rests
):
    for _ in range(live):
        live_begins()
    stopping = Waits(9)
    function = Function("detect", "no.handler", 1, 1, lane="replay")
    held = Paused(lambda: {("detect", "replay")} if paused else set())
    host = Poller(Settings(), function, lambda *_: False, SQS, 3, load, held, stopping)
    lane, since = SimpleNamespace(is_empty=lambda: True), []
    for _ in range(2):
        assert host._idles(lane) is True
        since.append(host._empty_since)
    assert stopping.seconds == [waited] * 2
    assert host.rests(0) is rests
    assert not host.rests(60)
    assert since[0] == since[1], "it rests since the first of these looks"


@pytest.mark.parametrize(
    ("alive", "hung", "idles", "ready", "serves"),
    [
        (True, False, False, True, True),
        (True, False, True, False, True),
        (True, False, False, False, False),
        (True, True, True, True, False),
        (False, False, True, True, False),
    ],
)
def test_a_poller_serves_if_it_is_alive_and_has_its_handler_or_nothing_to_do(
    load, alive, hung, idles, ready, serves
):
    function = Function("detect", "no.handler", 1, 1)
    host = Poller(Settings(), function, lambda *_: False, SQS, 1, load, Paused(set), Waits(1))
    host.is_alive = lambda: alive
    host.idles = idles
    host.runtime = SimpleNamespace(hung=hung, ready=ready)
    assert host.serves() is serves


def test_a_message_is_received_alone_and_hidden_for_a_lease(load):
    asked: list[Any] = []
    sqs = SimpleNamespace(
        meta=SQS.meta,
        get_queue_url=lambda **_: {"QueueUrl": "url"},
        get_queue_attributes=lambda **_: {"Attributes": {"QueueArn": "arn:aws:sqs:a:1:q"}},
        receive_message=lambda **given: asked.append(given) or {},
    )
    function, settings = Function("detect", "no.handler", 1, 1), Settings()
    host = Poller(settings, function, lambda *_: False, sqs, 2, load, Paused(set), Waits(1))
    assert host._open().receive() is None
    (request,) = asked
    assert request["MaxNumberOfMessages"] == 1, "the others would be hidden without being run"
    assert request["VisibilityTimeout"] == settings.lease_s
    assert request["WaitTimeSeconds"] == 2
    assert request["MessageSystemAttributeNames"] == request["MessageAttributeNames"] == ["All"]


@pytest.mark.parametrize("status", [500, 503])
def test_the_deletion_of_a_message_is_tried_again_during_an_outage(load, status):
    answer = {"Error": {"Code": "?"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    errors = [ClientError(answer, "DeleteMessage"), AWAY]

    class Failing(OneMessage):
        def delete(self, message: Record) -> None:
            super().delete(message)
            if errors:
                raise errors.pop()

    stopping = Waits(9)
    function = Function("detect", "no.handler", 1, 1)
    host = Poller(Settings(), function, lambda *_: False, SQS, 1, load, Paused(set), stopping)
    host.runtime = Loads(int)
    messages = Failing(int)
    host._poll(messages)
    assert messages.calls == ["receive", *["delete"] * 3]
    assert stopping.seconds == [1, 1]


def test_the_deletion_of_a_message_that_is_rejected_is_not_tried_again(load):
    def reject(_: Record) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "DeleteMessage")

    function = Function("detect", "no.handler", 1, 1)
    host = Poller(Settings(), function, lambda *_: False, SQS, 1, load, Paused(set), Waits(9))
    with pytest.raises(ClientError):
        host._delete_message(SimpleNamespace(delete=reject), MESSAGE)


def test_a_message_that_its_handler_names_as_failed_stays(load):
    function = Function("detect", "no.handler", 1, 1)
    host = Poller(Settings(), function, lambda *_: False, SQS, 1, load, Paused(set), Waits(9))
    answer = Response({"batchItemFailures": [{"itemIdentifier": MESSAGE["messageId"]}]})
    host.runtime = SimpleNamespace(invoke=lambda _: answer)
    messages = OneMessage(int)
    host._poll(messages)
    assert messages.calls == ["receive"]


def test_the_child_of_a_replay_waits_for_the_next_message_for_a_while(load):
    function = Function("detect", "no.handler", 1, 1, lane="replay", idle_s=60)
    host = Poller(Settings(), function, lambda *_: False, SQS, 1, load, Paused(set), Waits(9))
    host.runtime = SimpleNamespace(invoke=lambda _: Response(None))  # it is not closed
    messages = OneMessage(int)
    host._poll(messages)
    assert host._idles(messages) is False


def test_the_event_of_a_schedule_comes_once_in_its_interval(load):
    events: list[Any] = []
    function = Function("janitor", "no.handler", 1, 1, every_s=60)
    host = Poller(Settings(), function, lambda *_: False, SQS, 1, load, Paused(set), Waits(9))
    host.runtime = SimpleNamespace(invoke=lambda event: events.append(event) or Response(None))
    lane = SimpleNamespace(receive=lambda: None)
    for _ in range(2):
        host._poll(lane)
    assert [event["detail-type"] for event in events] == ["Scheduled Event"]
