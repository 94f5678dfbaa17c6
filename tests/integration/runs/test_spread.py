"""A spread run through real queues, and the AWS calls that it makes."""

from collections import Counter

import pytest

from handlers import stage as stage_handler
from pipeline.runs import heartbeat
from tests.fakes import rangestage
from tests.fakes.calls import counted
from tests.fakes.rig import Rig
from tests.integration.runs.test_handlers import Mapping

RANGES = 6
# The month, the video, its other stage; the probe; claimed and marked.
FAN_OUT = Counter(BatchGetItem=1, UpdateItem=5, GetObject=1, PutObject=1)
REQUESTS = Counter(SendMessageBatch=1)  # of up to ten ranges
# Claimed, and its run read again; done, ended; the source; two files and their description.
# The start of the source shows whether S3 sends parts.
WORD = Counter(BatchGetItem=1, GetItem=1, UpdateItem=3, GetObject=1, PutObject=2 + 1)
PLAN = Counter(GetObject=1)  # by the first range of a process
CAPITAL = WORD + Counter(GetObject=1 + 1)  # the part of its word, and one of its files
# Claimed, and its run read again; still held, current, timed; then what is left is deleted.
MERGE = (
    Counter(BatchGetItem=1, GetItem=1, UpdateItem=3, BatchWriteItem=1, GetObject=1, PutObject=2 + 1)
    + Counter(GetObject=RANGES + RANGES + RANGES)  # descriptions, files to read, files to join
    + Counter(Query=1, BatchWriteItem=1, ListObjectsV2=1, GetObject=1, DeleteObjects=1)
    + Counter(PutEvents=1)  # the end is told
)
DELIVERY = Counter(GetQueueUrl=1, ReceiveMessage=1, DeleteMessage=1, ChangeMessageVisibility=1)


@pytest.fixture
def queue(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Mapping:
    """The queue of the stage ``toy``, which has ranges here."""
    monkeypatch.setenv("VIDEODROP_STAGE", "toy")
    monkeypatch.setattr(heartbeat, "_TICK_S", 60)
    for name in ("Params", "plan", "run_range", "merge", "run"):
        monkeypatch.setattr(
            f"tests.fakes.toystage.{name}", getattr(rangestage, name), raising=False
        )
    return Mapping(rig.config.names.queue("toy"), stage_handler.handler)


def receive_one(queue: Mapping, monkeypatch: pytest.MonkeyPatch) -> None:
    receive = queue.sqs.receive_message
    monkeypatch.setattr(
        queue.sqs, "receive_message", lambda **how: receive(**how | {"MaxNumberOfMessages": 1})
    )


def test_a_film_goes_through_its_queue_range_by_range(
    rig: Rig, queue: Mapping, monkeypatch: pytest.MonkeyPatch
):
    receive_one(queue, monkeypatch)
    body = rig.put()
    queue.send(body)
    assert queue.deliver() == []
    run = rig.state(body)
    assert run.spread is not None
    assert (run.spread.total, run.spread.queue) == (RANGES, rig.config.names.queue("toy"))
    groups = [record["attributes"]["MessageGroupId"] for record in queue.receive()["Records"]]
    assert groups == [rig.video(body).video_id]


def test_the_calls_of_fan_out_range_and_merge(
    rig: Rig, queue: Mapping, monkeypatch: pytest.MonkeyPatch
):
    receive_one(queue, monkeypatch)
    body = rig.put()
    queue.send(body)
    calls: list[Counter[str]] = []
    while queue.left():
        with counted() as made:
            assert queue.deliver() == []
        calls.append(made - DELIVERY)
    assert rig.text(rig.state(body).current_result) == "one two three One Two Three"
    assert calls == [
        FAN_OUT + REQUESTS,
        *(WORD + PLAN, WORD, WORD + REQUESTS),
        *(CAPITAL, CAPITAL, CAPITAL + REQUESTS),
        MERGE,
    ]
