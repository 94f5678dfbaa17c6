"""``videodrop backfill``: planned, priced, confirmed, and processed by the lane of replays."""

import subprocess
import sys
import time
from collections.abc import Callable
from threading import Semaphore
from typing import Any

import pytest

from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.aws.messages import queue_url
from pipeline.aws.queues import counts
from pipeline.core.media_info import Probe
from pipeline.core.settings import Settings
from pipeline.runs.delivery import Delivery
from tests.integration.cli.conftest import hosting


@pytest.fixture
def put(toys: Settings) -> Callable[..., None]:
    def write(*keys: str, body: bytes = b"a video") -> None:
        for key in keys:
            aws.client("s3").put_object(Bucket=toys.names.uploads_bucket, Key=key, Body=body)

    return write


def test_a_plan_shows_numbers_and_prices_and_sends_nothing(cli, put):
    put("videos/a.mp4", "videos/b.mp4")
    put("videos/folder/", body=b"")
    planned = cli("backfill", "--dry-run")
    assert planned.code == 0
    assert "2 new videos of 14 bytes among 3 objects" in planned.out
    assert "1 of other kinds: folders, and files beside videos" in planned.out
    assert "a guess: nothing like it has run here yet" in planned.out
    assert "toy" in planned.out
    assert "Nothing was sent" in planned.err
    shown = cli("backfill", "--dry-run", "--json").json
    assert (shown["new"], shown["sent"]) == (2, 0)
    assert shown["estimate"]["usd"] > 0


def test_it_asks_before_it_begins(cli, put):
    put("videos/a.mp4")
    refused = cli("backfill", "--json")
    assert (refused.code, refused.error["code"]) == (2, "not_confirmed")


@pytest.mark.usefixtures("toys")
def test_nothing_to_take_in_is_no_failure(cli):
    nothing = cli("backfill", "--yes")
    assert (nothing.code, "nothing to take in" in nothing.err) == (0, True)


@pytest.mark.parametrize("wrong", [["--prefix", "elsewhere/"], ["--since", "yesterday"]])
@pytest.mark.usefixtures("toys")
def test_a_wrong_option_is_rejected(cli, wrong: list[str]):
    assert cli("backfill", *wrong, "--json").error["code"] == "bad_option"


def test_an_interrupted_one_goes_on_with_its_own_options(cli, put, toys: Settings):
    put("videos/a.mp4", "videos/b.mp4", "videos/c.mp4")
    row = {"pk": "#backfill", "sk": f"{toys.names.uploads_bucket}/videos/"}
    aws.table(toys.names.table).put_item(Item=row | {"after": "videos/b.mp4", "since": None})
    assert cli("backfill", "--since", "7d", "--json").error["code"] == "bad_option"
    left = cli("backfill", "--dry-run")
    assert "goes on after videos/b.mp4" in left.err
    assert "1 new videos" in left.out
    assert cli("backfill", "--dry-run", "--again", "--json").json["new"] == 3


@pytest.mark.parametrize("how", [[], ["--again"]])
def test_an_interrupted_one_that_has_nothing_left_is_over(cli, put, toys: Settings, how: list[str]):
    row = {"pk": "#backfill", "sk": f"{toys.names.uploads_bucket}/videos/"}
    aws.table(toys.names.table).put_item(Item=row | {"after": "videos/b.mp4", "since": None})
    cli("backfill", "--dry-run", *how)
    assert bootstrap.backfill(toys).begun("videos/")
    cli("backfill", "--yes", *how)
    put("videos/a.mp4")
    assert cli("backfill", "--dry-run", "--json").json["new"] == 1


def test_a_process_that_was_killed_is_continued_by_the_next_one(
    cli, put, toys: Settings, monkeypatch: pytest.MonkeyPatch
):
    put(*(f"videos/{number:03}.mp4" for number in range(105)))
    row = {"pk": "#backfill", "sk": f"{toys.names.uploads_bucket}/videos/"}
    table, queue = aws.table(toys.names.table), toys.names.queue("toy", "replay")
    monkeypatch.setenv("VIDEODROP_REPLAY_WINDOW", "1")  # it waits after the first hundred
    command = [sys.executable, "-m", "pipeline.cli", "backfill", "--yes"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 60
        while table.get_item(Key=row).get("Item", {}).get("after") != "videos/099.mp4":
            assert time.monotonic() < end
            time.sleep(0.1)
        process.kill()
    assert counts(queue).waiting == 100
    aws.client("sqs").purge_queue(QueueUrl=queue_url(queue))
    assert "5 videos were sent" in cli("backfill", "--yes").err
    assert counts(queue).waiting == 5


def test_old_videos_are_taken_in_by_the_lane_of_replays(
    cli, put, toys: Settings, monkeypatch: pytest.MonkeyPatch
):
    def probe(path: Any, _: Any) -> Probe:
        return Probe(container="mov", duration_s=1, size_bytes=path.stat().st_size)

    monkeypatch.setattr("pipeline.runs.execute.probe", probe)
    put("videos/a.mp4", "videos/b.mp4")
    runner, ended = bootstrap.runner("toy", toys), Semaphore(0)

    def work(body: str) -> None:
        runner.handle(body, Delivery(60))
        ended.release()

    with hosting({toys.names.queue("toy", "replay"): work}):
        assert "2 videos were sent" in cli("backfill", "--yes").err
        assert all(ended.acquire(timeout=60) for _ in range(2))
    listed = cli("ls", "--json").json["videos"]
    assert {one["name"]: one["status"] for one in listed} == {"a.mp4": "ready", "b.mp4": "ready"}
    assert cli("backfill", "--yes").err.endswith("There is nothing to take in.\n")
