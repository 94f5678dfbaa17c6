"""Runs too large for Lambda, sent on to a worker for large jobs despite crashes on the way."""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from handlers import stage as stage_handler
from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.aws import provision as resources
from pipeline.aws.messages import receipt
from pipeline.core.errors import DependencyFailed, TimedOut
from pipeline.core.events import video_id
from pipeline.core.media_info import Probe
from pipeline.core.records import StageRun
from pipeline.core.settings import Settings
from pipeline.core.stage import Report, Result, Source
from pipeline.core.topology import LARGER
from pipeline.hosts.worker import Function, Worker, host, hosted
from pipeline.hosts.worker.lane import Lane
from pipeline.runs.delivery import Delivery, Outcome, Retry
from pipeline.telemetry import metrics
from tests.conftest import topology_with
from tests.fakes import aws_events, timing, toystage
from tests.fakes.claims import claim_run
from tests.fakes.lambda_events import TRACE
from tests.fakes.rig import Rig, probe_anything, upload_of
from tests.integration.runs.test_handlers import Context, Mapping

LONG_S = 3000.0  # of video, at a guess of one second each
LARGE_S = 36000.0


class Killed(BaseException):
    """The end of a killed process: nothing is cleaned up in AWS."""


@dataclass
class Large:
    """A stage with lanes for large jobs; this process plays Lambda and the large worker."""

    rig: Rig
    lanes: dict[str, Mapping]
    seconds: list[float] = field(default_factory=list)

    def run(self, source: Source, params: Any, work: Path, report: Report) -> Result:
        self.seconds.append(report.remaining())
        return toystage.run(source, params, work, report)

    def deliver(self, lane: str) -> list[str]:
        return self.lanes[lane].deliver(LARGE_S if "large" in lane else 60)

    def left(self) -> dict[str, int]:
        """Return the number of messages in each lane; empty lanes are left out."""
        return {name: left for name, lane in self.lanes.items() if (left := lane.left())}

    def finish(self, *order: str) -> None:
        """Let the lanes deliver in turn until nothing is left."""
        for _ in range(5):
            for lane in order:
                self.deliver(lane)
        assert self.left() == {}


@pytest.fixture
def large(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Iterator[Large]:
    monkeypatch.setenv("VIDEODROP_STAGE", "toy")
    monkeypatch.setenv("VIDEODROP_LARGE", '["toy"]')
    monkeypatch.setattr(bootstrap, "module", lambda *_: rig.stage)
    names = rig.config.names
    lanes = {
        lane: Mapping(names.queue("toy", lane), stage_handler.handler)
        for lane in (*LARGER, *LARGER.values())
    }
    house = Large(rig, lanes)
    rig.stage.run_ = house.run
    return house


@pytest.fixture
def long(large: Large, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - after it
    """Every video is too long for Lambda."""

    def probe(path: Path, limits: Any) -> Probe:
        return probe_anything(path, limits).model_copy(update={"duration_s": LONG_S})

    monkeypatch.setattr("pipeline.runs.execute.probe", probe)


def failing(error: BaseException) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


# -- the way of a message ------------------------------------------------------------------------


@pytest.mark.usefixtures("long")
def test_a_long_video_waits_for_a_worker_for_large_jobs_which_has_the_time(large: Large):
    body = large.rig.put()
    large.lanes["live"].send(body)
    assert large.deliver("live") == []
    assert large.left() == {"large": 1}
    waiting = large.rig.state(body)
    assert (waiting.state, waiting.tries, large.seconds) == ("pending", 0, [])
    assert waiting.error is not None
    assert (waiting.error.code, waiting.error.retryable) == ("sent_on", True)
    assert "expected to take 50 min" in waiting.error.message
    assert large.deliver("large") == []
    assert large.left() == {}
    done = large.rig.state(body)
    assert (done.state, done.event_id, done.error) == ("succeeded", "event-1", None)
    assert done.current_result is not None
    assert done.current_result.large
    (seconds,) = large.seconds
    assert LARGE_S - 60 < seconds < LARGE_S
    (timing,) = large.rig.catalog.timings.all()
    assert timing.large


@pytest.mark.usefixtures("long")
def test_run_times_of_large_workers_do_not_keep_a_long_video_on_lambda(large: Large):
    quick = timing.result(1, 100 * LONG_S, identity={}, large=True)
    large.rig.catalog.timings.record(quick)
    large.lanes["live"].send(large.rig.put())
    large.deliver("live")
    assert large.left() == {"large": 1}


def test_media_that_keep_every_probe_busy_are_sent_nowhere(
    large: Large, monkeypatch: pytest.MonkeyPatch
):
    busy = failing(TimedOut("media_time", "It takes too long."))
    monkeypatch.setattr("pipeline.runs.execute.probe", busy)
    body = large.rig.put()
    large.lanes["live"].send(body)
    assert large.deliver("live") == []
    assert large.left() == {}
    assert large.rig.state(body).error.code == "media_time"


def test_a_short_video_is_finished_on_lambda(large: Large):
    body = large.rig.put()
    large.lanes["live"].send(body)
    large.deliver("live")
    assert large.left() == {}
    run = large.rig.state(body)
    assert (run.state, run.large) == ("succeeded", False)
    (timing,) = large.rig.catalog.timings.all()
    assert not timing.large


@pytest.mark.usefixtures("long")
def test_replays_go_to_a_lane_of_their_own_and_keep_who_asked(large: Large):
    body = large.rig.put()
    vid = upload_of(body).video_id
    large.lanes["live"].send(body)
    large.finish("live", "large")
    request = aws_events.reprocess(vid, "toy", {"text": "new"}, event_id="again")
    lane = large.lanes["replay"]
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}}
    lane.sqs.send_message(QueueUrl=lane.url, MessageBody=request, MessageSystemAttributes=trace)
    large.deliver("replay")
    assert large.left() == {"large-replay": 1}
    (record,) = large.lanes["large-replay"].receive()["Records"]
    assert (record["body"], record["attributes"]["AWSTraceHeader"]) == (request, TRACE)
    assert large.rig.state(body).event_id == "again"
    assert large.rig.text(large.rig.state(body).current_result) == "hello"


