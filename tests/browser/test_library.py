"""The library: a windowed grid, filters in the address, Back, and scenes below the pointer."""

import re
import time
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from pipeline.core import outgoing
from tests.browser.conftest import PATIENCE_MS, until
from tests.fakes.seed import PROBE, Seed

pytestmark = pytest.mark.browser

MANY = 260
GALLERY = 60_000  # bytes of the page, its scripts and its styles


def fill(seed: Seed, count: int) -> None:
    """Add videos that need no work: the first one is the oldest."""
    uploads = [seed.upload(f"clip {number}.mp4", record=False) for number in range(count)]
    seed.catalog.record_upload(uploads[0], patience_s=3600)
    (first,) = seed.catalog._table.get_many([(uploads[0].video_id, "video")])
    rows = []
    for one in uploads:
        order = {"uploaded_order": first["uploaded_order"], "upload_month": first["upload_month"]}
        order |= seed.catalog._fields(one)
        rows.append({**first, **order, "pk": one.video_id, "sk": "video", "stages": []})
    seed.catalog._table.write(puts=rows)


@pytest.fixture
def many(seed: Seed) -> None:
    fill(seed, MANY)


def top(page: Page) -> float:
    return page.evaluate("scrollY")


@pytest.mark.usefixtures("many")
def test_only_the_cards_in_view_are_in_the_document(page):
    page.goto("/")
    expect(page.get_by_role("status")).to_have_text(f"{MANY} videos")
    expect(page.locator(".card h2").first).to_have_text(f"clip {MANY - 1}")
    end = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < end:
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        page.wait_for_timeout(100)
        assert page.locator(".card").count() < 60
        if page.get_by_role("link", name="clip 0", exact=True).count():
            break
    expect(page.get_by_role("link", name="clip 0", exact=True)).to_be_visible()


@pytest.mark.usefixtures("many")
def test_back_keeps_the_place(page):
    page.goto("/")
    expect(page.locator(".card").first).to_be_visible()
    while page.evaluate("scrollY") < 2500:
        page.mouse.wheel(0, 2500)
        page.wait_for_timeout(100)
    card = page.locator(".card").nth(12)
    card.scroll_into_view_if_needed()
    name, before = card.locator("h2").inner_text(), top(page)
    assert before > 1500
    card.locator("a").first.click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    page.go_back()
    expect(page.get_by_role("link", name=name, exact=True)).to_be_in_viewport()
    page.get_by_role("link", name=name, exact=True).click()
    page.get_by_role("link", name="← Library").click()
    expect(page.get_by_role("link", name=name, exact=True)).to_be_in_viewport()


@pytest.mark.usefixtures("many")
def test_a_new_video_comes_first_and_the_others_stay(page, seed):
    page.goto("/")
    expect(page.get_by_role("status")).to_have_text(f"{MANY} videos")
    seed.catalog.events.append(outgoing.video_uploaded(seed.upload("news.mp4")))
    expect(page.locator(".card h2").first).to_have_text("news")
    expect(page.locator(".card h2").nth(1)).to_have_text(f"clip {MANY - 1}")
    expect(page.get_by_role("status")).to_have_text(f"{MANY + 1} videos")


@pytest.fixture
def varied(seed: Seed) -> None:
    """Add videos of several names, languages, lengths and days."""
    for name, language, seconds, day in (
        ("Beach holiday", "de", 30, 1),
        ("Town holiday", "en", 300, 2),
        ("Lecture", "en", 7200, 3),
    ):
        upload = seed.upload(f"{name}.mp4", at=datetime(2026, 5, day, 12, tzinfo=UTC))
        seed.probe(upload, PROBE.model_copy(update={"duration_s": float(seconds)}))
        seed.skip(upload, "transcode", "thumbnail", "detect")
        seed.transcribe(upload, "yes", language=language)


