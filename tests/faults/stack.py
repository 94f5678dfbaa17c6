"""An embedded AWS, doors to its services, and workers of one stage; all are real processes."""

import json
import os
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from benchmarks import power
from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.aws import provision
from pipeline.core.events import video_id
from pipeline.core.records import StageRun
from pipeline.core.settings import Settings
from pipeline.hosts.child import Child
from tests.fakes.servers import untraced
from tests.faults.door import Door

STAGE = "step"
SERVICES = {"s3": "S3", "dynamodb": "DYNAMODB", "sqs": "SQS", "events": "EVENTBRIDGE"}
PATIENCE_S = 120.0
_CLIP = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=10:d=2", "-pix_fmt", "yuv420p")


class Stack:
    """An installation with the stage ``step`` alone.

    Args:
        folder: of all its files.
        settings: of this process, which is connected to it.
    """

    def __init__(self, folder: Path, settings: Settings, port: int) -> None:
        self.folder = folder
        self.settings = settings
        self.scratch = folder / "scratch"
        self.workers: list[Child] = []
        self.doors = {name: Door(f"http://127.0.0.1:{port}") for name in SERVICES}
        self.server = serve(folder, port)
        provision.ensure(settings)
        self._catalog = bootstrap.catalog(settings)
        self._clip = folder / "clip.mp4"
        self._dropped = 0
        self.last_key = ""
        command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *_CLIP, str(self._clip)]
        subprocess.run(command, check=True)

    def close(self) -> None:
        """End everything."""
        for worker in self.workers:
            worker.kill()
        for door in self.doors.values():
            door.close()
        self.server.kill()

    # -- processes ---------------------------------------------------------------------------------

    def start_worker(self, **settings: str) -> Child:
        """Start a worker."""
        doors = {f"AWS_ENDPOINT_URL_{SERVICES[name]}": d.url for name, d in self.doors.items()}
        with (self.folder / "worker.log").open("ab") as log:
            worker = Child(
                "pipeline.hosts.entrypoint",
                env={
                    **untraced(),
                    **doors,
                    "VIDEODROP_STAGE": STAGE,
                    "VIDEODROP_SCRATCH": str(self.scratch),
                    "VIDEODROP_REPLAY_CONCURRENCY": "0",
                    "FAULTS_FIRST_RETRY_S": "0.5",
                    **settings,
                },
                stdout=log,
                stderr=log,
            )
        self.workers.append(worker)
        return worker

    @contextmanager
    def worker(self, **settings: str) -> Iterator[Child]:
        """Have a worker while the block lasts, in place of the others."""
        before = self.workers
        self.end_workers()
        started = self.start_worker(**settings)
        try:
            yield started
        finally:
            self.end_workers()
            if before:
                self.start_worker()

    def end_workers(self) -> None:
        """Kill all workers."""
        for worker in self.workers:
            worker.kill()
        self.workers = []

    def restart_server(self) -> None:
        """Start the embedded AWS again, at the same address."""
        port = int(os.environ["AWS_ENDPOINT_URL"].rpartition(":")[2])
        self.server = serve(self.folder, port)

    def cut_power(self) -> None:
        """Kill all processes at once, and take from the files what was not synced."""
        for child in (self.server, *self.workers):
            os.kill(child.pid, signal.SIGKILL)
        self.server.kill()
        self.end_workers()
        power.cut(self.folder / "aws", self.folder / "syncs.jsonl")

    def family(self, worker: Child) -> list[psutil.Process]:
        """Return a worker and all its children."""
        main = psutil.Process(worker.pid)
        return [main, *main.children(recursive=True)]

    def handlers(self) -> list[psutil.Process]:
        """Return the processes that run the handler."""
        found = [one for worker in self.workers for one in self.family(worker)[1:]]
        return [one for one in found if "awslambdaric" in _words(one)]

    def tools(self) -> list[psutil.Process]:
        """Return the processes of ffmpeg that copy a source."""
        found = [one for worker in self.workers for one in self.family(worker)[1:]]
        return [one for one in found if "-re" in _words(one)]

    # -- jobs --------------------------------------------------------------------------------------

    def drop(self, content: bytes | None = None, key: str = "") -> str:
        """Upload a video, by default other bytes each time; return its id."""
        content = content or self.content()
        key = self.last_key = key or f"videos/{self._dropped}/clip.mp4"
        bucket = self.settings.names.uploads_bucket
        aws.client("s3").put_object(Bucket=bucket, Key=key, Body=content)
        return video_id(bucket, key)

    def content(self) -> bytes:
        """Return a video, other bytes each time."""
        self._dropped += 1
        return self._clip.read_bytes() + struct.pack(">I4sQ", 16, b"free", self._dropped)

    def run(self, video: str) -> StageRun | None:
        """Return the run of a video."""
        return self._catalog.runs.get(video, STAGE)

    def state(self, video: str) -> str:
        """Return the state of a run; empty if there is none."""
        run = self.run(video)
        return run.state if run else ""

    def ended(self, video: str) -> StageRun:
        """Return the run of a video once it is over."""
        until(lambda: self.state(video) not in {"", "pending", "running"})
        run = self.run(video)
        assert run is not None
        return run

    def left(self) -> list[str]:
        """Return what is left of jobs that are over: messages, folders, processes."""
        sqs = aws.client("sqs")
        url = sqs.get_queue_url(QueueName=self.settings.names.queue(STAGE))["QueueUrl"]
        counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        kinds = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        messages = ["message"] * sum(int(counts[kind]) for kind in kinds)
        folders = list(self.scratch.iterdir()) if self.scratch.exists() else []
        return [*messages, *(f"folder {one.name}" for one in folders), *map(str, self.tools())]

    def manifests(self, video: str) -> list[str]:
        """Return the keys of the manifests of a video: one for each time that it was published."""
        bucket = self.settings.names.artifacts_bucket
        found = aws.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"artifacts/{video}/")
        keys = [one["Key"] for one in found.get("Contents", [])]
        return [key for key in keys if key.endswith("/manifest.json")]

    def announced(self, video: str) -> set[str]:
        """Return the ids of the events that say that the stage of a video succeeded."""
        sqs = aws.client("sqs")
        url = sqs.get_queue_url(QueueName=self.settings.names.queue("events"))["QueueUrl"]
        found = set()
        while messages := sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0
        ).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                event = json.loads(message["Body"])
                if event["detail-type"] == "Stage Succeeded":
                    detail: dict[str, Any] = event["detail"]
                    if detail["video_id"] == video:
                        found.add(json.dumps(detail, sort_keys=True))
        return found


def serve(folder: Path, port: int) -> Child:
    """Start the embedded AWS, which logs what it syncs."""
    state, log = folder / "aws", folder / "syncs.jsonl"
    server = Child(
        "benchmarks.power",
        *(str(log), "pipeline.hosts.local.server", str(state), str(port)),
        env=untraced(),
        stdout=subprocess.PIPE,
    )
    assert server.stdout is not None
    said = json.loads(server.stdout.readline())
    assert said.get("endpoint", "").endswith(f":{port}"), said
    return server


def until(condition: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    """Wait until a condition holds, also while the embedded AWS is away."""
    end = time.monotonic() + seconds
    while True:
        with suppress(*aws.ERRORS):
            if condition():
                return
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it."""
    shutil.rmtree(folder, ignore_errors=True)


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []
