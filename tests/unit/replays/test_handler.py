"""The driver's handler, with messages as SQS delivers them."""

import json
from typing import Any

import pytest

from handlers import replays as handler
from pipeline.core.errors import Busy, DependencyFailed
from pipeline.replays.driver import Driver
from pipeline.runs import batch
from tests.fakes.installation import House


class Context:
    """The part of Lambda's context that the handler uses."""

    def get_remaining_time_in_millis(self) -> int:
        return 300_000


class Queue:
    """A queue and its poller."""

    def __init__(self, house: House) -> None:
        self.name = house.config.names.queue("replays")
        self.hidden: list[int] = []

    def record(self, body: str, *, receives: int = 1, message_id: str = "one") -> dict[str, Any]:
        return {
            "messageId": message_id,
            "receiptHandle": f"receipt of {message_id}",
            "body": body,
            "attributes": {"ApproximateReceiveCount": str(receives)},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{self.name}",
            "awsRegion": "us-east-1",
        }

    def deliver(self, *records: dict[str, Any]) -> list[str]:
        """Return the messages to redeliver."""
        answer = handler.handler({"Records": list(records)}, Context())
        return [one["itemIdentifier"] for one in answer["batchItemFailures"]]

    def extender(self, record: dict[str, Any]) -> Any:
        assert record["eventSourceARN"].endswith(self.name)
        return self.hidden.append


@pytest.fixture
def queue(house: House, monkeypatch: pytest.MonkeyPatch) -> Queue:
    queue = Queue(house)
    monkeypatch.setattr(handler, "extender", queue.extender)
    monkeypatch.setattr(batch, "extender", queue.extender)
    monkeypatch.setattr(handler.bootstrap, "settings", lambda: house.config)
    monkeypatch.setattr(handler.bootstrap, "driver", lambda _: house.driver(turn_s=0))
    return queue


def test_a_message_drives_its_replay_and_is_kept_from_others_meanwhile(house: House, queue: Queue):
    house.library(1)
    replay = house.start(params={"toy": {"text": "x"}})
    assert queue.deliver(queue.record(house.wakes.pop())) == []
    assert house.get(replay).state == "running"
    assert queue.hidden == [house.config.lease_s]


def test_the_driver_gets_the_remaining_time_less_a_margin(
    house: House, queue: Queue, monkeypatch: pytest.MonkeyPatch
):
    house.start(dry_run=True)
    given: list[float] = []
    monkeypatch.setattr(Driver, "drive", lambda *_, seconds, **__: given.append(seconds))
    queue.deliver(queue.record(house.wakes.pop()))
    assert given == [270]


def test_an_invalid_wake_up_goes_to_the_dead_letter_queue_and_delays_no_other(
    house: House, queue: Queue
):
    house.library(1)
    replay = house.start(dry_run=True)
    other = {"detail-type": "Object Created", "detail": {"replay_id": replay.replay_id}}
    bad = ["", "{}", json.dumps(other), '{"detail-type": "Replay Requested", "detail": {}}']
    records = [queue.record(body, message_id=f"bad {n}") for n, body in enumerate(bad)]
    again = queue.deliver(*records, queue.record(house.wakes.pop()))
    assert again == [f"bad {n}" for n in range(len(bad))]
    assert house.get(replay).state == "planned"


def test_messages_of_unknown_and_ended_replays_are_deleted(house: House, queue: Queue):
    done = house.replay()
    for replay_id in ("nonsense", done.replay_id):
        body = {"detail-type": "Replay Requested", "detail": {"replay_id": replay_id}}
        assert queue.deliver(queue.record(json.dumps(body))) == []


def test_a_wake_up_while_a_driver_holds_the_lease_reaches_that_driver(house: House, queue: Queue):
    replay = house.start(dry_run=True)
    house.wakes.clear()
    house.replays.claim(replay.replay_id, lease_s=60)
    house.replays.ask(replay.replay_id, "run")
    assert queue.deliver(queue.record(house.wakes.pop())) == []


def test_the_message_of_a_killed_driver_is_redelivered_until_its_lease_expires(
    house: House, queue: Queue
):
    house.library(1)
    replay = house.start(dry_run=True)
    body = house.wakes.pop()
    house.replays.claim(replay.replay_id, lease_s=40)  # and crashes
    assert queue.deliver(queue.record(body, receives=2)) == ["one"]
    assert len(queue.hidden) == 1
    assert 39 <= queue.hidden[0] <= 41
    house.lose_seat(replay)
    assert queue.deliver(queue.record(body, receives=3)) == []
    assert house.get(replay).state == "planned"


@pytest.mark.parametrize("error", [DependencyFailed("aws_error", "no"), ValueError("no")])
def test_after_any_error_the_message_is_redelivered(
    house: House, queue: Queue, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    house.start(dry_run=True)

    def fails(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(Driver, "drive", fails)
    assert queue.deliver(queue.record(house.wakes.pop())) == ["one"]


def test_a_busy_replay_is_not_a_failure(
    house: House, queue: Queue, monkeypatch: pytest.MonkeyPatch
):
    house.start(dry_run=True)

    def busy(*_: Any, **__: Any) -> None:
        raise Busy(7)

    monkeypatch.setattr(Driver, "drive", busy)
    body = house.wakes.pop()
    assert queue.deliver(queue.record(body)) == []
    assert queue.hidden == []
    assert queue.deliver(queue.record(body, receives=2)) == ["one"]
    assert queue.hidden == [8]
