"""The dialogs of the actions, in both themes and three widths: accessible, and whole."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_acting import add, app, seed
from tests.browser.test_views import axe, check, pictures
from tests.integration.cli.conftest import replayed, toys, worked

pytestmark = pytest.mark.browser

__all__ = ["add", "app", "axe", "pictures", "replayed", "seed", "toys", "worked"]


def test_reprocessing_versions_and_deletion(page, axe, pictures, add):
    add("ready")
    page.get_by_role("button", name="Reprocess…").click()
    page.get_by_text("Settings of toy").click()
    page.get_by_role("textbox", name="text").fill("other")
    check(page, axe, pictures, "reprocess")
    page.get_by_role("button", name="Show the plan").click()
    expect(page.get_by_role("button", name="Run 1 stage")).to_be_visible()
    check(page, axe, pictures, "plan")
    page.get_by_role("button", name="Run 1 stage").click()
    expect(page.get_by_text("The reprocessing is done.")).to_be_visible()
    page.get_by_role("button", name="Versions…").click()
    listed = page.get_by_role("dialog", name="Versions").locator(".version")
    listed.last.get_by_role("button", name="Compare with current").click()
    expect(listed.last).to_contain_text("other → hello")
    check(page, axe, pictures, "versions")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Delete…").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    check(page, axe, pictures, "delete")
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("Street dance was deleted.")).to_be_visible()
    check(page, axe, pictures, "deleted")
