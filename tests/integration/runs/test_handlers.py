"""The handlers as Lambda calls them, with messages from real queues."""

import json
import time
from dataclasses import dataclass
from typing import Any

import pytest

from handlers import janitor as janitor_handler
from handlers import stage as stage_handler
from pipeline.aws import clients as aws
from pipeline.aws.messages import receipt
from pipeline.core.errors import DependencyFailed, Lost, MissingDependency
from pipeline.hosts.worker import Function, host
from pipeline.hosts.worker.pushed import read
from pipeline.runs.delivery import Delivery
from pipeline.runs.runner import Runner
from pipeline.telemetry import metrics
from tests.fakes import aws_events
from tests.fakes.claims import claim_run
from tests.fakes.rig import Rig, upload_of


@dataclass
class Context:
    """The part of Lambda's context that a handler uses."""

    seconds_left: float = 60

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds_left * 1000)


class Mapping:
    """Lambda's event source mapping for one queue: polls, invokes, deletes what is done."""

    def __init__(self, name: str, handler: Any, visibility_s: int = 300) -> None:
        self.sqs, self.handler = aws.client("sqs"), handler
        self.url = self.sqs.create_queue(
            QueueName=name, Attributes={"VisibilityTimeout": str(visibility_s)}
        )["QueueUrl"]

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def receive(self) -> dict[str, Any]:
        found = self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
        ).get("Messages", [])
        name = self.url.rsplit("/", 1)[-1]
        records = [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{name}",
                "awsRegion": "us-east-1",
            }
            for message in found
        ]
        return {"Records": records}

    def deliver(self, seconds_left: float = 60) -> list[str]:
        """One batch; returns the bodies that failed, which stay in the queue."""
        event = self.receive()
        answer = self.handler(event, Context(seconds_left))
        failed = {one["itemIdentifier"] for one in answer["batchItemFailures"]}
        for record in event["Records"]:
            if record["messageId"] not in failed:
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=record["receiptHandle"])
        return [r["body"] for r in event["Records"] if r["messageId"] in failed]

    def left(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)
        return sum(int(counts["Attributes"][name]) for name in names)


