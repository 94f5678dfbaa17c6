"""Processes killed at the worst time: nothing is lost, done twice, or left running."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline.hosts.stack_file import StackFile
from tests.e2e import films
from tests.e2e.conftest import SAMPLES, Stack, start, stop

pytestmark = pytest.mark.models

PARTS = 12


def _until(what: Callable[[], bool], seconds: float = 90, every_s: float = 0.5) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(every_s)


def _videos(stack: Stack) -> list[dict[str, Any]]:
    return list(stack.get("/videos").json()["videos"])


def test_a_second_stack_in_the_same_home_is_rejected_with_the_pid_of_the_first(
    stack: Stack,
) -> None:
    refused = stack.cli("up", "--port", "0", check=False)
    assert refused.returncode != 0
    assert str(stack.process.pid) in refused.stderr + refused.stdout


def _half_way(stack: Stack, film: Path) -> tuple[str, frozenset[str]]:
    """Upload a film; return its id, and the parts that have ended once half of them have."""
    video_id, _ = stack.cli("add", film, *films.OPTIONS).stdout.split()
    record, ended = films.Record(stack.file, video_id), set[str]()

    def is_half() -> bool:
        ended.update(record.ended())
        return len(ended) >= PARTS // 2

    _until(is_half, every_s=0.2)
    time.sleep(0.5)  # who only reads is answered a moment before what was read is on the disk
    return video_id, frozenset(ended)


def test_state_survives_kill_9_of_everything_and_a_film_continues_with_the_part_in_hand(
    tmp_path: Path, make_video: Callable[..., Path]
) -> None:
    home = tmp_path / "home"
    film = films.make(make_video, "film.mp4", 6 * PARTS)
    settings = {"stages": ("transcode", "thumbnail"), "VIDEODROP_LEASE_S": "8"}
    running = start(home, **settings)
    family: list[psutil.Process] = []
    try:
        [before] = running.add(SAMPLES / "silent.mp4", "--stages", "thumbnail").values()
        film_id, ended = _half_way(running, film)
    finally:
        main = psutil.Process(running.process.pid)
        family = [*main.children(recursive=True), main]
        for one in family:
            with suppress(psutil.NoSuchProcess):  # the previous stack's
                one.kill()
        running.process.wait(60)
    assert StackFile.read(home) is None, "a dead stack is not reported as running"
    again = start(home, **settings)
    try:
        after = again.video(before["video_id"])
        assert after["status"] == before["status"]
        assert [s["fingerprint"] for s in after["stages"]] == [
            s["fingerprint"] for s in before["stages"]
        ]
        assert "Everything that it acknowledged is there" in (tmp_path / "up.log").read_text()
        _until(lambda: all(v["status"] != "processing" for v in _videos(again)))
        assert again.video(film_id)["status"] == "ready_with_warnings", "it has no sound"
        made_of = films.Record(again.file, film_id).made_of()
    finally:
        assert stop(again.process) == []
    assert PARTS // 2 <= len(ended) < PARTS
    assert ended <= made_of
    assert len(made_of) == PARTS
    assert sum(not tag.endswith("-1") for tag in made_of) <= 1, "one worker had one part in hand"


def test_a_stage_killed_in_the_middle_runs_again_exactly_once(
    stack: Stack, make_video: Callable[..., Path]
) -> None:
    # Long enough to be killed during the run: no keyframes at which it could be copied.
    source = ("-f", "lavfi", "-i", "testsrc2=s=640x360:r=30:d=8", "-g", "999")
    path = make_video("busy.mp4", *source, "-c:v", "libx264", "-preset", "ultrafast")
    slowly = ("--stages", "transcode", "--option", "transcode-preset=slow")

    def host() -> psutil.Process | None:
        """Return the host process of the handler whose encoder runs."""
        for one in psutil.Process(stack.process.pid).children(recursive=True):
            try:
                if one.name() == "ffmpeg" and "libx264" in one.cmdline():
                    return one.parent()
            except psutil.NoSuchProcess:
                continue
        return None

    found: list[psutil.Process] = []
    with ThreadPoolExecutor() as beside:
        adding = beside.submit(stack.cli, "add", path, *slowly)
        _until(lambda: bool(found.extend(filter(None, [host()])) or found), every_s=0.05)
        found[0].kill()
        adding.result()
    [vid] = [v["video_id"] for v in _videos(stack) if v["name"] == path.name]
    _until(lambda: stack.video(vid)["status"] != "processing", 240)
    video = stack.video(vid)
    assert video["status"] in {"ready", "ready_with_warnings"}, video
    [transcode] = [s for s in video["stages"] if s["stage"] == "transcode"]
    assert transcode["state"] == "succeeded"
    assert transcode["attempt"] >= 2
