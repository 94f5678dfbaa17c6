"""The main job with files in a store of the user's own, which tells of no uploads."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import psutil
import pytest
from botocore.config import Config

from tests.e2e.conftest import Stack, start, stop
from tests.fakes.servers import embedded_aws

BUCKET = "videodrop-uploads"


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[str]:
    """The address of another S3, where no notifications are set up."""
    with embedded_aws("tests.fakes.embedded_aws", tmp_path / "plain") as address:
        yield address


@pytest.fixture
def s3(plain: str) -> Any:
    style = Config(s3={"addressing_style": "path"})
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client("s3", endpoint_url=plain, region_name="us-east-1", config=style, **keys)


@pytest.fixture
def up(plain: str, tmp_path: Path) -> Callable[[], Stack]:
    """Start the stack, again with the same home."""
    config = tmp_path / "config"
    config.write_text(
        f"[profile mine]\nregion = us-east-1\nendpoint_url = {plain}\n"
        "aws_access_key_id = test\naws_secret_access_key = test\n"
    )
    home = tmp_path / "stack" / "home"
    home.parent.mkdir()
    return lambda: start(
        home,
        stages=["thumbnail"],
        AWS_CONFIG_FILE=str(config),
        VIDEODROP_STORE_PROFILE="mine",
        VIDEODROP_WATCH_S="1",
    )


def listed(stack: Stack, wanted: Callable[[dict[str, dict[str, Any]]], bool]) -> dict[str, Any]:
    """Wait until the list of videos, by name, is as wanted."""
    end = time.monotonic() + 90
    while True:
        found = {one["name"]: one for one in stack.get("/videos").json()["videos"]}
        if wanted(found):
            return found
        assert time.monotonic() < end, found
        time.sleep(0.3)


def is_ready(*names: str) -> Callable[[dict[str, dict[str, Any]]], bool]:
    return lambda found: (
        set(found) == set(names)
        and all(one["status"].startswith("ready") for one in found.values())
    )


def test_videos_in_a_store_without_events_are_processed_replayed_and_deleted(
    up: Callable[[], Stack], s3: Any, make_video: Callable[..., Path]
) -> None:
    first, second = (
        make_video(
            f"{rate}.mp4", "-f", "lavfi", "-i", f"testsrc2=s=160x90:r={rate}:d=2"
        ).read_bytes()
        for rate in (5, 10)
    )
    stack = up()
    try:
        s3.put_object(Bucket=BUCKET, Key="videos/a+b 1%.mp4", Body=first)
        video = listed(stack, is_ready("a+b 1%.mp4"))["a+b 1%.mp4"]
        assert httpx.get(stack.file.api_url + video["poster"], trust_env=False).is_success
        stack.cli("replay", video["video_id"], "--set", "thumbnail-columns=3", "--yes")
        # A power cut; what is dropped meanwhile is found afterwards.
        family = psutil.Process(stack.process.pid).children(recursive=True)
        os.kill(stack.process.pid, signal.SIGKILL)
        psutil.wait_procs(family, timeout=30)
        stack.process.wait(10)
        s3.put_object(Bucket=BUCKET, Key="videos/later.mp4", Body=second)
        stack = up()
        found = listed(stack, is_ready("a+b 1%.mp4", "later.mp4"))
        answer = httpx.delete(
            f"{stack.file.api_url}/videos/{video['video_id']}", trust_env=False, timeout=30
        )
        assert answer.is_success, answer.text
        kept = [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
        assert kept == ["videos/later.mp4"]
        assert listed(stack, is_ready("later.mp4")).keys() == {"later.mp4"}
        artifacts = s3.list_objects_v2(Bucket="videodrop-artifacts")["Contents"]
        later = found["later.mp4"]["video_id"]
        assert {one["Key"].split("/")[1] for one in artifacts} == {later}
    finally:
        stop(stack.process)
