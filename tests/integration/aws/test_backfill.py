"""Take in what lies in the uploads bucket already: real S3, DynamoDB and SQS calls."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline import bootstrap
from pipeline.aws import backfill as module
from pipeline.aws import clients as aws
from pipeline.aws.backfill import Backfill, Place, Seen
from pipeline.aws.messages import queue_url
from pipeline.aws.missing import Missing
from pipeline.aws.notified import Notified
from pipeline.core import events
from pipeline.core.errors import DependencyFailed
from pipeline.core.events import Upload
from pipeline.core.topology import EVENTS
from pipeline.runs.delivery import Outcome
from tests.fakes.rig import Rig

HERE = Place("videos/")
Put = Callable[..., None]


@pytest.fixture
def put(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Write objects to a bucket whose queues exist; a step of the walk has two objects."""
    monkeypatch.setattr(module, "_STEP", 2)
    names = rig.config.names
    for stage in rig.config.topology.stages:
        for queue in (names.queue(stage), names.queue(stage, "replay")):
            aws.client("sqs").create_queue(QueueName=queue)
    aws.client("sqs").create_queue(QueueName=names.queue(EVENTS))

    def write(*keys: str, body: bytes = b"a video", **given: str) -> None:
        for key in keys:
            aws.client("s3").put_object(Bucket=names.uploads_bucket, Key=key, Body=body, **given)

    return write


def walk(rig: Rig) -> Backfill:
    return bootstrap.backfill(rig.config)


def last(seen: Iterator[Seen]) -> Seen:
    return list(seen)[-1]


def messages(rig: Rig, *lane: str, stage: str = "toy") -> list[str]:
    url = queue_url(rig.config.names.queue(stage, *lane))  # type: ignore[arg-type]
    sqs, found = aws.client("sqs"), list[str]()
    while got := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [one["Body"] for one in got]
        for one in got:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    return found


def keys(found: list[str]) -> list[str]:
    parsed = [events.parse(one) for one in found]
    return sorted(one.key for one in parsed if isinstance(one, Upload))


def test_videos_that_the_catalog_lacks_are_sent_to_the_queues_of_replays(rig: Rig, put: Put):
    put("videos/a.mp4", "videos/b/ä +%.mp4", "videos/known.mp4", "elsewhere/c.mp4")
    put("videos/a.srt")
    put("videos/b/", "videos/.DS_Store", body=b"")
    put("videos/cold.mp4", StorageClass="DEEP_ARCHIVE")
    rig.catalog.record_upload(_upload(rig, "videos/known.mp4"), patience_s=60)
    planned = last(walk(rig).plan(HERE))
    assert messages(rig, "replay") == []
    assert last(walk(rig).run(HERE)) == planned
    numbers = {"objects": 7, "new": 2, "bytes": 14, "captions": 1, "known": 1, "cold": 1}
    assert {name: getattr(planned, name) for name in numbers} == numbers
    assert planned.other == 2
    found = [messages(rig, "replay", stage=one) for one in rig.config.topology.stages]
    assert keys(found[0]) == ["videos/a.mp4", "videos/a.srt", "videos/b/ä +%.mp4"]
    assert all(sorted(one) == sorted(found[0]) for one in found)
    assert messages(rig) == messages(rig, stage=EVENTS) == []


def test_what_is_sent_is_processed_after_live_work_and_never_again(rig: Rig, put: Put):
    put("videos/a.mp4")
    last(walk(rig).run(HERE))
    (body,) = messages(rig, "replay")
    assert rig.handle(body) is Outcome.SUCCEEDED
    event = events.parse(body)
    run = rig.catalog.runs.get(event.video_id, "toy")
    assert run is not None
    assert events.lane(run.event_id) == "replay"
    again = last(walk(rig).run(HERE))
    assert (again.new, again.known) == (0, 1)


def test_a_walk_that_was_killed_goes_on_where_it_ended(rig: Rig, put: Put):
    put(*(f"videos/{number}.mp4" for number in range(7)))
    since = datetime.now(UTC) - timedelta(hours=1)
    killed = walk(rig).run(Place("videos/", since))
    assert [next(killed).new, next(killed).new] == [2, 4]
    killed.close()
    left = walk(rig).begun("videos/")
    assert left == Place("videos/", since, after="videos/3.mp4")
    assert keys(messages(rig, "replay")) == [f"videos/{number}.mp4" for number in range(4)]
    assert last(walk(rig).run(left)).new == 3
    assert keys(messages(rig, "replay")) == [f"videos/{number}.mp4" for number in range(4, 7)]
    assert walk(rig).begun("videos/") is None


