"""The actions on the page: retry, reprocess, versions, delete; and the jobs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.sync_api import Page, expect

from pipeline import bootstrap
from pipeline.api.app import create_app
from pipeline.aws import clients as aws
from pipeline.core.errors import BadInput, TimedOut
from pipeline.core.settings import Settings
from tests.browser.conftest import until
from tests.fakes import toystage
from tests.fakes.seed import Seed
from tests.integration.cli.conftest import replayed, toys, worked

pytestmark = pytest.mark.browser


__all__ = ["replayed", "toys", "worked"]  # fixtures: one stage, its worker, the driver of replays


@pytest.fixture
def seed(replayed: Settings, tmp_path: Path) -> Seed:
    return Seed.of(replayed, tmp_path)


@pytest.fixture
def app(replayed: Settings) -> FastAPI:
    return create_app(settings=replayed)


@pytest.fixture
def works(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Return a function that lets the stage work, or fail."""
    run = toystage.run

    def fail(*_: Any) -> Any:
        raise BadInput("undecodable", "No frame could be decoded. Run `videodrop doctor`.")

    return lambda well: monkeypatch.setattr(toystage, "run", run if well else fail)


@pytest.fixture
def add(replayed: Settings, page: Page, tmp_path: Path) -> Callable[[str], str]:
    """Return a function that uploads a file, and shows its video once that has a status."""

    def upload(status: str) -> str:
        path = tmp_path / "Street dance.mp4"
        path.write_bytes(b"a clip")
        added = bootstrap.adder(replayed).add(path)
        page.goto("/")
        expect(page.locator(".card")).to_have_count(1)
        page.goto(f"/#/videos/{added.video_id}")
        expect(page.locator(f".badge.{status}")).to_be_visible()
        return added.video_id

    return upload


def test_a_failure_is_said_once_and_retried(page, add, works):
    works(False)
    add("failed")
    expect(page.get_by_text("No frame could be decoded")).to_have_count(1)
    expect(page.locator(".problem code")).to_have_text("videodrop doctor")
    works(True)
    page.get_by_role("button", name="Retry toy").click()
    expect(page.locator(".badge.ready")).to_be_visible()
    expect(page.locator(".problem")).to_have_count(0)
    expect(page.get_by_text("The reprocessing is done.")).to_be_visible()


def test_a_plan_is_shown_with_reasons_and_cost_before_it_runs(page, add, complaints):
    add("ready")
    page.get_by_role("button", name="Reprocess…").click()
    dialog = page.get_by_role("dialog", name="Reprocess Street dance")
    dialog.get_by_text("Settings of toy").click()
    dialog.get_by_label("repeat").fill("3")
    dialog.get_by_role("button", name="Show the plan").click()
    row = dialog.get_by_role("row", name="toy")
    expect(row).to_contain_text("Compute")
    expect(row).to_contain_text("repeat: 1 → 3")
    dialog.get_by_role("button", name="Run 1 stage").click()
    expect(page.get_by_text("The reprocessing is done.")).to_be_visible()
    page.get_by_text("Details").click()
    expect(page.get_by_role("row", name="toy").get_by_text("3", exact=True)).to_be_visible()
    # What is set stays, and says so.
    page.get_by_role("button", name="Reprocess…").click()
    expect(dialog.get_by_text("Set by an earlier replay: repeat 3")).to_be_visible()
    dialog.get_by_role("button", name="Show the plan").click()
    expect(dialog.get_by_text("Nothing to do: everything chosen")).to_be_visible()
    dialog.get_by_role("button", name="Back").click()
    dialog.get_by_text("Settings of toy").click()
    dialog.get_by_label("repeat").fill("99")
    dialog.get_by_role("button", name="Show the plan").click()
    expect(dialog.get_by_role("alert")).to_contain_text("repeat")
    assert ["422" in one for one in complaints] == [True]
    complaints.clear()


