"""The whole journey: on our own AWS, on a second implementation, on a store without events."""

import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config

from tests.e2e.conftest import Stack, start, stop
from tests.fakes.servers import embedded_aws

NAME = "journey"
UPLOADS, ARTIFACTS = f"{NAME}-uploads", f"{NAME}-artifacts"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
PROFILE = """[profile mine]
region = us-east-1
endpoint_url = {}
aws_access_key_id = test
aws_secret_access_key = test
"""


@dataclass
class Place:
    """An endpoint of a journey: the stack's settings, and an S3 that outlives the stack."""

    settings: dict[str, str]
    outside: str | None = None

    def s3(self, stack: Stack) -> Any:
        """Return a client of the store."""
        if not self.outside:
            return stack.service("s3").meta.client
        return boto3.client(
            "s3",
            endpoint_url=self.outside,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - of a server on this machine
            config=Config(s3={"addressing_style": "path"}),
        )


@pytest.fixture(params=["embedded", "ministack", "without_events"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "embedded":
        yield Place({})
    elif request.param == "ministack":
        address = request.getfixturevalue("ministack_endpoint")
        yield Place(KEYS | {"AWS_ENDPOINT_URL": address}, address)
    else:
        config = tmp_path / "config"
        with embedded_aws("tests.fakes.embedded_aws", tmp_path / "plain") as address:
            config.write_text(PROFILE.format(address))
            store = {"AWS_CONFIG_FILE": str(config), "VIDEODROP_STORE_PROFILE": "mine"}
            yield Place(store | {"VIDEODROP_WATCH_S": "1"}, address)


@pytest.fixture
def up(place: Place, tmp_path: Path) -> Iterator[Callable[[], Stack]]:
    """Start the stack, again with the same home."""
    home = tmp_path / "stack" / "home"
    home.parent.mkdir()
    started: list[Stack] = []

    def again() -> Stack:
        named = place.settings | {"VIDEODROP_NAME": NAME}
        started.append(start(home, stages=["thumbnail"], **named))
        return started[-1]

    yield again
    left = [stop(one.process) for one in started if one.process.poll() is None]
    assert left == [[]], "processes were left running"


def ready(stack: Stack, *names: str) -> dict[str, dict[str, Any]]:
    """Wait until the library has these videos, all ready, and return them by name."""
    end = time.monotonic() + 90
    while True:
        found = {one["name"]: one for one in stack.get("/videos").json()["videos"]}
        if found.keys() == set(names) and all(
            one["status"].startswith("ready") for one in found.values()
        ):
            return found
        assert time.monotonic() < end, found
        time.sleep(0.3)


def current(stack: Stack, video_id: str) -> list[int]:
    """Return the columns of the contact sheet that is shown, and of the others."""
    versions = stack.get(f"/videos/{video_id}/versions").json()["versions"]
    assert len(versions) == 2, versions
    ordered = sorted(versions, key=lambda one: not one["current"])
    return [one["params"]["columns"] for one in ordered]


def test_drop_query_replay_roll_back_and_kill_lose_nothing(
    up: Callable[[], Stack], place: Place, make_video: Callable[..., Path]
) -> None:
    first, second, third = (
        make_video(
            f"{rate}.mp4", "-f", "lavfi", "-i", f"testsrc2=s=160x90:r={rate}:d=2"
        ).read_bytes()
        for rate in (5, 10, 15)
    )
    stack = up()
    s3 = place.s3(stack)
    s3.put_object(Bucket=UPLOADS, Key="videos/a+b 1%.mp4", Body=first)
    video = ready(stack, "a+b 1%.mp4")["a+b 1%.mp4"]
    name = video["video_id"]
    assert httpx.get(stack.file.api_url + video["poster"], trust_env=False).is_success

    stack.cli("replay", name, "--set", "thumbnail-columns=3", "--yes")
    assert current(stack, name) == [3, 10]
    stack.cli("rollback", name, "thumbnail")
    assert current(stack, name) == [10, 3]

    s3.put_object(Bucket=UPLOADS, Key="videos/acknowledged.mp4", Body=second)
    assert stop(stack.process, signal.SIGKILL) == [], "its other processes end with it"
    names = {"a+b 1%.mp4", "acknowledged.mp4"}
    if place.outside:  # this one is dropped while nothing of ours runs
        s3.put_object(Bucket=UPLOADS, Key="videos/meanwhile.mp4", Body=third)
        names.add("meanwhile.mp4")

    stack = up()
    found = ready(stack, *names)
    assert current(stack, name) == [10, 3]
    answer = httpx.delete(f"{stack.file.api_url}/videos/{name}", trust_env=False, timeout=30)
    assert answer.is_success, answer.text
    left = ready(stack, *names - {"a+b 1%.mp4"})
    s3 = place.s3(stack)
    kept = {one["Key"] for one in s3.list_objects_v2(Bucket=UPLOADS)["Contents"]}
    assert kept == {one["key"] for one in left.values()}
    artifacts = s3.list_objects_v2(Bucket=ARTIFACTS)["Contents"]
    assert {one["Key"].split("/")[1] for one in artifacts} == {
        one["video_id"] for one in found.values()
    } - {name}
