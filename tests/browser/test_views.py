"""The views in both themes and three widths: accessible, within the screen, and worth a picture.

With PICTURES=FOLDER, pictures of all of them are kept there, to be looked at.
"""

import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from pipeline.api import page as pages
from tests.browser import sample
from tests.browser.conftest import until

pytestmark = pytest.mark.browser

TOOLS = Path(os.environ.get("WEB_TOOLS") or f"{sys.prefix}/web-tools/node_modules")
AXE = TOOLS / "axe-core" / "axe.min.js"
RUN = """async () => (await axe.run(document)).violations
  .filter(({ impact }) => ['moderate', 'serious', 'critical'].includes(impact))
  .map(({ help, nodes }) => `${help}: ${nodes.map((one) => one.html).join(' ; ').slice(0, 400)}`)
"""
KEPT = os.environ.get("PICTURES")
WIDTHS = {390: 844, 1280: 900, 1920: 1080}


@pytest.fixture(scope="module")
def axe() -> str:
    """Return axe-core; without it, skip the tests, or fail them in CI."""
    if not AXE.exists():
        if os.environ.get("CI"):
            pytest.fail("axe-core is not installed: run setup.sh")
        pytest.skip("axe-core is not installed: install npm, then run setup.sh")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(KEPT or tmp_path_factory.mktemp("pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def library(seed: Any, processed: Any, mp4: bytes, jpeg: bytes) -> str:
    """Return the id of the sample, in a library with videos in all states."""
    for name, said in (("Harbour walk", "The red boat"), ("Interview with Dr. Grün", "My heart")):
        upload = seed.upload(f"{name}.mp4")
        seed.probe(upload)
        seed.transcode(upload, mp4)
        seed.thumbnail(upload, jpeg)
        seed.transcribe(upload, said)
        seed.detect(upload, {"boat": [(0.0, 1.0)], "person": [(1.0, 2.0)]})
    going = seed.upload("A walk in the old town, with a very long name that does not fit.mov")
    seed.probe(going)
    seed.progress(going, "transcode", 37)
    seed.skip(going, "detect")
    from pipeline.core.errors import BadInput  # noqa: PLC0415

    broken = seed.upload("notes.mp4")
    for stage in ("transcode", "thumbnail", "transcribe", "detect"):
        seed.fail(
            broken, stage, BadInput("not_media", "This is not a video. Run `videodrop doctor`.")
        )
    return sample.store(seed, processed, "Shapes and colours.mp4").video_id


def look(page: Page, axe: str, pictures: Path, name: str) -> dict[str, Any]:
    """Look at a view in each theme and width; return what is wrong by case."""
    page.evaluate(axe)
    found: dict[str, Any] = {}
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        for width, height in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": height})
            page.evaluate("() => new Promise(requestAnimationFrame)")
            case = f"{name}-{theme}-{width}"
            if KEPT:
                page.wait_for_timeout(250)
                page.screenshot(path=pictures / f"{case}.png", full_page=True)
            # No rule of the styles is for more than 960 pixels: axe would look at the same twice.
            if width < max(WIDTHS) and (wrong := page.evaluate(RUN)):
                found[case] = wrong
            if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
                found[f"{case} scrolls"] = wide
    return found


def check(page: Page, axe: str, pictures: Path, name: str) -> None:
    """Look at a view in each theme and width; fail if something is wrong."""
    found = look(page, axe, pictures, name)
    assert not found, "\n".join(f"{case}: {wrong}" for case, wrong in found.items())


def test_no_style_is_for_screens_wider_than_those_that_axe_sees():
    styles = (path.read_text() for path in pages._WEB.glob("*.css"))
    limits = [int(one) for text in styles for one in re.findall(r"@media[^{]*?(\d+)px", text)]
    assert limits
    assert max(limits) < sorted(WIDTHS)[1]


def show_library(page: Page, _: str) -> None:
    page.goto("/")
    expect(page.locator(".card")).to_have_count(5)
    until(page, "[...document.querySelectorAll('.card img')].every((one) => one.complete)")


def show_video(page: Page, video_id: str) -> None:
    page.goto(f"/#/videos/{video_id}?t=4.2")
    until(page, "document.querySelector('video')?.readyState >= 2")
    expect(page.locator(".box").first).to_be_visible()
    expect(page.locator(".lane canvas").first).to_be_visible()
    expect(page.locator(".segment").first).to_be_visible()


def show_help(page: Page, video_id: str) -> None:
    show_video(page, video_id)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()


def show_video_in_work(page: Page, _: str) -> None:
    page.goto("/#/?status=processing")
    page.locator(".card-link").click()
    expect(page.get_by_text("The video can be played after transcoding.")).to_be_visible()


def show_search(page: Page, _: str) -> None:
    page.goto("/#/search?q=the")
    expect(page.locator(".moment").nth(3)).to_be_visible()
    expect(page.locator(".moment .tile").first).to_be_visible()


VIEWS = {
    "library": show_library,
    "video": show_video,
    "in-work": show_video_in_work,
    "search": show_search,
    "help": show_help,  # the last one: its dialog stays open
}


def test_every_view_is_accessible_and_within_the_screen(page, axe, pictures, library):
    found = {}
    for name, show in VIEWS.items():
        page.set_viewport_size({"width": 1280, "height": 900})
        show(page, library)
        found |= look(page, axe, pictures, name)
    assert not found, "\n".join(f"{case}: {wrong}" for case, wrong in found.items())
