"""A talk of three hours: what the page keeps in the document, and how it is reached by keys."""

import random
import time
from typing import Any

import pytest
from playwright.sync_api import expect

from pipeline.aws.catalog import Catalog
from tests.browser.conftest import PATIENCE_MS, until
from tests.fakes.seed import PROBE, Seed

pytestmark = pytest.mark.browser

SEGMENTS = 10_000
HOURS_S = 3 * 3600.0
LABELS = 30
# Elements that Tab stops at, in closed parts of the page, too few to matter, left out.
STOPS = """['a[href]', 'button', 'input', 'select', 'summary', '[tabindex]']
  .flatMap((kind) => [...document.querySelectorAll(kind)])
  .filter((one) => one.tabIndex >= 0 && !one.disabled && one.checkVisibility()).length"""


def talk() -> dict[str, Any]:
    """Make a transcript of ten words a segment; some have a word of their own."""
    segments = []
    for number in range(SEGMENTS):
        start = number * HOURS_S / SEGMENTS
        words = ["the", "words", "of", "a", "long", "talk", "that", "does", "not"]
        words.append("end" if number % 500 else f"n{number}")
        step = 0.5 * HOURS_S / SEGMENTS / len(words)
        spoken = [
            {
                "text": f" {word}",
                "start": start + at * step,
                "end": start + (at + 1) * step,
                "probability": 0.9,
            }
            for at, word in enumerate(words)
        ]
        segments.append(
            {
                "text": " ".join(words),
                "start": start,
                "end": start + 10 * step,
                "probability": 0.9,
                "words": spoken,
            }
        )
    model = {"name": "tiny", "sha256": "0" * 64, "engine": "whisper", "engine_version": "1"}
    return {
        "task": "transcribe",
        "language": "en",
        "language_probability": 1,
        "duration": HOURS_S,
        "model": model,
        "segments": segments,
    }


@pytest.fixture
def long_talk(seed: Seed, mp4: bytes) -> str:
    # The search index has tests of its own: a hundred thousand words take long.
    catalog = Catalog(seed.catalog._table, seed.catalog._stages)
    seed = Seed(catalog, seed.artifacts, seed.folder)
    upload = seed.upload("Lecture.mp4")
    seed.probe(upload, PROBE.model_copy(update={"duration_s": HOURS_S}))
    seed.transcode(upload, mp4)
    seed.say(upload, talk())
    chance = random.Random(1)  # noqa: S311
    seen = {
        f"object {number}": [
            (start, start + 1.0 + chance.random() * 4)
            for start in sorted(chance.uniform(0, HOURS_S) for _ in range(20))
        ]
        for number in range(LABELS)
    }
    seed.detect(upload, seen)
    return upload.video_id


def test_three_hours_are_listed_and_searched_with_few_elements(page, long_talk):
    page.goto(f"/#/videos/{long_talk}")
    segments = page.locator(".segment")
    expect(segments.first).to_contain_text("n0")
    assert segments.count() < 80
    assert page.evaluate(STOPS) < 100
    assert page.locator("*").count() < 4000
    expect(page.locator(".lane")).to_have_count(LABELS + 1)
    page.get_by_role("searchbox", name="Search the transcript").fill("n9500")
    expect(segments).to_have_count(1)
    expect(page.locator(".word.hit")).to_have_text(["n9500"])
    page.get_by_role("searchbox", name="Search the transcript").fill("")
    page.locator(".segments").evaluate("(list) => { list.scrollTop = list.scrollHeight; }")
    expect(segments.last).to_have_attribute("aria-posinset", str(SEGMENTS))
    assert segments.count() < 80


def test_a_segment_is_reached_by_arrow_keys(page, long_talk):
    page.goto(f"/#/videos/{long_talk}")
    first = page.get_by_role("button", name="Play from 0:00", exact=True).first
    first.focus()
    for _ in range(40):
        page.keyboard.press("ArrowDown")
    focused = "document.activeElement.closest('.segment')?.ariaPosInSet"
    until(page, f"{focused} === '41'")
    assert page.locator(".segment button[tabindex='0']").count() == 1


def test_zoom_shows_the_gaps_of_a_lane(page, long_talk):
    page.goto(f"/#/videos/{long_talk}")
    speech = page.get_by_role("slider", name="speech")
    expect(speech).to_be_visible()
    gaps = """(lane) => {
      const canvas = lane.querySelector('canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 3, canvas.width, 1);
      if (!data.some(Boolean)) return -1; // not drawn yet
      let gaps = 0;
      for (let at = 7; at < data.length; at += 4) if (!data[at] && data[at - 4]) gaps += 1;
      return gaps;
    }"""

    def reaches(least: int) -> int:
        end = time.monotonic() + PATIENCE_MS / 1000
        while (found := int(speech.evaluate(gaps))) < least:
            assert time.monotonic() < end, f"{found} gaps"
            page.wait_for_timeout(50)
        return found

    whole = reaches(0)
    expect(page.get_by_role("button", name="Zoom out")).to_be_disabled()
    zoom = page.get_by_role("button", name="Zoom in")
    while zoom.is_enabled():
        zoom.click()
    assert whole == 0  # three hours in a few hundred pixels
    reaches(5)
    part = page.get_by_role("region", name="Part of the video")
    expect(part).to_be_visible()
    part.evaluate("(pan) => { pan.scrollLeft = pan.scrollWidth; }")
    strip = page.get_by_role("slider", name="Position in the video")
    box = strip.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 5, box["y"] + 5)
    expect(page.locator(".preview span")).to_have_text("2:59:59")
