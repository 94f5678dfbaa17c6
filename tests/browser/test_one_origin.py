"""Another device needs one address, also behind a proxy that has a path for it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from pydantic import Secret
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from pipeline.api.app import create_app
from pipeline.aws import clients as aws
from pipeline.core.settings import Settings
from tests.browser.conftest import PATIENCE_MS, serving, until
from tests.browser.test_uploads import choose, rows
from tests.fakes.seed import Seed, make_segments

pytestmark = pytest.mark.browser

TOKEN = "a-token-of/this+test"  # noqa: S105 - opens this test alone
VIDEO = "document.querySelector('video')"


@pytest.fixture
def stored(stored: Settings) -> Settings:
    return stored.model_copy(update={"relay": True, "api_token": Secret(TOKEN)})


@pytest.fixture
def app(stored: Settings, seed: Seed) -> Any:
    return create_app(settings=stored, catalog=seed.catalog)


def proxy(target: str) -> Starlette:
    """Return a reverse proxy that serves ``target`` below ``/drop/`` and knows nothing of it."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
        async with httpx.AsyncClient(base_url=target, trust_env=False, timeout=60) as client:
            yield {"client": client}

    async def handle(request: Request) -> Response:
        client = request.state.client
        url = httpx.URL(path=f"/{request.path_params['path']}", query=request.url.query.encode())
        asked = client.build_request(
            request.method, url, headers=request.headers.raw, content=request.stream()
        )
        found = await client.send(asked, stream=True)
        answer = StreamingResponse(
            found.aiter_raw(), found.status_code, background=BackgroundTask(found.aclose)
        )
        answer.raw_headers = found.headers.raw
        return answer

    route = Route("/drop/{path:path}", handle, methods=["GET", "POST", "PUT"])
    return Starlette(routes=[route], lifespan=lifespan)


@pytest.fixture(params=["another address", "a proxy with a path"])
def site(request: pytest.FixtureRequest, app: Any) -> Iterator[str]:
    with ExitStack() as servers:
        address = servers.enter_context(serving(app, host="127.0.0.2"))
        if request.param == "a proxy with a path":
            address = servers.enter_context(serving(proxy(address))) + "/drop"
        yield address


@pytest.fixture
def asked() -> list[str]:
    """Return the addresses of all requests."""
    return []


@pytest.fixture
def page(browser: Browser, asked: list[str], site: str) -> Iterator[Page]:  # noqa: ARG001 - ends later
    """Open a new page, which may not complain."""
    complaints: list[str] = []
    page = browser.new_page()
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda one: asked.append(one.url))
    page.set_default_timeout(PATIENCE_MS)
    yield page
    page.close()
    assert [one for one in complaints if "status of 401" not in one] == []  # after the sign-out


def test_a_link_with_the_token_opens_plays_and_uploads_by_one_origin(
    page: Page, site: str, asked: list[str], seed: Seed, mp4, jpeg, tmp_path, stored: Settings
):
    upload = seed.upload("hls.mp4")
    seed.probe(upload)
    seed.transcode(upload, b"not the mp4", segments=make_segments(tmp_path, mp4))
    seed.thumbnail(upload, jpeg)
    seed.transcribe(upload, "Red circle here", "and now a dog")
    page.goto(f"{site}/#token=a-token-of%2Fthis%2Btest")
    until(page, "document.querySelector('.card img')?.naturalWidth === 160")
    assert page.url == f"{site}/#/"

    page.locator(".card a").first.click()
    until(page, VIDEO)
    page.evaluate(f"{VIDEO}.play()")
    until(page, f"{VIDEO}.currentTime > 0.2")
    assert [url for url in asked if url.startswith(f"{site}/playlists/")]
    until(page, f"[...{VIDEO}.textTracks].some((track) => track.cues?.length === 2)")
    expect(page.locator(".strip-cell")).to_have_count(2)

    film = tmp_path / "large.mp4"
    film.write_bytes(b"video" * (8 << 20))
    page.get_by_role("link", name="← Library").click()
    choose(page, film)
    expect(rows(page).filter(has_text="Uploaded")).to_have_count(1)
    s3, bucket = aws.client("s3"), stored.names.uploads_bucket
    (kept,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert s3.get_object(Bucket=bucket, Key=kept["Key"])["Body"].read() == film.read_bytes()

    assert [url for url in asked if not url.startswith((f"{site}/", "blob:"))] == []
    assert [url for url in asked if "token" in url] == []
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.evaluate("localStorage.getItem('videodrop.token')") is None


@pytest.mark.parametrize("site", ["another address"], indirect=True)
def test_a_link_to_a_video_keeps_its_place_and_its_file_plays_by_itself(page, site, seed, mp4):
    upload = seed.upload("clip.mp4")
    seed.probe(upload)
    seed.transcode(upload, mp4)
    page.goto(f"{site}/#token=a-token-of%2Fthis%2Btest/videos/{upload.video_id}?t=1")
    until(page, f"{VIDEO}?.currentTime === 1")
    assert page.url == f"{site}/#/videos/{upload.video_id}?t=1"
    # A file opened by itself plays, too: television sets are given such addresses.
    file = page.evaluate(f"{VIDEO}.currentSrc")
    page.goto(file)
    until(page, f"{VIDEO}?.readyState >= 2")