def test_what_could_not_be_sent_is_sent_by_the_next_walk(
    rig: Rig, put: Put, monkeypatch: pytest.MonkeyPatch
):
    put("videos/a.mp4", "videos/gone.mp4")

    def reject(*_: Any, **__: Any) -> None:
        raise DependencyFailed("not_sent", "A queue took none.")

    place = Place("videos/", datetime.now(UTC) - timedelta(hours=1))
    with monkeypatch.context() as rejected:
        rejected.setattr(Notified, "send", reject)
        with pytest.raises(DependencyFailed):
            last(walk(rig).run(place))
    left = walk(rig).begun("videos/")
    assert left == place, "its options are not asked for again"
    found = Missing.object
    monkeypatch.setattr(
        Missing, "object", lambda one, key: None if "gone" in key else found(one, key)
    )
    assert last(walk(rig).run(left)).new == 2
    assert keys(messages(rig, "replay")) == ["videos/a.mp4"]


def test_what_was_sent_twice_is_the_same_event(rig: Rig, put: Put):
    put("videos/a.mp4")
    for _ in range(2):
        last(walk(rig).run(HERE))
    first, second = messages(rig, "replay")
    assert events.parse(first) == events.parse(second)


def test_no_more_is_sent_while_a_window_waits(rig: Rig, put: Put, monkeypatch: pytest.MonkeyPatch):
    put(*(f"videos/{number}.mp4" for number in range(6)))
    slept: list[float] = []
    stages = list(rig.config.topology.stages)

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        assert len(slept) < 5
        # The queues are emptied one after another: the fullest one counts.
        assert 1 < len(messages(rig, "replay", stage=stages[len(slept) % len(stages)])) <= 4

    monkeypatch.setattr(module.time, "sleep", sleep)
    rig.config = rig.config.model_copy(update={"replay_window": 2})
    seen = list(walk(rig).run(HERE))
    assert seen[-1].new == 6
    assert {one.new for one in seen if one.waits} == {4}, "those that wait to be sent do not count"
    assert len(slept) >= len(stages) == 2


def test_only_what_was_written_since_is_taken_in(rig: Rig, put: Put):
    put("videos/a.mp4")
    hour = timedelta(hours=1)
    for since, new in ((datetime.now(UTC) + hour, 0), (datetime.now(UTC) - hour, 1)):
        seen = last(walk(rig).plan(Place("videos/", since)))
        assert (seen.new, seen.older) == (new, 1 - new)


def test_a_file_that_was_restored_from_an_archive_is_taken_in(
    rig: Rig, put: Put, monkeypatch: pytest.MonkeyPatch
):
    put("videos/a.mp4", "videos/b.mp4")
    put(*(f"videos/{name}.mp4" for name in ("cold", "done", "going")), StorageClass="GLACIER")
    done = {"IsRestoreInProgress": False, "RestoreExpiryDate": datetime.now(UTC)}
    status = {
        "videos/done.mp4": {"RestoreStatus": done},
        "videos/going.mp4": {"RestoreStatus": {"IsRestoreInProgress": True}},
    }
    s3: Any = aws.client("s3")
    plain = s3.list_objects_v2

    def listed(**request: Any) -> Any:
        more = request.pop("OptionalObjectAttributes", [])
        answer = plain(**request)
        if more == ["RestoreStatus"]:
            for one in answer["Contents"]:
                one.update(status.get(one["Key"], {}))
        return answer

    monkeypatch.setattr(s3, "list_objects_v2", listed)
    seen = last(walk(rig).run(HERE))
    assert (seen.new, seen.cold) == (3, 2)
    assert keys(messages(rig, "replay"))[-1] == "videos/done.mp4"


def _upload(rig: Rig, key: str) -> Upload:
    missing = bootstrap.missing(rig.config)
    event = missing.created({"Key": key}, None)
    assert event is not None
    found = events.parse(json.dumps(event))
    assert isinstance(found, Upload)
    return found