@pytest.mark.usefixtures("long")
def test_nothing_is_fetched_of_a_video_that_is_known_to_be_long(
    large: Large, monkeypatch: pytest.MonkeyPatch
):
    body, lane = large.rig.put(), large.lanes["live"]
    upload, path = upload_of(body), Path(__file__)
    large.rig.catalog.record_upload(upload, patience_s=60)
    probe = probe_anything(path, None).model_copy(update={"duration_s": LONG_S})
    large.rig.catalog.record_probe(upload, probe, {})
    monkeypatch.setattr("pipeline.aws.artifacts.Artifacts.fetch", None)
    lane.send(body)
    lane.deliver()
    assert large.left() == {"large": 1}


def test_nothing_is_fetched_that_does_not_fit_on_the_disk(
    large: Large, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pipeline.aws.artifacts.Artifacts.fetch", None)
    monkeypatch.setattr(
        "pipeline.runs.admission.Admission.check_room",
        failing(TimedOut("no_room", "There is no room.")),
    )
    large.lanes["live"].send(large.rig.put())
    large.deliver("live")
    assert large.left() == {"large": 1}


@pytest.mark.parametrize("error", [TimedOut("deadline", "Too long."), OSError(28, "No space")])
def test_a_run_that_proves_too_large_goes_on_elsewhere_but_only_once(
    large: Large, error: Exception
):
    large.rig.stage.run_ = failing(error)
    body = large.rig.put()
    large.lanes["live"].send(body)
    assert large.deliver("live") == []
    assert large.left() == {"large": 1}
    assert large.rig.state(body).tries == 0
    large.deliver("large")
    assert set(large.left()) <= {"large"}
    assert large.lanes["live"].left() == 0
    state = large.rig.state(body)
    assert (state.state, state.tries) in {("failed", 0), ("pending", 1)}


def test_a_run_that_lambda_killed_at_its_deadline_goes_on_elsewhere(large: Large):
    body, lane = large.rig.put(), large.lanes["live"]
    large.rig.stage.run_ = failing(Killed())
    lane.send(body)
    event = lane.receive()
    with pytest.raises(Killed):
        stage_handler.handler(event, Context())
    large.rig.stage.run_ = large.run
    started = datetime.now(UTC) - timedelta(minutes=2)
    until = started.timestamp() + large.rig.config.topology.stages["toy"].timeout_s + 30
    large.rig.table.update(
        upload_of(body).video_id,
        "stage#toy",
        set={"started_at": started.isoformat(), "lease_until": f"{until:014.3f}"},
        condition="#state = :running",
        given={"running": "running"},
    )
    again(lane, event)
    large.deliver("live")
    assert large.left() == {"large": 1}
    large.finish("large")
    assert large.rig.state(body).state == "succeeded"


def test_a_stage_without_lanes_for_large_jobs_fails_by_timeout(
    large: Large, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("VIDEODROP_LARGE", '["twin"]')
    large.rig.stage.run_ = failing(TimedOut("deadline", "Too long."))
    body = large.rig.put()
    large.lanes["live"].send(body)
    large.deliver("live")
    assert large.left() == {}
    assert large.rig.state(body).error.code == "deadline"


def test_a_worker_in_processes_of_its_own_finishes_what_was_sent_on(
    config: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    path = topology_with({"toy": "tests.fakes.toystage"}, tmp_path / "topology.json", only=True)
    topology = json.loads(path.read_text())
    topology["stages"]["toy"]["guess"] = {"seconds_per_media_second": LONG_S}
    path.write_text(json.dumps(topology))
    for name, value in {"TOPOLOGY": str(path), "LARGE": '["toy"]', "STAGE": "toy"}.items():
        monkeypatch.setenv(f"VIDEODROP_{name}", value)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    house = Settings(name=config.name)
    resources.ensure(house)
    film, bucket = tmp_path / "film.mp4", house.names.uploads_bucket
    picture = ["-f", "lavfi", "-i", "testsrc2=size=64x36:rate=10:duration=1"]
    subprocess.run(["ffmpeg", "-v", "error", *picture, str(film)], check=True)
    aws.client("s3").put_object(Bucket=bucket, Key="videos/film.mp4", Body=film.read_bytes())
    live = Lane(aws.client("sqs"), house.names.queue("toy"), visibility_s=60, wait_s=10)
    record = live.receive()
    assert record is not None
    assert stage_handler.handler({"Records": [record]}, Context()) == {"batchItemFailures": []}
    live.delete(record)
    worker = Worker(house, hosted(house, ["toy"], large=True), wait_s=1)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        end = time.monotonic() + 60
        while (run := toy_run(house, bucket)).state != "succeeded":
            assert time.monotonic() < end, run
            time.sleep(0.1)
    finally:
        worker.stop()
        thread.join()
    assert run.current_result is not None
    assert (run.large, run.current_result.large, run.tries) == (True, True, 0)
    for lane in ("live", "large"):
        queue = Lane(aws.client("sqs"), house.names.queue("toy", lane), visibility_s=1, wait_s=0)
        assert queue.receive() is None


def toy_run(house: Settings, bucket: str) -> StageRun:
    run = bootstrap.catalog(house).runs.get(video_id(bucket, "videos/film.mp4"), "toy")
    assert run is not None
    return run


# -- crashes, duplicates and late messages -------------------------------------------------------


def again(lane: Mapping, event: dict[str, Any]) -> None:
    """Let the messages of a delivery that was cut off be delivered again."""
    for record in event["Records"]:
        lane.sqs.change_message_visibility(
            QueueUrl=lane.url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0
        )


@pytest.mark.usefixtures("long")
@pytest.mark.parametrize("moment", ["before it is given back", "before it is sent", "after"])
@pytest.mark.parametrize("order", [("live", "large"), ("large", "live")])
def test_a_crash_while_sending_on_only_duplicates_the_message(
    large: Large, monkeypatch: pytest.MonkeyPatch, moment: str, order: tuple[str, ...]
):
    body, lane, rig = large.rig.put(), large.lanes["live"], large.rig
    send = aws.client("sqs").send_message
    with monkeypatch.context() as patch:
        if moment == "before it is given back":
            patch.setattr("pipeline.aws.catalog.runs.Runs.release", failing(Killed()))
        elif moment == "before it is sent":
            patch.setattr(aws.client("sqs"), "send_message", failing(Killed()))
        else:
            patch.setattr(
                aws.client("sqs"), "send_message", lambda **kw: failing(Killed())(send(**kw))
            )
        send(QueueUrl=lane.url, MessageBody=body)
        event = lane.receive()
        with pytest.raises(Killed):
            stage_handler.handler(event, Context())
    assert large.left() == ({"live": 1, "large": 1} if moment == "after" else {"live": 1})
    if moment == "before it is given back":
        rig.expire_lease(body)
    again(lane, event)
    large.finish(*order)
    run = rig.state(body)
    assert (run.state, rig.stage.runs, run.tries) == ("succeeded", 1, 0)
    assert run.current_result is not None
    assert run.current_result.large
    assert rig.text(run.current_result) == "hello"
    assert len({key.rsplit("/", 1)[0] for key in rig.stored()}) == 1


@pytest.mark.usefixtures("long")
def test_the_receiver_of_a_message_can_begin_at_once(large: Large, monkeypatch: pytest.MonkeyPatch):
    send, body = aws.client("sqs").send_message, large.rig.put()

    def sent(**request: Any) -> Any:
        answer = send(**request)
        if "large" in request["QueueUrl"]:
            assert large.deliver("large") == []
        return answer

    large.lanes["live"].send(body)
    monkeypatch.setattr(aws.client("sqs"), "send_message", sent)
    assert large.deliver("live") == []
    assert large.left() == {}
    assert large.rig.state(body).state == "succeeded"


@pytest.mark.usefixtures("long")
def test_a_duplicate_that_arrives_during_the_large_run_is_deleted(large: Large):
    body, inner = large.rig.put(), large.run

    def run(*arguments: Any) -> Result:
        large.lanes["live"].send(body)
        assert large.deliver("live") == [], "it would come again until it counts as undeliverable"
        assert large.left() == {"large": 1}
        return inner(*arguments)

    large.rig.stage.run_ = run
    large.lanes["large"].send(body)
    large.deliver("large")
    assert large.left() == {}
    assert (large.rig.state(body).state, large.rig.stage.runs) == ("succeeded", 1)


def test_a_large_run_that_is_retried_is_not_a_duplicate(large: Large):
    body = large.rig.put()
    large.rig.stage.run_ = failing(DependencyFailed("aws_error", "S3 was unavailable."))
    large.lanes["large"].send(body)
    assert large.deliver("large") == [body]
    large.rig.stage.run_ = large.run
    assert large.rig.runner().handle(body, Delivery(60, large=True)) is Outcome.SUCCEEDED


def test_a_request_waits_as_long_as_the_large_run_before_it_may_take(large: Large):
    body, rig = large.rig.put(), large.rig
    upload, waits = upload_of(body), []
    rig.catalog.record_upload(upload, patience_s=3600)
    claim_run(rig.catalog.runs, upload, "toy", event_id="other", lease_s=60, large=True)
    request = aws_events.reprocess(upload.video_id, "toy", {"text": "x"})
    for receives in range(2, rig.config.topology.queues.max_receive_count):
        with pytest.raises(Retry) as retry:
            rig.runner().handle(request, Delivery(60, receives=receives))
        waits.append(retry.value.seconds)
    assert sum(waits) >= rig.config.topology.large.timeout_s
    assert max(waits) < 12 * 3600, "SQS hides nothing for longer"


@pytest.mark.usefixtures("long")
def test_a_message_that_cannot_be_sent_on_is_kept(large: Large, monkeypatch: pytest.MonkeyPatch):
    body = large.rig.put()
    large.lanes["live"].send(body)
    refusal = ClientError({"Error": {"Code": "OverLimit", "Message": "later"}}, "SendMessage")
    with monkeypatch.context() as patch:
        patch.setattr(aws.client("sqs"), "send_message", failing(refusal))
        assert large.deliver("live") == [body]
    assert large.left() == {"live": 1}
    assert large.rig.handle(body) is Outcome.SUCCEEDED, "the run is nobody's meanwhile"


def test_a_replaced_worker_sends_nothing_on(large: Large):
    body, inner = large.rig.put(), large.rig.runner()

    def run(*_: Any) -> Any:
        large.rig.expire_lease(body)
        large.rig.stage.run_ = large.run
        inner.handle(body, Delivery(60))
        raise TimedOut("deadline", "Too long.")

    large.rig.stage.run_ = run
    large.lanes["live"].send(body)
    assert large.deliver("live") == []
    assert large.left() == {}
    assert large.rig.state(body).state == "succeeded"


@pytest.mark.parametrize(
    ("lane", "killed", "state", "copies"),
    [
        ("live", "timeout", "pending", 1),
        ("live", "out_of_memory", "failed", 0),
        ("live", "crashed", "pending", 0),
        ("live", "stopped", "pending", 0),
        ("large", "timeout", "failed", 0),
    ],
)
def test_a_worker_that_had_to_kill_a_run_at_its_deadline_sends_it_on(
    large: Large,
    lane: Any,
    killed: str,
    state: str,
    copies: int,
    monkeypatch: pytest.MonkeyPatch,
):
    ended: list[str] = []
    monkeypatch.setattr(
        metrics, "_sink", lambda _metric, _value, labels: ended.append(labels.get("outcome", ""))
    )
    body, rig = large.rig.put(), large.rig
    upload = upload_of(body)
    rig.catalog.record_upload(upload, patience_s=3600)
    large.lanes[lane].send(body)
    (record,) = large.lanes[lane].receive()["Records"]
    claim_run(
        rig.catalog.runs,
        upload,
        "toy",
        event_id=upload.event_id,
        lease_s=60,
        receipt=receipt(record),
    )
    settings = rig.config.model_copy(update={"large": frozenset({"toy"})})
    function = Function("toy", "no.handler", 1, 1, lane=lane)
    over = host.abandon(settings, function, record, killed, "Killed.")
    assert over is (killed in {"timeout", "out_of_memory"})
    assert ended == ([] if not over else ["sent_on"] if copies else ["failed"])
    assert rig.state(body).state == state
    assert sum(large.left().values()) == 1 + copies
    assert bool(copies) is ("large" in large.left() and lane == "live")
