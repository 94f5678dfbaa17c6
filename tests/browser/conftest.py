"""A browser, a page served by the real API over the embedded AWS, and its videos."""

import fcntl
import os
import pickle
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect, sync_playwright
from starlette.types import ASGIApp

from pipeline.api.app import create_app
from pipeline.core.settings import Settings
from pipeline.core.stage import Result
from tests.browser import sample
from tests.fakes.seed import Seed, make_jpeg, make_mp4

# For each wait: where ten processes share two cores, a page takes a minute for what takes seconds.
PATIENCE_MS = 90_000

# The first one found. The headless shell needs half the CPU time of the whole browser.
_BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


@pytest.fixture(scope="module")  # while it runs, asyncio.run fails
def browser() -> Iterator[Browser]:
    """Start Chromium; without it, skip the tests, or fail them in CI."""
    chromium = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if chromium is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is not installed: apt-get install chromium")
        pytest.skip("Chromium is not installed")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def mp4(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make_mp4(tmp_path_factory.mktemp("media") / "clip.mp4")


@pytest.fixture(scope="session")
def jpeg(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make_jpeg(tmp_path_factory.mktemp("media") / "picture.jpg")


@pytest.fixture
def seed(stored: Settings, tmp_path: Path) -> Seed:
    return Seed.of(stored, tmp_path)


@pytest.fixture
def ready(seed: Seed, mp4: bytes, jpeg: bytes) -> str:
    """Return the id of a video that has every artifact."""
    upload = seed.upload("Street dance.mp4")
    seed.probe(upload)
    seed.transcode(upload, mp4)
    seed.thumbnail(upload, jpeg)
    seed.transcribe(upload, "Red circle here", "and now a dog")
    seed.detect(upload, {"dog": [(1.0, 2.0)], "circle": [(0.0, 1.0)]})
    return upload.video_id


@pytest.fixture(scope="session")
def processed(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, tuple[Result, Path]]:
    """Return the results of the sample's stages, which the processes of the suite share."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return sample.process(sample.VIDEO, tmp_path_factory.mktemp("sample"))
    folder = tmp_path_factory.getbasetemp().parent / "sample"
    folder.mkdir(exist_ok=True)
    kept = folder / "results.pickle"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            made = sample.process(sample.VIDEO, Path(mkdtemp(dir=folder)))
            kept.write_bytes(pickle.dumps(made))
        found: dict[str, tuple[Result, Path]] = pickle.loads(kept.read_bytes())  # noqa: S301 - ours
    return found


@pytest.fixture
def shapes(seed: Seed, processed: Mapping[str, tuple[Result, Path]]) -> str:
    """Return the id of the sample, whose objects and words are known."""
    return sample.store(seed, processed, "Shapes and colours.mp4").video_id


@pytest.fixture
def app(stored: Settings, seed: Seed) -> FastAPI:
    """Return the API; a module may wrap it."""
    return create_app(settings=stored, catalog=seed.catalog, artifacts=seed.artifacts)


@pytest.fixture
def site(app: ASGIApp) -> Iterator[str]:
    """Return the address of the page."""
    with serving(app) as address:
        yield address


@contextmanager
def serving(app: ASGIApp, host: str = "127.0.0.1") -> Iterator[str]:
    """Serve ``app`` and return its address."""
    with socket.create_server((host, 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield f"http://{host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def complaints() -> list[Any]:
    """Return the page's errors, dialogs and requests to other hosts."""
    return []


@pytest.fixture
def page(browser: Browser, site: str, complaints: list[Any]) -> Iterator[Page]:
    """Open a new page; fail on any entry of ``complaints``."""
    context = browser.new_context(base_url=site, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
    page.on(
        "request",
        lambda asked: (
            None
            if asked.url.startswith(("http://127.0.0.1:", "blob:", "data:"))
            else complaints.append(asked.url)
        ),
    )
    page.set_default_timeout(PATIENCE_MS)
    yield page
    context.close()
    assert complaints == []


def open_video(page: Page, video_id: str) -> None:
    page.goto(f"/#/videos/{video_id}")
    expect(page.locator("video")).to_have_js_property("error", None)
    until(page, "document.querySelector('video').readyState >= 1")


def open_docs(page: Page) -> None:
    """Open the API's documentation; its renderer takes seconds where processors are few."""
    page.goto("/docs")
    expect(page.get_by_text("List videos, newest first")).to_be_visible()


def until(page: Page, condition: str) -> None:
    """Wait for a condition in JavaScript; Playwright's own method needs the forbidden eval."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < end:
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"never came true: {condition}")
