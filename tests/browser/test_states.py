"""The states that a person seldom sees, in both themes and three widths: accessible, and whole."""

import re
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from pipeline import bootstrap
from pipeline.core.errors import TimedOut
from tests.browser.conftest import open_docs
from tests.browser.test_uploads import choose
from tests.browser.test_views import axe, check, library, pictures

pytestmark = pytest.mark.browser

__all__ = ["axe", "library", "pictures"]


def test_a_library_without_videos_and_an_upload_that_has_ended(page, axe, pictures, tmp_path):
    page.goto("/")
    expect(page.get_by_role("heading", name="Drop your first video")).to_be_visible()
    check(page, axe, pictures, "empty")
    clip = tmp_path / "A clip.mp4"
    clip.write_bytes(b"a clip")
    choose(page, clip)
    expect(page.get_by_role("region", name="Uploads")).to_contain_text("Uploaded")
    check(page, axe, pictures, "uploaded")


@pytest.mark.usefixtures("library")
def test_a_video_that_failed(page, axe, pictures):
    page.goto("/#/?status=failed")
    page.locator(".card-link").click()
    expect(page.locator(".badge.failed")).to_be_visible()
    check(page, axe, pictures, "failed")


@pytest.mark.usefixtures("library")
def test_nothing_is_found(page, axe, pictures):
    page.goto("/#/search?q=nonesuch")
    expect(page.locator("main")).to_contain_text("nonesuch")
    check(page, axe, pictures, "not-found")


def test_a_video_there_is_not(page, axe, pictures, complaints):
    page.goto(f"/#/videos/{'0' * 20}")
    expect(page.get_by_text(re.compile("There is no video"))).to_be_visible()
    check(page, axe, pictures, "unknown")
    assert all("404" in one for one in complaints)
    complaints.clear()


def test_the_sign_in(page, axe, pictures, complaints):
    def rejected(route: Route) -> Any:
        route.fulfill(status=401, json={"message": "Unauthorized"})

    page.route(re.compile("/(videos|events|jobs)"), rejected)
    page.goto("/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    check(page, axe, pictures, "sign-in")
    assert all("401" in one for one in complaints)
    complaints.clear()


def test_a_token_without_the_scope(page, complaints):
    def forbidden(route: Route) -> Any:
        route.fulfill(status=403, json={"message": "Forbidden"})  # as API Gateway does

    page.route(re.compile(r"/jobs$"), forbidden)
    page.goto("/")
    page.get_by_role("link", name="Jobs").click()
    expect(page.get_by_text(re.compile("Your token does not permit this"))).to_be_visible()
    complaints.clear()


def test_the_jobs(page, axe, pictures, seed, stored):
    running, waiting, failed = (seed.upload(f"{name} walk.mp4") for name in ("A", "B", "C"))
    del waiting
    seed.progress(running, "transcode", 37)
    seed.fail(failed, "detect", TimedOut("deadline", "It took too long. See `videodrop status`."))
    bootstrap.jobs(stored).pause("detect", "live")
    page.goto("/#/jobs")
    expect(page.get_by_role("region", name="Running")).to_contain_text("37%")
    expect(page.get_by_role("region", name="Queues of the stages")).to_contain_text("Paused")
    check(page, axe, pictures, "jobs")


def test_the_documentation(page, axe, pictures):
    open_docs(page)
    check(page, axe, pictures, "docs")