@pytest.fixture
def mapping(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Mapping:
    monkeypatch.setenv("VIDEODROP_STAGE", "toy")
    return Mapping(rig.config.names.queue("toy"), stage_handler.handler)


def visibility(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The visibility timeouts requested from now on."""
    asked: list[int] = []
    change = aws.client("sqs").change_message_visibility

    def recorded(**request: Any) -> Any:
        asked.append(request["VisibilityTimeout"])
        return change(**request)

    monkeypatch.setattr(aws.client("sqs"), "change_message_visibility", recorded)
    return asked


def test_a_message_is_handled_and_deleted(rig: Rig, mapping: Mapping):
    body = rig.put()
    mapping.send(body)
    assert mapping.deliver() == []
    assert mapping.left() == 0
    assert rig.text(rig.state(body).current_result) == "hello"


@pytest.mark.parametrize("wrong", [{"bucket": "another"}, {"key": "elsewhere/a.mp4"}])
def test_a_message_about_another_bucket_or_prefix_is_rejected(
    rig: Rig, mapping: Mapping, wrong: dict[str, str]
):
    ours = {"bucket": rig.config.names.uploads_bucket, "key": "videos/a.mp4"}
    created = aws_events.created(**ours | wrong)
    mapping.send(created)
    assert mapping.deliver() == [created]
    assert rig.catalog.video(upload_of(created).video_id) is None
    queue = Mapping(rig.config.names.queue("janitor"), janitor_handler.handler)
    deleted = aws_events.deleted(**ours | wrong)
    queue.send(deleted)
    assert queue.deliver() == [deleted]
    assert rig.catalog.video(upload_of(created).video_id) is None


def test_a_run_records_the_delivery_that_claimed_it(rig: Rig, mapping: Mapping):
    """Only the worker with that delivery may report that the run was killed."""
    body = rig.put()
    mapping.send(body)
    event = mapping.receive()
    stage_handler.handler(event, Context(60))
    assert rig.state(body).receipt == receipt(event["Records"][0])


@pytest.mark.usefixtures("mapping")
def test_an_event_that_was_pushed_is_handled_and_waited_in_no_queue(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    measured: list[str] = []
    monkeypatch.setattr(metrics, "_sink", lambda metric, *_: measured.append(metric.name))
    body = rig.put()
    pushed = read(body.encode(), {}, "toy")
    assert stage_handler.handler(pushed.event, Context()) == {"batchItemFailures": []}
    assert rig.state(body).state == "succeeded"
    assert "runs_total" in measured
    assert "queue_wait_seconds" not in measured


def test_an_invalid_message_does_not_delay_others_of_its_batch(
    rig: Rig, mapping: Mapping, monkeypatch: pytest.MonkeyPatch
):
    good, bad = rig.put(key="videos/good.mp4"), rig.put(key="videos/defect.mp4")
    handle = Runner.handle

    def defective(self: Runner, body: str, delivery: Delivery) -> Any:
        if "defect" in body:
            raise RuntimeError
        return handle(self, body, delivery)

    monkeypatch.setattr(Runner, "handle", defective)
    mapping.send("poison", bad, good)
    assert sorted(mapping.deliver()) == sorted(["poison", bad])
    assert mapping.left() == 2
    assert rig.state(good).state == "succeeded"


def test_a_run_to_retry_is_redelivered_after_its_backoff(
    rig: Rig, mapping: Mapping, monkeypatch: pytest.MonkeyPatch
):
    def run(*_: Any) -> Any:
        raise DependencyFailed("aws_error", "S3 was unavailable.")

    monkeypatch.setattr("tests.fakes.toystage.run", run)
    asked = visibility(monkeypatch)
    body = rig.put()
    mapping.send(body)
    assert mapping.deliver() == [body]
    assert (asked[-1], mapping.left()) == (10, 1)
    assert rig.state(body).state == "pending"


def test_a_busy_run_keeps_its_message_until_the_lease_can_be_taken(
    rig: Rig, mapping: Mapping, monkeypatch: pytest.MonkeyPatch
):
    body = rig.put()
    upload = upload_of(body)
    claim_run(rig.catalog.runs, upload, "toy", event_id=upload.event_id, lease_s=60)
    asked = visibility(monkeypatch)
    mapping.send(body)
    assert mapping.deliver() == [body]
    assert 30 < asked[-1] <= 61


def test_a_redelivered_message_waits_as_long_as_a_long_run_may_take(
    rig: Rig, mapping: Mapping, monkeypatch: pytest.MonkeyPatch
):
    body = rig.put()
    upload = upload_of(body)
    deadline = time.time() + 90
    claim_run(rig.catalog.runs, upload, "toy", event_id="another", lease_s=5, deadline=deadline)
    mapping.send(body)
    receipt = mapping.receive()["Records"][0]["receiptHandle"]
    mapping.sqs.change_message_visibility(
        QueueUrl=mapping.url, ReceiptHandle=receipt, VisibilityTimeout=0
    )
    asked = visibility(monkeypatch)
    assert mapping.deliver() == [body]
    assert asked[-1] >= 25  # a third of the 90 s that its host has for it: three looks are left


def test_while_a_stage_runs_its_message_stays_invisible_as_long_as_its_lease(
    rig: Rig, mapping: Mapping, monkeypatch: pytest.MonkeyPatch
):
    asked = visibility(monkeypatch)
    mapping.send(rig.put())
    mapping.deliver()
    assert asked == [rig.config.lease_s]


def test_a_message_whose_visibility_cannot_be_extended_is_still_handled(rig: Rig, mapping: Mapping):
    body = rig.put()
    mapping.send(body)
    event = mapping.receive()
    event["Records"][0]["receiptHandle"] = "expired"
    assert stage_handler.handler(event, Context()) == {"batchItemFailures": []}
    assert rig.state(body).state == "succeeded"


def test_the_hosts_deadline_is_the_runs(rig: Rig, mapping: Mapping):
    body = rig.put()
    mapping.send(body)
    assert mapping.deliver(seconds_left=1) == []
    assert rig.state(body).error.code == "deadline"


@pytest.mark.parametrize(
    ("killed", "over", "state"), [("timeout", True, "failed"), ("crashed", False, "pending")]
)
def test_a_worker_that_kills_a_run_records_it(
    rig: Rig, mapping: Mapping, killed: str, *, over: bool, state: str
):
    body = rig.put()
    upload = upload_of(body)
    rig.catalog.record_upload(upload, patience_s=3600)
    mapping.send(body)
    (record,) = mapping.receive()["Records"]
    claim = {"event_id": upload.event_id, "receipt": receipt(record)}
    claim_run(rig.catalog.runs, upload, "toy", lease_s=60, **claim)
    function = Function("toy", "no.handler", 1, 1)
    assert host.abandon(rig.config, function, record, killed, "Killed.") is over
    assert rig.state(body).state == state


def test_a_warm_up_loads_the_models_of_the_stage(mapping: Mapping, monkeypatch: pytest.MonkeyPatch):
    warmed: list[Any] = []
    monkeypatch.setattr("tests.fakes.toystage.warm_up", warmed.append, raising=False)
    assert stage_handler.handler({"warm_up": True}, Context()) == {}
    assert len(warmed) == 1
    assert mapping.left() == 0


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("STAGE", "paint", "no stage 'paint'.*toy, twin"),
        ("PARAMS", '{"toy": {"size": 1}}', "VIDEODROP_PARAMS is wrong.*no parameter size"),
    ],
)
def test_a_host_with_invalid_settings_reports_it_and_keeps_its_messages(
    rig: Rig,
    mapping: Mapping,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    says: str,
):
    monkeypatch.setenv(f"VIDEODROP_{name}", value)
    mapping.send(rig.put())
    with pytest.raises(MissingDependency, match=says):
        mapping.deliver()
    assert mapping.left() == 1


def test_a_new_process_sweeps_up_after_killed_ones(rig: Rig, mapping: Mapping):
    left = rig.config.scratch / "videodrop-999999999-x"
    left.mkdir(parents=True)
    mapping.send(rig.put())
    mapping.deliver()
    assert not left.exists()


# -- the janitor ---------------------------------------------------------------------------------


def test_the_janitor_marks_deletions_and_returns_other_messages(rig: Rig):
    body = rig.put()
    rig.handle(body)
    queue = Mapping(rig.config.names.queue("janitor"), janitor_handler.handler)
    gone = aws_events.deleted(bucket=upload_of(body).bucket, sequencer="FF")
    queue.send("poison", body, gone)
    assert queue.deliver() == ["poison"]
    assert rig.video(body).status == "deleted"


def test_a_tick_of_the_schedule_ends_lost_runs(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    body = rig.put()
    upload = upload_of(body)
    rig.catalog.record_upload(upload, patience_s=3600)
    claim_run(rig.catalog.runs, upload, "toy", event_id="e", lease_s=-100)
    tick = json.loads('{"source": "aws.scheduler"}')
    assert janitor_handler.handler(tick, Context()) == {"ended": 0}
    monkeypatch.setenv("VIDEODROP_REDELIVERY_S", "30")
    janitor_handler._janitor.cache_clear()
    janitor_handler.bootstrap.settings.cache_clear()
    assert janitor_handler.handler(tick, Context()) == {"ended": 1}
    assert rig.state(body).state == "failed"


def test_a_dead_lettered_message_ends_the_run_that_waited_for_it(rig: Rig):
    body, other = rig.put(), rig.put(key="videos/b.mp4")
    for one in (body, other):
        rig.catalog.record_upload(upload_of(one), patience_s=3600)
    dead = Mapping(rig.config.names.queue("toy", "dlq"), janitor_handler.handler)
    dead.send("poison", body)
    assert janitor_handler.handler({}, Context()) == {"ended": 1}
    assert rig.state(body).error.code == "undeliverable"
    assert rig.video(other).stages["toy"].state == "pending"
    assert rig.video(body).stages["twin"].state == "pending"
    assert dead.left() == 2, "a person may still want to send it on"


def test_a_new_upload_with_a_dead_lettered_message_ends_although_the_stage_ran_before(rig: Rig):
    rig.handle(rig.put())
    body = rig.put(body=b"another film", sequencer="00B")
    rig.catalog.record_upload(upload_of(body), patience_s=3600)
    Mapping(rig.config.names.queue("toy", "dlq"), janitor_handler.handler).send(body)
    assert janitor_handler.handler({}, Context()) == {"ended": 1}
    assert rig.state(body).error.code == "undeliverable"


def test_a_dead_lettered_message_does_not_end_a_run_that_does_not_wait_for_it(rig: Rig):
    done, busy, again = (rig.put(key=f"videos/{n}.mp4") for n in "abc")
    rig.handle(done)
    for one, event_id in ((busy, upload_of(busy).event_id), (again, "a later request")):
        rig.catalog.record_upload(upload_of(one), patience_s=3600)
        run = claim_run(rig.catalog.runs, upload_of(one), "toy", event_id=event_id, lease_s=60)
    rig.catalog.runs.release(
        upload_of(again).video_id, run, Lost("lost", "!"), tries=1, patience_s=3600
    )
    dead = Mapping(rig.config.names.queue("toy", "dlq"), janitor_handler.handler)
    dead.send(done, busy, again)
    assert janitor_handler.handler({}, Context()) == {"ended": 0}
    assert rig.state(busy).state == "running"
    assert rig.state(again).state == "pending"
