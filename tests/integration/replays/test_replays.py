"""Replays end to end but for processes: driver, bus, queues, runner and catalog are real."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest

from handlers import replays as driver_handler
from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.aws import provision as resources
from pipeline.core.settings import Settings
from pipeline.replays.driver import Pace
from pipeline.replays.records import Replay
from pipeline.replays.request import ReplayRequest
from pipeline.replays.store import Replays
from pipeline.runs.delivery import Delivery, Outcome
from pipeline.runs.runner import Runner
from tests.fakes.rig import FakeStage, Rig, probe_anything, upload_of
from tests.integration.runs.test_handlers import Context


@dataclass
class House(Rig):
    """A rig with queues and bus, whose replays are driven by hand."""

    twin: FakeStage = field(default_factory=FakeStage)

    @property
    def replays(self) -> Replays:
        return bootstrap.replays(self.config)

    def library(self, count: int) -> list[str]:
        """Process so many videos; return their ids."""
        ids = []
        for number in range(count):
            body = self.put(f"video {number}".encode(), key=f"videos/{number:03}.mp4")
            for stage in ("toy", "twin"):
                assert self.run(stage, body) is Outcome.SUCCEEDED
            ids.append(upload_of(body).video_id)
        return ids

    def run(self, stage: str, body: str) -> Outcome:
        module = self.stage if stage == "toy" else self.twin
        return self.runner_of(stage, module).handle(body, Delivery(60))

    def runner_of(self, stage: str, module: Any):
        return Runner(
            stage,
            module,
            catalog=self.catalog,
            artifacts=self.artifacts,
            settings=self.config,
            cancelled=self.replays.cancelled,
        )

    def drive(self, turns: int = 3) -> int:
        """Deliver every waiting message to the driver once."""
        queue = self.config.names.queue("replays")
        handled = 0
        for message in islice(self.messages(queue), turns):
            record = {
                "messageId": "m",
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": {"ApproximateReceiveCount": "1"},
                "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{queue}",
            }
            assert driver_handler.handler({"Records": [record]}, Context()) == {
                "batchItemFailures": []
            }
            handled += 1
        return handled

    def work(self) -> list[Outcome]:
        """Deliver every message of the replay lanes to workers."""
        outcomes = []
        for stage in ("toy", "twin"):
            waiting = self.messages(self.config.names.queue(stage, "replay"))
            outcomes.extend(self.run(stage, message["Body"]) for message in waiting)
        return outcomes

    def messages(self, queue: str) -> Iterator[dict[str, Any]]:
        sqs = aws.client("sqs")
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                yield message
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def finish(self, replay: Replay) -> Replay:
        for _ in range(50):
            self.drive()
            self.work()
            now = self.replays.get(replay.replay_id)
            assert now is not None
            if now.state in {"finished", "cancelled", "failed", "planned"}:
                return now
        raise AssertionError(now)


@pytest.fixture
def house(toys: Settings, monkeypatch: pytest.MonkeyPatch) -> House:
    resources.ensure(toys)
    monkeypatch.setattr("pipeline.runs.execute.probe", probe_anything)
    pace = partial(Pace, turn_s=0)
    monkeypatch.setattr("pipeline.replays.driver.Pace", pace)
    # A step ends after a second of real time, and would be cut short on a busy machine.
    monkeypatch.setattr("pipeline.replays.walker.time", SimpleNamespace(monotonic=lambda: 0.0))
    return House(toys, FakeStage(), twin=FakeStage())


def test_a_shadow_replay_and_a_cancelled_one_on_real_queues(house: House):
    ids = house.library(2)
    done = house.finish(
        house.replays.start(ReplayRequest(params={"toy": {"text": "trial"}}, shadow=True))
    )
    assert done.progress["toy"].ended == {"succeeded": 2}
    assert done.comparison is not None
    assert (done.comparison.labels_gained, done.comparison.labels_lost) == (2, 2)
    current = house.catalog.runs.get(ids[0], "toy")
    assert current is not None
    assert house.text(current.current_result) == "hello"
    replay = house.replays.start(ReplayRequest(params={"toy": {"text": "never"}}))
    house.drive()
    house.replays.ask(replay.replay_id, "cancel")
    assert house.work() == [Outcome.IGNORED] * 2
    assert house.finish(replay).state == "cancelled"
    assert house.stage.runs == 4


def test_a_replay_runs_only_what_changed_and_a_second_one_nothing(house: House):
    house.library(3)
    request = ReplayRequest(params={"toy": {"text": "other"}})
    first = house.finish(house.replays.start(request))
    assert first.plan.stages["toy"].verdicts == {"run": 3}
    assert first.plan.stages["toy"].because == {"text: hello → other": 3}
    assert first.plan.stages["twin"].verdicts == {"current": 3}
    assert first.progress["toy"].ended == {"succeeded": 3}
    assert (house.stage.runs, house.twin.runs) == (6, 3)
    second = house.finish(house.replays.start(request))
    assert second.plan.stages["toy"].verdicts == {"current": 3}
    assert second.progress == {}
    assert (house.stage.runs, house.twin.runs) == (6, 3)
