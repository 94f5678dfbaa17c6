"""The search box on every page, and moments with pictures, by pointer and by keyboard."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


@pytest.fixture
def talks(seed, ready, jpeg):
    other = seed.upload("Harbour walk.mp4")
    seed.probe(other)
    seed.thumbnail(other, jpeg)
    seed.transcribe(other, "The red boat and a <b>dog</b> & cat", "we see the circles")
    seed.detect(other, {"boat": [(0.0, 2.0)]})
    return ready, other.video_id


def search(page, text):
    box = page.get_by_role("searchbox", name="Search what is said in all videos")
    box.fill(text)
    page.keyboard.press("Enter")


def test_words_are_found_from_the_library_and_a_moment_plays(page, talks):
    page.goto("/")
    search(page, "red circle")
    expect(page.get_by_role("status")).to_have_text("2 moments in 2 videos")
    expect(page.locator(".moment h2")).to_have_text(["Street dance", "Harbour walk"])
    expect(page.locator(".moment").first.locator("mark")).to_have_text(["Red circle"])
    page.get_by_role("link", name="Harbour walk").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(
        f"**/#/videos/{talks[1]}?t=0.125".replace("**", page.url.split("/#")[0])
    )
    expect(page.get_by_role("heading", name="Harbour walk")).to_be_visible()


def test_a_label_narrows_the_search_and_can_be_removed(page, talks):
    page.goto(f"/#/videos/{talks[0]}")
    search(page, "circle")
    page.get_by_role("link", name="boat 1 videos: only while it is in view").click()
    expect(page.locator(".moment h2")).to_have_text(["Harbour walk"])
    expect(page.get_by_role("heading", level=1)).to_have_text("circle while boat in view")
    page.get_by_role("link", name=re.compile("^boat .: remove$")).click()
    expect(page.locator(".moment")).to_have_count(3)  # two are said, one is in view
    expect(page.locator(".snippet").get_by_text("In view", exact=True)).to_have_count(1)


@pytest.mark.usefixtures("talks")
def test_words_never_become_markup_and_nothing_found_says_how_to_ask(page, complaints):
    page.goto('/#/search?q="dog b"')
    expect(page.locator(".snippet")).to_contain_text("<b>dog</b> & cat")
    expect(page.locator(".snippet b")).to_have_count(0)
    search(page, "zebra")
    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    search(page, "a*")
    expect(page.get_by_role("alert")).to_contain_text("too few characters")
    complaints.clear()  # Chromium reports each answer of 422
    search(page, "")
    expect(page.get_by_role("heading", name="Library")).to_be_visible()


@pytest.mark.usefixtures("talks")
def test_a_moment_has_the_picture_of_its_time(page):
    page.goto("/#/search?q=see")
    tile = page.locator(".tile")
    expect(tile).to_have_css("background-position", "-80px 0px")


@pytest.mark.usefixtures("talks")
def test_a_phone_shows_moments_without_scrolling_sideways(page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/#/search?q=circle")
    expect(page.locator(".moment")).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
