"""Dead-lettered messages are counted by failure class, and sent back to their queues."""

import json
import threading
from typing import Any

import pytest

from handlers import janitor as janitor_handler
from handlers import stage as stage_handler
from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.core import outgoing
from pipeline.core.errors import BadInput, DependencyFailed, InvalidArgument
from pipeline.runs.redrive import Redriven
from pipeline.runs.spread import request_of
from tests.fakes import aws_events
from tests.fakes.claims import claim_run
from tests.fakes.rig import Rig, upload_of
from tests.integration.runs.test_handlers import Context, Mapping


class Queues:
    """The queues of the rig's stages and functions, made on first use."""

    def __init__(self, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VIDEODROP_STAGE", "toy")
        self.rig, self.made = rig, {}
        for lane in ("live", "replay"):
            self("toy", lane)

    def __call__(self, function: str, lane: Any = "live") -> Mapping:
        name = self.rig.config.names.queue(function, lane)
        if name not in self.made:
            self.made[name] = Mapping(name, stage_handler.handler)
        return self.made[name]

    def redrive(self, **how: Any) -> Redriven:
        return bootstrap.redrive(self.rig.config).run(**how)

    def counts(self, **how: Any) -> dict[str, tuple[int, int, int]]:
        """Found, chosen and sent, by "function class"."""
        rows = self.redrive(**how).rows
        return {f"{r.function} {r.failure_class}": (r.found, r.chosen, r.sent) for r in rows}


@pytest.fixture
def queues(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Queues:
    return Queues(rig, monkeypatch)


def buried(rig: Rig, queues: Queues, key: str = "videos/a.mp4") -> str:
    """An upload whose message is in the dead-letter queue and was seen by the janitor."""
    body = rig.put(key=key)
    rig.catalog.record_upload(upload_of(body), patience_s=3600)
    queues("toy", "dlq").send(body)
    assert janitor_handler.handler({}, Context()) == {"ended": 1}
    assert rig.state(body).error.code == "undeliverable"
    return body


def failed(rig: Rig, queues: Queues, error: Exception, key: str, **settings: Any) -> str:
    """An upload whose run failed, and whose message is in the dead-letter queue."""

    def run(*_: Any) -> Any:
        raise error

    rig.stage.run_ = run
    body = rig.put(key=key)
    rig.handle(body, **settings)
    queues("toy", "dlq").send(body)
    return body


def test_a_run_that_the_janitor_ended_runs_once_its_message_is_redriven(rig: Rig, queues: Queues):
    body = buried(rig, queues)
    assert queues.counts() == {"toy lost": (1, 1, 1)}
    assert queues("toy", "dlq").left() == 0
    assert queues("toy").deliver() == []
    assert rig.state(body).state == "succeeded"
    assert rig.text(rig.state(body).current_result) == "hello"


def test_the_janitor_still_sees_the_messages_that_a_redrive_left(rig: Rig, queues: Queues):
    body = rig.put()
    queues("toy", "dlq").send(body)
    assert queues.counts(dry_run=True) == {"toy unknown": (1, 1, 0)}
    rig.catalog.record_upload(upload_of(body), patience_s=3600)
    assert janitor_handler.handler({}, Context()) == {"ended": 1}


def test_a_dry_run_counts_what_a_real_one_then_sends(rig: Rig, queues: Queues):
    buried(rig, queues)
    failed(rig, queues, BadInput("unreadable", "!"), "videos/bad.mp4")
    failed(rig, queues, DependencyFailed("aws_error", "!"), "videos/s3.mp4", max_attempts=1)
    queues("toy", "dlq").send("poison")
    queues("janitor", "dlq").send(aws_events.deleted())
    queues("replays", "dlq").send(
        json.dumps({"detail-type": "Replay Requested", "detail": {"replay_id": "r"}}), "poison"
    )
    queues("events", "dlq").send(aws_events.created(), outgoing.delivery_body("wh_1", "1"))
    found = {
        "toy lost": (1, 1, 0),
        "toy bad_input": (1, 1, 0),
        "toy dependency": (1, 1, 0),
        "toy bad_event": (1, 0, 0),
        "janitor unknown": (1, 1, 0),
        "replays unknown": (1, 1, 0),
        "replays bad_event": (1, 0, 0),
        "events unknown": (2, 2, 0),
    }
    assert queues.counts(dry_run=True) == found
    assert queues("toy").left() == queues("janitor").left() == queues("replays").left() == 0
    assert queues("events").left() == queues("events", "webhooks").left() == 0
    sent = {row: (all_, chosen, chosen) for row, (all_, chosen, _) in found.items()}
    assert queues.counts() == sent
    assert (queues("toy").left(), queues("toy", "dlq").left()) == (3, 1)
    assert (queues("janitor").left(), queues("janitor", "dlq").left()) == (1, 0)
    assert (queues("replays").left(), queues("replays", "dlq").left()) == (1, 1)
    assert (queues("events").left(), queues("events", "webhooks").left()) == (1, 1)


def test_only_the_classes_and_functions_asked_for_are_sent_and_the_rest_stays_in_sight(
    rig: Rig, queues: Queues
):
    buried(rig, queues)
    failed(rig, queues, BadInput("unreadable", "!"), "videos/bad.mp4")
    queues("toy", "dlq").send("poison")
    queues("janitor", "dlq").send(aws_events.deleted())
    assert queues.counts(classes=["lost", "bad_event"], functions=["toy"]) == {
        "toy lost": (1, 1, 1),
        "toy bad_input": (1, 0, 0),
        "toy bad_event": (1, 1, 1),
    }
    assert len(queues("toy", "dlq").receive()["Records"]) == 1
    assert queues("janitor", "dlq").left() == 1


def test_an_unknown_function_is_rejected(queues: Queues):
    with pytest.raises(InvalidArgument, match="There is no paint; choose from toy, twin, jan"):
        queues.redrive(functions=["paint"])


def test_a_message_about_a_revision_that_was_replaced_is_not_of_its_successors_class(
    rig: Rig, queues: Queues
):
    old = rig.put()
    failed(rig, queues, BadInput("unreadable", "!"), "videos/a.mp4")
    queues("toy", "dlq").send(old)
    assert queues.counts(dry_run=True) == {
        "toy bad_input": (1, 1, 0),
        "toy unknown": (1, 1, 0),
    }


def test_a_message_of_a_range_has_the_class_of_its_run(rig: Rig, queues: Queues):
    body = failed(rig, queues, BadInput("unreadable", "!"), "videos/a.mp4")
    run = rig.state(body)
    request = request_of(
        upload_of(body).video_id, run, fingerprint=run.tried or "", shadow=False
    ).of("word-0001")
    earlier = request.model_copy(update={"attempt": 0})
    queues("toy", "dlq").send(request.body, earlier.body)
    assert queues.counts(dry_run=True) == {"toy bad_input": (2, 2, 0), "toy unknown": (1, 1, 0)}
    queues.redrive()
    assert queues("toy").deliver() == []
    assert rig.state(body) == run


def test_a_shadow_run_has_a_class_of_its_own(rig: Rig, queues: Queues):
    body = failed(rig, queues, BadInput("unreadable", "!"), "videos/a.mp4")
    upload = upload_of(body)
    run = claim_run(rig.catalog.shadows, upload, "toy", event_id="e", lease_s=60)
    rig.catalog.shadows.end(upload.video_id, run, "failed", DependencyFailed("aws_error", "!"))
    request = json.loads(aws_events.reprocess(upload.video_id, "toy"))
    request["detail"]["shadow"] = True
    queues("toy", "dlq").send(json.dumps(request))
    assert queues.counts(dry_run=True) == {
        "toy bad_input": (1, 1, 0),
        "toy dependency": (1, 1, 0),
    }


def test_each_message_goes_back_to_its_lane_with_its_attributes(rig: Rig, queues: Queues):
    fresh = rig.put()
    vid = upload_of(fresh).video_id
    late = [
        aws_events.reprocess(vid, "toy"),
        json.dumps(json.loads(fresh) | {"replay-name": "july"}),
    ]
    dlq = queues("toy", "dlq")
    dlq.send(*late)
    attributes = {"trace": {"DataType": "String", "StringValue": "1"}}
    dlq.sqs.send_message(QueueUrl=dlq.url, MessageBody=fresh, MessageAttributes=attributes)
    queues.redrive()
    assert sorted(r["body"] for r in queues("toy", "replay").receive()["Records"]) == sorted(late)
    live = queues("toy")
    (message,) = live.sqs.receive_message(QueueUrl=live.url, MessageAttributeNames=["All"])[
        "Messages"
    ]
    assert (message["Body"], message["MessageAttributes"]) == (fresh, attributes)


@pytest.mark.parametrize(("source", "lane"), [("toy-replay", "replay"), ("elsewhere", "live")])
def test_the_queue_that_sqs_names_is_the_one_if_it_is_ours(
    rig: Rig, queues: Queues, monkeypatch: pytest.MonkeyPatch, source: str, lane: str
):
    queues("toy", "dlq").send(rig.put())
    sqs = aws.client("sqs")
    receive = sqs.receive_message

    def as_aws(**request: Any) -> Any:
        assert request["MessageSystemAttributeNames"] == ["All"]
        answer = receive(**request)
        arn = f"arn:aws:sqs:us-east-1:123456789012:{rig.config.names.prefix}-{source}"
        for message in answer.get("Messages", []):
            message["Attributes"]["DeadLetterQueueSourceArn"] = arn
        return answer

    monkeypatch.setattr(sqs, "receive_message", as_aws)
    queues.redrive()
    monkeypatch.undo()
    assert queues("toy", lane).left() == 1


def test_a_crash_between_sending_and_deleting_loses_nothing(
    rig: Rig, queues: Queues, monkeypatch: pytest.MonkeyPatch
):
    body = buried(rig, queues)
    sqs = aws.client("sqs")

    def crash(**_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sqs, "delete_message", crash)
        with pytest.raises(KeyboardInterrupt):
            queues.redrive()
    assert queues.counts() == {"toy lost": (1, 1, 1)}
    assert queues("toy").left() == 2
    assert queues("toy").deliver() == []
    assert (rig.state(body).state, rig.state(body).attempt) == ("succeeded", 1)


def test_a_message_that_another_consumer_has_received_is_waited_for(rig: Rig, queues: Queues):
    buried(rig, queues)
    dlq = queues("toy", "dlq")
    receipt = dlq.receive()["Records"][0]["receiptHandle"]
    look_ends = threading.Timer(
        0.3,
        dlq.sqs.change_message_visibility,
        kwargs={"QueueUrl": dlq.url, "ReceiptHandle": receipt, "VisibilityTimeout": 0},
    )
    look_ends.start()
    done = queues.redrive()
    look_ends.join()
    assert (done.rows[0].sent, done.hidden) == (1, 0)


def test_messages_that_stay_hidden_are_counted(
    rig: Rig, queues: Queues, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pipeline.aws.dead_letters._PATIENCE_S", 0)
    buried(rig, queues)
    queues("toy", "dlq").receive()
    assert queues.redrive() == Redriven(rows=[], hidden=1)


def test_progress_is_reported_message_by_message(queues: Queues):
    queues("toy", "dlq").send(*["poison"] * 12)
    told: list[tuple[str, int, int]] = []
    queues.redrive(dry_run=True, tell=lambda *now: told.append(now))
    assert told == [("toy", n, 12) for n in range(1, 13)]
