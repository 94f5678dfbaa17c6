"""The README's pictures, taken of a library with the sample and videos in all states.

`make pictures` keeps them. They are looked at before they are committed.
"""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import until
from tests.browser.test_views import library, pictures

pytestmark = pytest.mark.browser

__all__ = ["library", "pictures"]

WIDE, PHONE = {"width": 1200, "height": 1010}, {"width": 390, "height": 844}
FEW = {"width": 1200, "height": 760}
PICTURES_LOADED = "[...document.querySelectorAll('main img')].every((one) => one.complete)"


def video(page: Page) -> None:
    until(page, "document.querySelector('video')?.readyState >= 2")
    until(page, "document.querySelectorAll('.lane').length > 3")
    expect(page.locator(".box").first).to_be_visible()
    expect(page.locator(".word.now")).to_be_visible()


def cards(page: Page) -> None:
    expect(page.locator(".card")).to_have_count(5)
    until(page, PICTURES_LOADED)


def moments(page: Page) -> None:
    expect(page.locator(".moment .tile").nth(2)).to_be_visible()
    until(page, PICTURES_LOADED)


def jobs(page: Page) -> None:
    expect(page.get_by_role("region", name="Running")).to_contain_text("37%")


def settings(page: Page) -> None:
    video(page)
    page.get_by_role("button", name="Reprocess…").click()
    expect(page.get_by_role("button", name="Show the plan")).to_be_visible()


VIEWS: dict[str, tuple[str, dict[str, int], Callable[[Page], None]]] = {
    "video": ("/#/videos/{sample}?t=7.4", WIDE, video),
    "library": ("/#/", FEW, cards),
    "search": ("/#/search?q=heart", FEW, moments),
    "reprocess": ("/#/videos/{sample}?t=7.4", FEW, settings),
    "jobs": ("/#/jobs", FEW, jobs),
    "phone": ("/#/videos/{sample}?t=7.4", PHONE, video),
}


def test_each_view_has_a_picture(browser: Browser, site: str, pictures: Path, library: str):
    for name, (address, size, shown) in VIEWS.items():
        context = browser.new_context(base_url=site, viewport=size, device_scale_factor=1.25)
        with closing(context):  # its stream of events, too
            page = context.new_page()
            page.goto(address.format(sample=library))
            shown(page)
            page.wait_for_timeout(300)  # transitions
            page.screenshot(path=pictures / f"{name}.jpg", type="jpeg", quality=75)
        assert (pictures / f"{name}.jpg").stat().st_size > 10_000
