"""Whole videos through a running stack: CPU time of the stages, and AWS calls."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks import counting_server as counting
from benchmarks import other_videos
from benchmarks.comparison import Figures
from benchmarks.inputs import BUILD, Input, warm_up
from benchmarks.library import STAGE, RunningStack, cpu_seconds, distinct, log, running_stack
from benchmarks.measure import CommandFailed
from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.aws.following import follow
from pipeline.core.records import Video

_TIMEOUT_S: Final = 3600.0
_SETTLE_S: Final = 2.0  # the worker deletes the message after the record is written
_START_S: Final = 60.0
_REGION: Final = "us-east-1"


class EventPath:
    """A running stack on an AWS that counts its requests.

    Args:
        params: parameters of the stages, by stage.
        fill: number of videos to record first.
        threads: CPU threads of each stage.
    """

    def __init__(
        self, params: Mapping[str, Mapping[str, Any]], *, fill: int = 0, threads: int = 1
    ) -> None:
        self._params = params
        self._fill = fill
        self._threads = threads
        self._stack: RunningStack | None = None
        self._number = 0
        self.aws: dict[str, str] = {}

    def start(self, leaving: ExitStack, name: str) -> None:
        """Start the stack and process a warm-up, so that all models are loaded."""
        if self._stack:
            return
        home = BUILD / "stacks" / name
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        self.aws = leaving.enter_context(counting_aws(home))
        with observing(self.aws):
            stack = running_stack(
                home,
                **self.aws,
                VIDEODROP_FETCH="false",
                VIDEODROP_PARAMS=json.dumps(self._params),
                OMP_NUM_THREADS=str(self._threads),
            )
            self._stack = leaving.enter_context(stack)
            if self._fill:
                log(f"filling the catalog with {self._fill} videos …")
                other_videos.record(self._stack.settings.names.table, self._fill)
            self.process(warm_up())

    def process(self, video: Path) -> Figures:
        """Upload a video; return what the stages used until all results were there.

        Raises:
            CommandFailed: a stage failed.
        """
        if self._stack is None:
            raise RuntimeError("The stack is not started.")
        self._number += 1
        name = f"video-{self._number}.mp4"
        with observing(self.aws), distinct(video, self._number) as copy:
            before = self._used()
            uploads = bootstrap.uploads(self._stack.settings)
            video_id = uploads.put(copy, uploads.key(name))
            videos: list[Video] = []
            for seen in follow(self._stack.catalog, {video_id: None}, timeout_s=_TIMEOUT_S):
                videos = seen
            time.sleep(_SETTLE_S)
            after = self._used()
        counts = before[1], after[1]
        if not videos or not videos[0].status.startswith("ready"):
            raise CommandFailed(f"{name} is {videos[0].status if videos else 'missing'}.")
        runs = {stage: run.result for stage, run in videos[0].stages.items() if run.result}
        return {
            "cpu_s": after[0] - before[0],
            "calls": float(counting.calls(*counts)),
            # Each stage reads the source once, and writes each of its files once.
            "calls_beside_files": float(
                counting.calls(*counts) - sum(1 + one.cost.files for one in runs.values())
            ),
            **{f"calls, {name}": float(n) for name, n in counting.made(*counts).items()},
            **{f"cpu_s, {stage}": made.cost.cpu_seconds for stage, made in runs.items()},
            "s3_mb": counting.sent_mb(*counts),
        }

    def run(self, source: Input, _: Path) -> Figures:
        """Process an input; this is a ``Runner``."""
        return self.process(source.path())

    def counts(self) -> dict[str, int]:
        """Return the counts of the AWS that the stack uses."""
        return counting.counts(self.aws["AWS_ENDPOINT_URL"])

    def _used(self) -> tuple[float, dict[str, int]]:
        if self._stack is None:
            raise RuntimeError("The stack is not started.")
        return cpu_seconds(self._stack.processes(STAGE)), self.counts()


@contextmanager
def counting_aws(home: Path) -> Iterator[dict[str, str]]:
    """Run the counting AWS; yield the variables that select it."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    variables = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark-only",
        "AWS_REGION": _REGION,
        "AWS_DEFAULT_REGION": _REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    command = [sys.executable, "-m", "benchmarks.counting_server", str(home / "aws"), str(port)]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "VIDEODROP_"))}
    with subprocess.Popen(  # noqa: S603 - our own program
        command, env=kept | variables, stdout=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            _await(endpoint + counting.COUNTS)
            yield variables
        finally:
            process.terminate()


def _await(url: str) -> None:
    end = time.monotonic() + _START_S
    while True:
        try:
            urllib.request.urlopen(url).close()  # noqa: S310 - our own server
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
        else:
            return


@contextmanager
def observing(variables: Mapping[str, str]) -> Iterator[None]:
    """Use this AWS in this process, as an observer whose requests are not counted."""
    changed = {**variables, "AWS_SDK_UA_APP_ID": counting.OBSERVER}
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    # Clients are made once a process, for one AWS.
    aws.client.cache_clear()  # type: ignore[attr-defined]
    aws.table.cache_clear()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
