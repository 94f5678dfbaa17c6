"""A worker with a home of its own, set up as the documentation says, beside a running stack."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.e2e import films
from tests.e2e.conftest import Stack, stop
from tests.fakes.servers import is_a_setting, untraced

SECONDS = 48


@contextmanager
def second_worker(stack: Stack, folder: Path) -> Iterator[Path]:
    """Run a worker, once it has loaded its handler; yield its log."""
    kept = {k: v for k, v in untraced().items() if not is_a_setting(k)}
    log = folder / "second.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.cli", "worker", "--stage", "transcode"],
            env=kept
            | {
                "AWS_CONFIG_FILE": str(stack.home / "aws.config"),
                "AWS_PROFILE": "videodrop",
                "VIDEODROP_HOME": str(folder / "second"),
            },
            stdout=file,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + 180
        while not psutil.Process(process.pid).children():
            assert time.monotonic() < end, log.read_text()
            assert process.poll() is None, log.read_text()
            time.sleep(0.2)
        yield log
    finally:
        assert stop(process) == []


def test_a_second_worker_shares_the_parts_of_a_film(
    stack: Stack, make_video: Callable[..., Path], tmp_path: Path
) -> None:
    path = films.make(make_video, "shared.mp4", SECONDS)
    with second_worker(stack, tmp_path) as log:
        film = stack.add(path, *films.OPTIONS)[path.name]
        logs = [log.read_text(), (stack.home / "logs" / "worker.log").read_text()]
    assert film["status"] == "ready_with_warnings", "it has no sound"
    done = [text.count(f"transcode {film['video_id']}: part") for text in logs]
    assert min(done) > 0, done
    assert sum(done) == SECONDS / 6
    assert films.Record(stack.file, film["video_id"]).made_of() == {
        f"picture-{number:04}-1" for number in range(SECONDS // 6)
    }
