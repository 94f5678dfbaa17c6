"""The calls in the documentation are executed against a server."""

import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import uvicorn

from docs.generate import calls
from pipeline.api import openapi
from pipeline.api.app import create_app
from pipeline.api.client import ApiError, Client
from pipeline.core.settings import Settings
from pipeline.replays.store import Replays
from tests.fakes.replays import FakeReplays, moves
from tests.fakes.seed import Seed

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "how-to" / "api.md").read_text()
BLOCKS = re.findall(r"^```(sh|python)\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
VIDEO, UPLOAD, REPLAY = (
    "5c1e6f0a9b3d27481f60",
    "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "20260131T120000123-1f2e3d",
)
MALFORMED = {"400", "405", "422"}


@pytest.fixture
def seed(stored: Settings, tmp_path: Path) -> Seed:
    """Make an installation with one video."""
    return Seed.of(stored, tmp_path)


@pytest.fixture
def address(seed: Seed, stored: Settings) -> Iterator[str]:
    replays = cast("Replays", FakeReplays(driver=moves(state="planned")))
    app = create_app(
        settings=stored, catalog=seed.catalog, artifacts=seed.artifacts, replay_store=replays
    )
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    (port,) = {sock.getsockname()[1] for one in server.servers for sock in one.sockets}
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def video(seed: Seed) -> str:
    upload = seed.upload("holiday.mp4")
    seed.probe(upload)
    seed.transcode(upload)
    seed.thumbnail(upload)
    seed.transcribe(upload, "good day")
    seed.detect(upload, {"dog": [(0.0, 2.0)]})
    return upload.video_id


def shell(script: str, **environment: str) -> str:
    """Run a script that stops at the first failure; return its output."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_guide_works_as_written(address, video, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("holiday.mp4").write_bytes(b"film")
    scripts = "\n".join(block for kind, block in BLOCKS if kind == "sh")
    said = shell(scripts, API=address, VIDEO=video)
    assert '"status":"ok"' in said
    assert "good day" in said
    assert '"code":"unknown_parameter"' in said
    assert "Did you mean label?" in said
    assert said.endswith("304\n")
    found: dict[str, Any] = {"API": address, "VIDEO": video}
    for kind, block in BLOCKS:
        if kind == "python":
            exec(block, found)  # noqa: S102 - the documentation's own
    found["api"].close()
    printed = capsys.readouterr().out
    assert f"{video} holiday.mp4" in printed
    assert "['dog']" in printed
    assert "404 unknown_video There is no video" in printed
    assert set(found["files"]) >= {"mp4", "poster"}
    assert found["captions"].startswith("WEBVTT")
    assert found["frames"].frames
    assert found["upload"].state == "completed"


def test_every_call_of_the_reference_is_well_formed(address, video):
    document = create_app().openapi()
    with Client(address, retries=0) as api:
        for method, path, operation in openapi.operations(document):
            known = {VIDEO: video}
            if "{upload_id}" in path:
                known[UPLOAD] = api.begin_upload(name="a.mp4", size=1).upload_id
            if "{replay_id}" in path:
                known[REPLAY] = api.start_replay(dry_run=True, wait=0).replay_id
            curl, python = calls.curl(method, path, operation), calls.python(operation)
            for example, real in known.items():
                curl, python = curl.replace(example, real), python.replace(example, real)
            status = by_curl(curl, address)
            assert status in operation["responses"], (curl, status)
            assert status not in MALFORMED, curl
            status = by_client(python, api)
            assert status is None or status in operation["responses"], (python, status)
            assert status not in MALFORMED, python


def by_curl(line: str, address: str) -> str:
    """Return the status of a call; a stream does not end on its own."""
    return shell(f"{line} -m 5 -o /dev/null -w '%{{http_code}}' || true", API=address)


def by_client(line: str, api: Client) -> str | None:
    """Return the status of the error of a call; None without one."""
    try:
        eval(line, {"api": api})  # noqa: S307 - the documentation's own
    except ApiError as error:
        return str(error.status)
    return None
