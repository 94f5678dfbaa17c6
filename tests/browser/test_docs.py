"""The API's documentation, as RapiDoc draws it."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import open_docs

pytestmark = pytest.mark.browser


def test_every_route_is_listed_and_no_script_is_from_elsewhere_and_a_phone_does_not_scroll(
    page, complaints
):
    open_docs(page)
    described = page.request.get("/openapi.json").json()
    for route in described["paths"]:
        expect(page.get_by_text(route, exact=True).first).to_be_visible()
    assert complaints == [], "a script from elsewhere"
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_call_is_described_field_by_field_and_can_be_tried(page: Page, ready: str):
    open_docs(page)
    page.locator('[id="get-/videos/-video_id-"]').get_by_text("/videos/{video_id}").click()
    answer = page.locator("api-response schema-table").first
    expect(answer.get_by_text("playable", exact=True)).to_be_visible()
    expect(answer.get_by_text("Presigned URL of an image").first).to_be_visible()

    # A tree of an example can be closed, though that sets markup.
    page.locator("api-response").get_by_text("EXAMPLE", exact=True).first.click()
    bracket = page.locator("api-response .open-bracket").first
    bracket.click()
    expect(bracket).to_have_text("{...}")

    page.locator("input[data-pname=video_id]").fill(ready)
    page.get_by_role("button", name="TRY").click()
    request = page.locator("api-request")
    expect(request.get_by_text("Response Status: OK:200")).to_be_visible()
    expect(request.get_by_text("Street dance.mp4").first).to_be_visible()


def test_what_a_request_holds_is_described_and_any_other_markup_is_rejected(page, complaints):
    open_docs(page)
    page.get_by_text("Reprocess videos, or see what that would do").click()
    request = page.locator("api-request")
    request.get_by_text("SCHEMA", exact=True).click()
    expect(request.get_by_text("budget_usd").first).to_be_visible()
    rejected = page.evaluate(
        """() => { try { document.body.innerHTML = '<b>x</b>'; return false; }
                   catch (error) { return error instanceof TypeError; } }"""
    )
    assert rejected
    assert ["TrustedHTML" in one for one in complaints] == [True]
    complaints.clear()
