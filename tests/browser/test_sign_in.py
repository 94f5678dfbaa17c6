"""The page where the API needs a token."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Request, expect
from starlette.types import ASGIApp

from tests.browser.conftest import open_docs, until
from tests.fakes.gateway import Gateway, is_open
from tests.fakes.seed import Seed, make_segments

pytestmark = pytest.mark.browser

TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzb21lYm9keSJ9.c2lnbmF0dXJl"  # noqa: S105 - opens this test alone
WRONG = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJub2JvZHkifQ.c2lnbmF0dXJl"
VIDEO = "document.querySelector('video')"


@pytest.fixture
def app(app: ASGIApp) -> Gateway:
    return Gateway(app, TOKEN)


@pytest.fixture
def page(page: Page, complaints: list[Any]) -> Any:
    """Return a page whose 401 responses are expected."""
    yield page
    complaints[:] = [one for one in complaints if "status of 401" not in one]


@pytest.fixture
def requests(page: Page) -> list[Request]:
    """Return the requests of the page."""
    asked: list[Request] = []
    page.on("request", lambda one: asked.append(one))  # noqa: PLW0108 - Playwright marks handlers
    return asked


def sign_in(page: Page, token: str = TOKEN) -> None:
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()


def kept(page: Page) -> list[str]:
    """Return what the browser stores, in the session and permanently."""
    return [
        *page.evaluate("Object.values({ ...sessionStorage })"),
        *page.evaluate("Object.values({ ...localStorage }).map((value) => `permanent: ${value}`)"),
        *page.evaluate("document.cookie.split('; ').filter(Boolean)"),
    ]


@pytest.mark.usefixtures("ready")
def test_without_a_token_the_page_asks_for_one(page, requests):
    page.goto("/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_label("Token")).to_be_focused()
    expect(page.get_by_role("alert")).to_be_empty()
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    asked = len(requests)
    sign_in(page, "hunter 2")
    expect(page.get_by_text("This is not a token")).to_be_visible()
    assert len(requests) == asked
    assert kept(page) == []


def test_a_video_plays_after_sign_in_and_the_token_is_sent_to_the_api_alone(
    page, site, requests, seed: Seed, mp4, jpeg, tmp_path
):
    upload = seed.upload("hls.mp4")
    seed.probe(upload)
    seed.transcode(upload, b"not the mp4", segments=make_segments(tmp_path, mp4))
    seed.thumbnail(upload, jpeg)
    seed.transcribe(upload, "Red circle here", "and now a dog")
    page.goto(f"/#/videos/{upload.video_id}")
    sign_in(page, f" Bearer {TOKEN}\n")
    expect(page.get_by_role("heading", name="hls")).to_be_visible()
    page.evaluate(f"{VIDEO}.play()")
    until(page, f"{VIDEO}.currentTime > 0.2")
    assert page.evaluate(f"{VIDEO}.currentSrc").startswith("blob:")  # of hls.js
    until(page, f"{VIDEO}.textTracks[0]?.cues?.length === 2")
    expect(page.locator(".strip-cell")).to_have_count(2)
    page.get_by_role("link", name="← Library").click()
    until(page, "document.querySelector('.card img')?.naturalWidth === 160")
    assert kept(page) == [TOKEN]

    with_token, without = set(), set()
    for one in requests:
        assert TOKEN not in one.url
        url, sent = urlsplit(one.url), "authorization" in one.all_headers()
        if url.scheme != "blob":
            (with_token if sent else without).add((f"{url.scheme}://{url.netloc}", url.path))
    data = {path for origin, path in with_token if origin == site}
    assert with_token == {(site, path) for path in data}
    assert {"/videos", "/health", f"/videos/{upload.video_id}/transcript.vtt"} <= data
    # Requests before the sign-in, and routes that need no token.
    first = {f"/videos/{upload.video_id}"}
    assert {
        path for origin, path in without if origin == site and not is_open("GET", path)
    } == first
    assert {origin for origin, _ in without} > {site}  # files are elsewhere


@pytest.mark.usefixtures("ready")
def test_a_rejected_token_is_removed(page, app):
    asked = []
    page.on("request", lambda one: asked.append(urlsplit(one.url).path))
    page.goto("/")
    # The page asks again once its stream has begun, and is then silent.
    with page.expect_response(lambda one: "/videos" in one.url and "/events" in asked):
        sign_in(page)
    expect(page.locator(".card")).to_have_count(1)
    app.token = WRONG
    # By its address: the page may have noticed already, and then has no filters.
    page.evaluate("location.hash = '#/?status=ready'")
    expect(page.get_by_text("rejected this token")).to_be_visible()
    expect(page.locator(".card")).to_have_count(0)
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    assert kept(page) == []
    sign_in(page, WRONG)
    expect(page.get_by_label("Status")).to_have_value("ready")


@pytest.mark.usefixtures("ready")
def test_a_sign_out_removes_the_token_which_no_other_tab_shares(page):
    page.goto("/")
    sign_in(page)
    expect(page.locator(".card")).to_have_count(1)
    page.reload()
    expect(page.locator(".card")).to_have_count(1)
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    other.close()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.locator(".card")).to_have_count(0)
    assert kept(page) == []


def test_what_the_api_offers_is_described_to_everyone(page):
    open_docs(page)


def test_a_request_is_tried_with_the_token_of_who_signed_in(page):
    def tried() -> str:
        open_docs(page)
        page.get_by_text("List videos, newest first").click()
        page.get_by_role("button", name="TRY").click()
        return page.get_by_text("Response Status:").inner_text().splitlines()[0]

    assert tried() == "Response Status: Unauthorized:401"
    page.goto("/")
    sign_in(page)
    expect(page.get_by_role("heading", name="Drop your first video")).to_be_visible()
    assert tried() == "Response Status: OK:200"
