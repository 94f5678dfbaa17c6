"""Replays of a running stack: each changed result is computed once, in spite of kills."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from tests.e2e.conftest import Stack, start, stop

_PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=10:d=1", "-pix_fmt", "yuv420p")
_PATIENCE_S = 600.0

Made = tuple[str, str, str]
Make = Callable[..., Path]


def _clips(make_video: Make, count: int) -> Iterator[Path]:
    for number in range(count):
        yield make_video(f"replay-{number}.mp4", *_PICTURE, "-metadata", f"title={number}")


def _made(stack: Stack) -> Counter[Made]:
    """Return how often each result was published, by video, stage and fingerprint."""
    bucket = stack.service("s3").Bucket("videodrop-artifacts")
    keys = [one.key.split("/") for one in bucket.objects.filter(Prefix="artifacts/")]
    return Counter(
        (video_id, stage, fingerprint)
        for _, video_id, _, stage, fingerprint, _, *name in keys
        if name == ["manifest.json"]
    )


def _replay(stack: Stack, *args: str) -> dict[str, Any]:
    given = ("--set", "thumbnail-poster-quality=60", "--prefix", "replay-", "--json")
    return dict(json.loads(stack.cli("replay", *given, *args).stdout))


def _planned(view: dict[str, Any], *verdicts: str) -> dict[str, tuple[int, ...]]:
    return {one["stage"]: tuple(one[v] for v in verdicts) for one in view["plan"]["stages"]}


def test_a_changed_setting_runs_one_stage_of_each_video_once_as_the_dry_run_predicts(
    stack: Stack, make_video: Make
) -> None:
    stack.add(*_clips(make_video, 2), "--stages", "transcode,thumbnail")
    before = _made(stack)
    dry = _replay(stack, "--dry-run")
    assert _planned(dry, "run", "reuse", "current", "left_out") == {
        "transcode": (0, 0, 2, 0),
        "thumbnail": (2, 0, 0, 0),
        "transcribe": (0, 0, 0, 2),
        "detect": (0, 0, 0, 2),
    }
    assert _made(stack) == before, "a dry run runs nothing"
    ran = _replay(stack, "--yes")
    assert ran["state"] == "finished"
    assert ran["progress"]["succeeded"] == 2
    fresh = _made(stack) - before
    assert Counter(stage for _, stage, _ in fresh.elements()) == {"thumbnail": 2}
    assert set(fresh.values()) == {1}
    for video_id, stage, fingerprint in fresh:
        current = {one["stage"]: one["fingerprint"] for one in stack.video(video_id)["stages"]}
        assert current[stage] == fingerprint
    again = _replay(stack, "--yes")
    assert _planned(again, "run", "reuse", "current")["thumbnail"] == (0, 0, 2)
    assert _made(stack) - before == fresh


def test_a_replay_runs_all_once_despite_kills_of_driver_and_workers(
    tmp_path: Path, make_video: Make
) -> None:
    count = 6
    running = start(tmp_path / "home", stages=["thumbnail"], VIDEODROP_LEASE_S="8")
    try:
        running.add(*_clips(make_video, count), "--stages", "thumbnail")
        before = _made(running)
        replay_id = _replay(running, "--yes", "--detach")["replay_id"]

        _ended(running, replay_id, 1)
        hosts = _processes(running, "awslambdaric")
        driver = [one for one in hosts if "handlers.replays.handler" in one.cmdline()]
        at_it = max(hosts, key=psutil.Process.create_time)  # replays have their own child processes
        assert len(driver) == 1
        for one in {*driver, at_it, *hosts[::2]}:
            one.kill()
        assert _ended(running, replay_id, 3)["state"] == "running"
        [worker] = _processes(running, "pipeline.hosts.worker")
        worker.kill()

        progress = _ended(running, replay_id, count)["progress"]
        assert progress["asked"] == count
        assert progress["succeeded"] + progress["reused"] == count
        fresh = _made(running) - before
        # A kill between the last file and the record leaves orphaned files.
        assert len(fresh) == count <= fresh.total() <= count + 2
    finally:
        left = stop(running.process)
    assert left == []


def _ended(stack: Stack, replay_id: str, least: int) -> dict[str, Any]:
    """Return the replay once that many of its runs have ended, or all of them."""
    end = time.monotonic() + _PATIENCE_S
    while True:
        now = dict(stack.get(f"/replays/{replay_id}").json())
        progress = now["progress"]
        done = sum(progress[how] for how in ("succeeded", "reused", "failed", "lost"))
        if now["state"] == "finished" or least <= done < progress["asked"]:
            return now
        assert time.monotonic() < end, now
        time.sleep(0.25)


def _processes(stack: Stack, of: str) -> list[psutil.Process]:
    family = psutil.Process(stack.process.pid).children(recursive=True)
    found = []
    for one in family:
        with suppress(psutil.NoSuchProcess):  # it has ended, or nobody has collected it yet
            if of in one.cmdline():
                found.append(one)
    return found
