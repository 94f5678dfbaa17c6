"""A whole stack with a library of small videos, for benchmarks of replays."""

import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.aws.following import follow
from pipeline.aws.run_files import MANIFEST
from pipeline.core.settings import Settings
from pipeline.hosts import stack_file as client
from pipeline.replays.records import OVER, Replay
from pipeline.replays.request import ReplayRequest

DRIVER = "handlers.replays.handler"
STAGE = "handlers.stage.handler"
WORKER = "pipeline.hosts.worker"

_CLIP = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=10:d=1", "-pix_fmt", "yuv420p")
_START_S = 180.0
_LOOK_S = 0.2

Made = tuple[str, str, str]
"""Video id, stage and fingerprint of a result."""


class RunningStack:
    """A running stack to which this process is connected.

    Args:
        up: its main process.
        home: the folder of its state.
    """

    def __init__(self, up: psutil.Process, home: Path) -> None:
        self.home = home
        self.settings = Settings(home=home)
        self.catalog = bootstrap.catalog(self.settings)
        self.replays = bootstrap.replays(self.settings)
        self._up = up

    def fill(self, count: int, *, timeout_s: float, stages: str = "") -> list[str]:
        """Process `count` videos of a second each, all with different bytes; return their ids.

        Args:
            count: number of videos.
            timeout_s: for all of them.
            stages: the stages to run, separated by commas; all if empty.
        """
        uploads = bootstrap.uploads(self.settings)
        with tempfile.TemporaryDirectory() as directory:
            clip = Path(directory) / "clip.mp4"
            ffmpeg(*_CLIP, clip)
            ids = []
            options = {"stages": stages} if stages else {}
            for number in range(count):
                with distinct(clip, number) as copy:
                    key = uploads.key(f"{number:04}.mp4")
                    ids.append(uploads.put(copy, key, options=options))
        for seen in follow(self.catalog, dict.fromkeys(ids), timeout_s=timeout_s, every_s=5):
            done = sum(video.status != "processing" for video in seen)
            log(f"{done} of {count} videos processed")
        return ids

    def start(self, request: ReplayRequest) -> Replay:
        """Start a replay."""
        return self.replays.start(request)

    def wait(self, replay: Replay, *, timeout_s: float) -> Replay:
        """Return the replay once it is over, or planned by a dry run.

        Raises:
            TimeoutError: it did not reach such a state.
        """
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            now = self.look(replay)
            if now.state in OVER or (now.state == "planned" and now.desired_state == "plan"):
                return now
            time.sleep(_LOOK_S)
        raise TimeoutError(f"Replay {replay.replay_id} is {self.look(replay).state}.")

    def look(self, replay: Replay) -> Replay:
        """Return the current replay."""
        now = self.replays.get(replay.replay_id)
        if now is None:
            raise LookupError(replay.replay_id)
        return now

    def made(self) -> Counter[Made]:
        """Return how often each result was published, by the manifests in the bucket."""
        made: Counter[Made] = Counter()
        bucket = self.settings.names.artifacts_bucket
        pages = aws.client("s3").get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=bucket, Prefix="artifacts/"):
            for item in page.get("Contents", []):
                if item["Key"].endswith(f"/{MANIFEST}"):
                    _, video_id, _, stage, fingerprint, _, _ = item["Key"].split("/")
                    made[video_id, stage, fingerprint] += 1
        return made

    def processes(self, of: str) -> list[psutil.Process]:
        """Return the stack's processes that have this word in their command line."""
        found = []
        for one in self.family():
            try:
                if of in one.cmdline():
                    found.append(one)
            except psutil.NoSuchProcess:
                continue
        return found

    def family(self) -> list[psutil.Process]:
        """Return all processes of the stack."""
        return [self._up, *self._up.children(recursive=True)]


@contextmanager
def running_stack(home: Path, **environment: str) -> Iterator[RunningStack]:
    """Run ``videodrop up`` with its own home."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "VIDEODROP_"))}
    command = [sys.executable, "-m", "pipeline.cli", "up", "--port", "0"]
    up = subprocess.Popen(  # noqa: S603 - our own program
        command,
        env=kept | environment | {"VIDEODROP_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        end = time.monotonic() + _START_S
        while client.StackFile.read(home) is None:
            if up.poll() is not None or time.monotonic() > end:
                sys.exit(f"videodrop up did not start; see {home / 'logs'}.")
            time.sleep(_LOOK_S)
        client.connect(home)
        yield RunningStack(psutil.Process(up.pid), home)
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(60)


@contextmanager
def distinct(video: Path, number: int) -> Iterator[Path]:
    """Yield a copy of an MP4 file whose bytes differ by a box that players skip."""
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / video.name
        shutil.copyfile(video, copy)
        with copy.open("ab") as file:
            file.write(struct.pack(">I4sQ", 16, b"free", number))
        yield copy


def cpu_seconds(processes: list[psutil.Process]) -> float:
    """Return the CPU time of these processes and of their ended children so far."""
    total = 0.0
    for one in processes:
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def log(text: str) -> None:
    """Print progress on standard error."""
    print(text, file=sys.stderr, flush=True)


def ffmpeg(*args: str | Path) -> None:
    """Run ffmpeg; raise if it fails."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *args]
    subprocess.run(command, check=True)  # noqa: S603 - our own arguments
