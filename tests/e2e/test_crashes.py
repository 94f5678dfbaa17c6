"""Processes killed at the worst moment: nothing is lost, nothing is done twice, nothing is left."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pipeline.client import StackFile
from tests.e2e.conftest import SAMPLES, Stack, start, stop

pytestmark = pytest.mark.models


def _until(what: Callable[[], bool], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_a_second_stack_in_the_same_home_is_refused_with_the_pid_of_the_first(
    stack: Stack,
) -> None:
    refused = stack.cli("up", "--port", "0", check=False)
    assert refused.returncode != 0
    assert str(stack.process.pid) in refused.stderr + refused.stdout


def test_state_survives_kill_9_of_everything(tmp_path: Path) -> None:
    home = tmp_path / "home"
    running = start(home)
    family = psutil.Process(running.process.pid).children(recursive=True)
    try:
        [vid] = [v["video_id"] for v in running.add(SAMPLES / "silent.mp4").values()]
        before = running.video(vid)
        time.sleep(11)  # what is older than ten seconds is promised to survive
        running.cli("add", SAMPLES / "portrait.mp4")
        running.process.send_signal(signal.SIGKILL)
        running.process.wait(10)
        _, left = psutil.wait_procs(family, timeout=20)
        assert left == [], "a killed stack takes its children with it"
        assert StackFile.read(home) is None
    finally:
        for one in family:
            if one.is_running():
                one.kill()
    again = start(home)
    try:
        after = again.video(vid)
        assert after["status"] == before["status"]
        assert [s["fingerprint"] for s in after["stages"]] == [
            s["fingerprint"] for s in before["stages"]
        ]
        assert "10 s" in (tmp_path / "up.log").read_text()
    finally:
        assert stop(again.process) == []


def test_a_stage_killed_in_the_middle_is_done_again_and_once(stack: Stack) -> None:
    stack.cli("add", SAMPLES / "landscape.mp4", "--option", "transcode-preset=slow")
    vid = next(
        one["video_id"]
        for one in stack.get("/videos").json()["videos"]
        if one["name"] == "landscape.mp4"
    )

    def encoder() -> psutil.Process | None:
        for one in psutil.Process(stack.process.pid).children(recursive=True):
            try:
                if one.name() == "ffmpeg" and "libx264" in one.cmdline():
                    return one.parent()
            except psutil.NoSuchProcess:
                continue
        return None

    _until(lambda: encoder() is not None)
    host = encoder()
    assert host is not None
    host.kill()
    _until(lambda: stack.video(vid)["status"] != "processing", 240)
    video = stack.video(vid)
    assert video["status"] == "ready", video
    [transcode] = [s for s in video["stages"] if s["stage"] == "transcode"]
    assert transcode["state"] == "succeeded"
    assert transcode["attempt"] >= 2
