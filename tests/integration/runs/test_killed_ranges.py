"""Real workers of films in ranges, killed by SIGKILL at every AWS call that changes something.

A death before such a call is one after the call before it, too. Each film has a queue of its own,
and a process that works on it until it dies at another call. Then this process finishes all films.
"""

import json
import os
import signal
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient

from handlers import stage as stage_handler
from pipeline.aws import clients as aws
from pipeline.aws.catalog.ranges import Ranges
from pipeline.core.settings import Settings
from pipeline.hosts.worker.lane import Lane
from pipeline.runs import heartbeat
from tests.conftest import forget_process_state, make_bus, make_table, topology_with
from tests.fakes import rangestage
from tests.fakes.rig import FakeStage, Rig, probe_anything, upload_of
from tests.integration.runs.test_handlers import Context

RANGES = 2
LEAST_CHANGES = 30
READS = ("BatchGet", "Get", "Head", "List", "Query", "Receive")


@dataclass
class Film:
    """A film, and the queue of its messages."""

    rig: Rig
    notes: Path
    number: int

    def __post_init__(self) -> None:
        self.name = f"{self.number}.mp4"
        self.body = self.rig.put(key=f"videos/{self.name}")
        self.queue = f"{self.rig.config.names.prefix}-{self.number}"
        sqs = aws.client("sqs")
        url = sqs.create_queue(QueueName=self.queue)["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody=self.body)

    def work(self) -> None:
        """Handle messages as a worker does, until none can be received."""
        lane = Lane(aws.client("sqs"), self.queue, visibility_s=1, wait_s=0)
        while record := lane.receive():
            answer = stage_handler.handler({"Records": [record]}, Context())
            if not answer["batchItemFailures"]:
                lane.delete(record)

    def work_until(self, nth: int | None = None) -> int:
        """Work in another process, which dies before its ``nth`` change; return its exit status."""
        pid = os.fork()
        if pid == 0:
            try:
                forget_process_state()
                changes = dying_at(nth)
                self.work()
                self.notes.write_text(str(len(changes)))
                os._exit(0)
            finally:
                os._exit(1)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def left(self) -> int:
        """Return the number of its messages."""
        names: Any = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible")]
        sqs = aws.client("sqs")
        url = sqs.get_queue_url(QueueName=self.queue)["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(map(int, found.values()))

    def check(self, noted: Counter[str]) -> None:
        """Check that there is one result, nothing beside it, and that little was repeated."""
        result = self.rig.state(self.body).current_result
        assert self.rig.text(result) == "one two", self.name
        listed = {"manifest.json", *(one["name"] for one in self.rig.manifest(result)["files"])}
        assert result is not None
        stored = {key for key in self.rig.stored() if upload_of(self.body).video_id in key}
        assert stored == {result.prefix + name for name in listed}, self.name
        ranges = [f"word-{number:04}" for number in range(RANGES)]
        begun = {name: noted[f"begun {self.name} {name}"] for name in [*ranges, "merge"]}
        assert sum(begun.values()) <= RANGES + 1 + 1, begun
        video_id = upload_of(self.body).video_id
        assert all(noted[f"done {video_id} {name}"] <= 1 for name in ranges), self.name


def dying_at(nth: int | None) -> list[str]:
    """Have this process die before its ``nth`` change at AWS; return the list of changes."""
    changes: list[str] = []
    call = BaseClient._make_api_call

    def counted(client: BaseClient, operation: str, request: Any) -> Any:
        if not operation.startswith(READS):
            changes.append(operation)
            if len(changes) == nth:
                os.kill(os.getpid(), signal.SIGKILL)
        return call(client, operation, request)

    BaseClient._make_api_call = counted  # type: ignore[method-assign]
    return changes


@pytest.fixture
def rig(config: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Rig:
    """An installation whose only stage has two ranges."""
    path = topology_with({"toy": "tests.fakes.rangestage"}, tmp_path / "topology.json", only=True)
    params = {"toy": {"text": "one two", "capitals": False}}
    for name, value in {
        "VIDEODROP_STAGE": "toy",
        "VIDEODROP_TOPOLOGY": str(path),
        "VIDEODROP_PARAMS": json.dumps(params),
        "VIDEODROP_LEASE_S": "3",
    }.items():
        monkeypatch.setenv(name, value)
    settings = config.model_copy(update={"topology_path": path})
    make_table(settings)
    make_bus(settings)
    for bucket in (settings.names.uploads_bucket, settings.names.artifacts_bucket):
        aws.client("s3").create_bucket(Bucket=bucket)
    monkeypatch.setattr("pipeline.runs.execute.probe", probe_anything)
    monkeypatch.setattr("pipeline.runs.manifest.ffmpeg.version", lambda: "none")
    monkeypatch.setattr(heartbeat, "_TICK_S", 60)
    return Rig(settings, FakeStage())


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A file in which all processes note the ranges that they begin, and those that are done."""
    path = tmp_path / "notes.txt"
    run_range, merge, done = rangestage.run_range, rangestage.merge, Ranges.done

    def note(line: str) -> None:
        with path.open("a") as file:
            file.write(line + "\n")

    def noting_range(*given: Any) -> Any:
        note(f"begun {given[0].name} {given[3].name}")
        return run_range(*given)

    def noting_merge(*given: Any) -> Any:
        note(f"begun {given[0].name} merge")
        return merge(*given)

    def noting_done(self: Ranges, request: Any, range_: Any) -> None:
        done(self, request, range_)
        note(f"done {request.video_id} {range_.name}")

    monkeypatch.setattr(rangestage, "run_range", noting_range)
    monkeypatch.setattr(rangestage, "merge", noting_merge)
    monkeypatch.setattr(Ranges, "done", noting_done)
    return path


def test_a_film_whose_worker_is_killed_at_any_call_has_one_result_and_leaves_nothing_else(
    rig: Rig, notes: Path, tmp_path: Path
):
    unharmed = Film(rig, tmp_path / "unharmed.txt", 0)
    assert unharmed.work_until() == 0
    changes = int(unharmed.notes.read_text()) - 1  # the first film of an installation has one more
    assert changes > LEAST_CHANGES
    films = [Film(rig, tmp_path / "unused.txt", number) for number in range(1, changes + 1)]
    for film in films:
        assert film.work_until(film.number) == -signal.SIGKILL
    left, end = films, time.monotonic() + 300
    while left and time.monotonic() < end:
        for film in left:
            film.work()
        left = [film for film in left if film.left()]
        time.sleep(0.5)
    assert left == []
    noted = Counter(notes.read_text().splitlines())
    for film in [unharmed, *films]:
        film.check(noted)
    items = aws.table(rig.config.names.table).scan(ProjectionExpression="sk")["Items"]
    assert [item for item in items if str(item["sk"]).startswith("range#")] == []