def test_a_failed_reprocessing_says_that_the_result_stands(page, add, works):
    add("ready")
    works(False)
    page.get_by_role("button", name="Reprocess…").click()
    page.get_by_text("Settings of toy").click()
    page.get_by_label("repeat").fill("2")
    page.get_by_role("button", name="Show the plan").click()
    page.get_by_role("button", name="Run 1 stage").click()
    said = page.locator(".problem")
    expect(said).to_contain_text("last reprocessing failed; the result of")
    expect(said).to_contain_text("stands. No frame could be decoded")
    expect(page.locator(".badge.ready")).to_be_visible()
    expect(page.locator(".state.succeeded")).to_have_text("Done")


def test_versions_are_compared_and_rolled_back(page, add, replayed):
    video_id = add("ready")
    catalog = bootstrap.catalog(replayed)
    page.get_by_role("button", name="Reprocess…").click()
    page.get_by_text("Settings of toy").click()
    page.get_by_role("textbox", name="text").fill("other")
    page.get_by_role("button", name="Show the plan").click()
    page.get_by_role("button", name="Run 1 stage").click()
    expect(page.get_by_text("The reprocessing is done.")).to_be_visible()
    page.get_by_role("button", name="Versions…").click()
    listed = page.get_by_role("dialog", name="Versions").locator(".version")
    expect(listed).to_have_count(2)
    expect(listed.first).to_contain_text("Current")
    listed.last.get_by_role("button", name="Compare with current").click()
    expect(listed.last).to_contain_text("other → hello")
    listed.last.get_by_role("button", name="Roll back to it").click()
    expect(listed.last.locator(".badge.ready")).to_be_visible()
    assert catalog.video(video_id).stages["toy"].current_result.params["text"] == "hello"
    expect(listed.first.get_by_role("button", name="Make it current")).to_be_visible()


def test_a_deleted_video_is_gone_everywhere_until_it_is_restored(page, add, replayed):
    video_id = add("ready")
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("Street dance was deleted.")).to_be_visible()
    expect(page.get_by_role("heading", name="Drop your first video")).to_be_visible()
    s3, bucket = aws.client("s3"), replayed.names.artifacts_bucket
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix=f"artifacts/{video_id}/")
    page.get_by_role("searchbox", name="Search what is said in all videos").fill("dance")
    page.keyboard.press("Enter")
    expect(page.locator(".moment")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("link", name="Show it").click()
    expect(page.locator(".badge.ready")).to_be_visible()


def test_the_jobs_tell_what_runs_waits_and_failed_and_queues_can_be_paused(page, seed):
    running, _, failed = (seed.upload(f"{name}.mp4") for name in ("a", "b", "c"))
    seed.progress(running, "toy", 37)
    seed.fail(failed, "toy", TimedOut("deadline", "It took too long."))
    page.goto("/")
    page.get_by_role("link", name="Jobs").click()
    expect(page.get_by_role("region", name="Running")).to_contain_text("37%")
    expect(page.get_by_role("region", name="Waiting").get_by_role("link")).to_have_text(["b"])
    row = page.get_by_role("region", name="Failed")
    expect(row).to_contain_text("It took too long.")
    expect(row.get_by_role("button", name="Retry toy of c.mp4")).to_be_visible()
    page.get_by_role("button", name="Pause toy", exact=True).click()
    queues = page.get_by_role("region", name="Queues of the stages")
    expect(queues.get_by_text("Paused", exact=True)).to_have_count(1)
    page.get_by_role("button", name="Resume toy", exact=True).click()
    expect(page.get_by_role("button", name="Pause toy", exact=True)).to_be_visible()


def test_a_dialog_is_used_by_keyboard_alone(page, add):
    add("ready")
    opener = page.get_by_role("button", name="Delete…")
    opener.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Delete Street dance?")).to_be_visible()
    reached = []
    while "Delete" not in reached and len(reached) < 6:
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent"))
    assert reached == ["✕", "Cancel", "Delete"]
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(opener).to_be_focused()


def test_a_phone_does_not_scroll_horizontally(page, add):
    page.set_viewport_size({"width": 390, "height": 780})
    add("ready")
    for name in ("Reprocess…", "Versions…", "Delete…"):
        page.get_by_role("button", name=name).click()
        until(page, "document.querySelector('dialog').scrollWidth <= 390")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.keyboard.press("Escape")
    page.goto("/#/jobs")
    expect(page.get_by_role("heading", name="Queues")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