@pytest.mark.usefixtures("varied")
def test_filters_are_in_the_address_and_back_undoes_them(page):
    names = page.locator(".card h2")
    page.goto("/")
    expect(names).to_have_text(["Lecture", "Town holiday", "Beach holiday"])
    page.get_by_label("Sort").select_option("Oldest first")
    expect(names).to_have_text(["Beach holiday", "Town holiday", "Lecture"])
    page.get_by_label("Name", exact=True).fill("HOLI")
    page.keyboard.press("Enter")
    expect(names).to_have_text(["Beach holiday", "Town holiday"])
    expect(page).to_have_url(re.compile(r"#/\?name=HOLI&sort=oldest$"))
    page.get_by_text("More filters").click()
    page.get_by_label("Language").select_option("German")
    expect(names).to_have_text(["Beach holiday"])
    expect(page.get_by_role("status")).to_have_text("1 video")
    page.go_back()
    expect(names).to_have_text(["Beach holiday", "Town holiday"])
    page.get_by_role("link", name="Clear filters").click()
    expect(page).to_have_url(re.compile(r"#/\?sort=oldest$"))
    expect(names).to_have_count(3)


@pytest.mark.usefixtures("varied")
def test_an_address_with_filters_shows_what_passes(page):
    for query, shown in (
        ("length=film", ["Lecture"]),
        ("length=short", ["Beach holiday"]),
        ("from=2026-05-02&to=2026-05-02", ["Town holiday"]),
        ("language=en&length=medium", ["Town holiday"]),
    ):
        page.goto(f"/#/?{query}")
        page.reload()
        expect(page.locator(".card h2")).to_have_text(shown)
    page.goto("/#/?name=zebra")
    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()


def test_a_rare_match_is_looked_for_in_some_pages_then_people_are_asked(page):
    asked = []

    def nothing(route):
        if "cursor" in route.request.url:
            asked.append(route.request.url)
        cursor = "more" if len(asked) < 30 else None
        route.fulfill(json={"videos": [], "next_cursor": cursor, "total": None})

    page.route(re.compile(r"/videos\?.*status=failed"), nothing)
    page.goto("/#/?status=failed")
    further = page.get_by_role("button", name="Look further")
    expect(further).to_be_visible()
    assert len(asked) == 25
    further.click()
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    expect(further).to_be_hidden()


@pytest.mark.usefixtures("ready")
def test_a_rare_match_stays_when_the_first_page_has_none(page):
    looks = []

    def second_page(route):
        if "cursor" in route.request.url:
            route.fulfill(response=route.fetch(url=route.request.url.partition("?")[0]))
        else:
            looks.append(route.request.url)
            route.fulfill(json={"videos": [], "next_cursor": "more", "total": None})

    page.route(re.compile(r"/videos\?.*status=ready"), second_page)
    # A stream without events: the page looks by the clock.
    silent = {"content_type": "text/event-stream", "body": ""}
    page.route(re.compile("/events"), lambda route: route.fulfill(**silent))
    page.add_init_script(
        "const set = setTimeout; window.setTimeout = (done, ms) => set(done, Math.min(ms, 50));"
    )
    page.goto("/#/?status=ready")
    expect(page.locator(".card")).to_have_count(1)
    for _ in range(2):  # the second look begins after the first one was shown
        with page.expect_request(lambda one: one.url == looks[0]):
            page.wait_for_timeout(20)
    expect(page.locator(".card")).to_have_count(1)


def test_scenes_follow_the_pointer(page, ready):
    page.goto("/")
    picture = page.locator(".card-media")
    box = picture.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 10, box["y"] + 40)
    expect(page.locator(".scenes .tile")).to_have_css("background-position", "0px 0px")
    page.mouse.move(box["x"] + box["width"] - 10, box["y"] + 40)
    expect(page.locator(".scenes .tile")).to_have_css("background-position", "-80px 0px")
    page.mouse.move(5, 5)
    expect(page.locator(".scenes")).to_be_hidden()
    assert ready


@pytest.mark.usefixtures("ready")
def test_the_gallery_is_small(page, complaints):
    page.route(re.compile("/events"), lambda route: route.abort())  # never idle
    page.goto("/")
    until(page, "document.querySelector('.card img')?.complete")
    page.wait_for_load_state("networkidle")
    complaints.clear()  # about the stream
    found = page.evaluate(
        """['navigation', 'resource'].flatMap((type) => performance.getEntriesByType(type))
           .filter((one) => one.initiatorType !== 'img')
           .map((one) => [one.name, one.encodedBodySize])"""
    )
    assert sum(size for _, size in found) <= GALLERY, found
    assert not any("hls" in name or "video.js" in name for name, _ in found)
