"""Sign-in at a provider of tokens, where one is configured."""

import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page, expect
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from pipeline.api.app import create_app
from pipeline.core.setting_types import SignIn
from pipeline.core.settings import Settings
from tests.browser.conftest import serving
from tests.browser.test_sign_in import TOKEN, kept
from tests.fakes.gateway import Gateway
from tests.fakes.seed import Seed

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("ready")]


class Provider:
    """An OAuth 2.0 server at which everyone is signed in already.

    Attributes:
        error: the error to answer with, if any.
        asked: the parameters of each request for authorization.
        given: the token to return.
    """

    def __init__(self) -> None:
        self.error: dict[str, str] = {}
        self.asked: list[dict[str, str]] = []
        self.given = TOKEN
        self._codes: dict[str, dict[str, str]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if request.url.path == "/authorize":
            answer: Response = self._authorize(dict(request.query_params))
        else:
            form = parse_qs((await request.body()).decode())
            origin = {"Access-Control-Allow-Origin": request.headers["Origin"]}
            answer = JSONResponse(*self._token({k: v[0] for k, v in form.items()}), origin)
        await answer(scope, receive, send)

    def _authorize(self, query: dict[str, str]) -> Response:
        self.asked.append(query)
        code = secrets.token_hex()
        self._codes[code] = query
        back = self.error or {"code": code}
        return RedirectResponse(
            f"{query['redirect_uri']}?{urlencode(back | {'state': query['state']})}"
        )

    def _token(self, form: dict[str, str]) -> tuple[dict[str, str], int]:
        """Check the request by RFC 6749, section 4.1.3, and RFC 7636, section 4.6."""
        began = self._codes.pop(form["code"], {})
        digest = sha256(form["code_verifier"].encode()).digest()
        good = (
            form["grant_type"] == "authorization_code"
            and began.get("code_challenge_method") == "S256"
            and began["code_challenge"] == urlsafe_b64encode(digest).decode().rstrip("=")
            and all(began[name] == form[name] for name in ("client_id", "redirect_uri"))
        )
        return ({"access_token": self.given}, 200) if good else ({"error": "invalid_grant"}, 400)


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def provided(provider: Provider) -> Iterator[str]:
    """Return the address of the provider."""
    with serving(provider) as address:
        yield address


@pytest.fixture
def app(stored: Settings, seed: Seed, provided: str) -> Gateway:
    sign_in = SignIn(
        authorize=f"{provided}/authorize?audience=api", token=f"{provided}/token", client_id="page"
    )
    config = stored.model_copy(update={"sign_in": sign_in})
    return Gateway(
        create_app(settings=config, catalog=seed.catalog, artifacts=seed.artifacts), TOKEN
    )


@pytest.fixture
def page(page: Page, complaints: list[Any]) -> Any:
    yield page
    complaints[:] = [one for one in complaints if "status of 401" not in one]


def sign_in(page: Page) -> None:
    page.get_by_role("button", name=re.compile("Sign in at 127.0.0.1")).click()


def test_a_sign_in_returns_to_the_same_view(page, site, provider):
    page.goto("/#/?status=ready")
    sign_in(page)
    expect(page.locator(".card")).to_have_count(1)
    assert page.url == f"{site}/#/?status=ready"
    (asked,) = provider.asked
    assert asked["audience"] == "api"
    assert (asked["response_type"], asked["scope"]) == ("code", "openid")
    assert asked["redirect_uri"] == f"{site}/"
    assert kept(page) == [TOKEN]


def test_a_redirect_with_another_state_is_rejected(page, provider):
    page.goto("/")
    sign_in(page)
    expect(page.locator(".card")).to_have_count(1)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    code, before = secrets.token_hex(), len(provider.asked)
    provider._codes[code] = provider.asked[0]
    page.goto(f"/?code={code}&state={provider.asked[0]['state']}")
    expect(page.get_by_text("This sign-in was not started in this tab.")).to_be_visible()
    assert urlsplit(page.url).query == ""
    assert kept(page) == []
    assert (code in provider._codes, len(provider.asked)) == (True, before)


def test_the_error_of_the_provider_is_shown_as_text(page, provider):
    provider.error = {"error": "access_denied", "error_description": "Not <b>you</b>."}
    page.goto("/")
    sign_in(page)
    expect(page.get_by_role("alert")).to_have_text("Not <b>you</b>.")
    provider.error = {}
    sign_in(page)
    expect(page.locator(".card")).to_have_count(1)


def test_a_token_that_is_not_a_jwt_is_not_stored(page, provider):
    provider.given = "an opaque one"
    page.goto("/")
    sign_in(page)
    expect(page.get_by_text("The provider did not return a valid token")).to_be_visible()
    assert kept(page) == []
    page.get_by_text("With a token").click()
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator(".card")).to_have_count(1)
