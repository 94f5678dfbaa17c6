"""The token of an API that others can reach, and the limit on guesses."""

import httpx
import pytest
from pydantic import Secret, ValidationError

from pipeline.api.authorized import OPEN, OPEN_BELOW, Attempts
from pipeline.core.settings import Settings
from tests.fakes import gateway
from tests.fakes.query import client, done, signature, upload, video

TOKEN = "correct-horse.battery~staple"  # noqa: S105 - opens this test alone
SOURCE = upload()


@pytest.fixture
def api():
    return client(video(SOURCE, done(SOURCE, "toy")), api_token=Secret(TOKEN))


def ask(api, token=None, path="/videos", method="GET") -> httpx.Response:
    headers = {} if token is None else {"Authorization": token}
    return api.request(method, path, headers=headers)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
@pytest.mark.parametrize(
    "token", [None, "", TOKEN, f"Bearer {TOKEN}x", f"Basic {TOKEN}", b"Bearer \xfc"]
)
def test_without_the_token_nothing_is_read_or_changed(api, token, method):
    for path in ("/videos", "/health", "/metrics", f"/videos/{SOURCE.video_id}", "/filesx"):
        answer = ask(api, token, path, method)
        assert answer.status_code == 401, path
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        if method != "HEAD":
            assert answer.json()["code"] == "unauthorized"
            assert TOKEN not in answer.text


def test_the_token_opens_everything(api):
    assert ask(api, f"Bearer {TOKEN}").status_code == 200
    assert ask(api, f"Bearer {TOKEN}", "/health").status_code == 200


def test_pages_and_signed_addresses_need_no_token(api):
    for path in ("/", "/docs", "/docs/", "/openapi.json", "/sign-in", "/sign-in/", "/web/app.js"):
        for method in ("GET", "HEAD"):
            assert ask(api, path=path, method=method).status_code in {200, 308}, path
        assert ask(api, path=path, method="POST").status_code == 401, path
    playlist = f"/playlists/{SOURCE.video_id}/hls/master.m3u8"
    assert ask(api, path=playlist).json()["code"] == "not_signed"
    assert ask(api, path=f"{playlist}?{signature(SOURCE)}").json()["code"] != "not_signed"
    assert ask(api, path="/files/bucket/key").status_code == 404


def test_the_same_is_open_here_and_behind_api_gateway():
    ours = {*OPEN, *(f"{prefix}{{proxy+}}" for prefix in OPEN_BELOW)}
    assert {f"{method} {path}" for path in ours for method in ("GET", "HEAD")} == set(gateway.OPEN)


def test_without_a_token_in_the_settings_none_is_needed():
    assert ask(client()).status_code == 200


def test_a_client_that_guesses_is_rejected_even_with_the_right_token(api):
    for number in range(10):
        assert ask(api, f"Bearer guess-{number:016}").status_code == 401
    for token in ("Bearer guess", f"Bearer {TOKEN}"):
        answer = ask(api, token)
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
        assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert ask(api).status_code == 401  # without a token nothing is guessed
    assert ask(api, path="/").status_code == 200


@pytest.fixture
def attempts():
    now = [1000.0]
    found = Attempts(lambda: now[0])
    found.now = now
    return found


def test_a_client_may_try_again_after_a_minute(attempts):
    for _ in range(10):
        assert attempts.wait_s("192.168.1.9") == 0
        attempts.wrong("192.168.1.9")
    assert attempts.wait_s("192.168.1.9") == 60
    assert attempts.wait_s("192.168.1.8") == 0
    attempts.now[0] += 59.5
    assert attempts.wait_s("192.168.1.9") == 1
    attempts.now[0] += 0.5
    assert attempts.wait_s("192.168.1.9") == 0
    attempts.wrong("192.168.1.9")
    assert attempts.wait_s("192.168.1.9") == 0


def test_addresses_of_one_ipv6_network_are_one_client(attempts):
    for number in range(10):
        attempts.wrong(f"2001:db8::{number}")
    assert attempts.wait_s("2001:db8::abcd") == 60
    assert attempts.wait_s("2001:db8:0:1::") == 0


def test_clients_without_an_address_are_one_client(attempts):
    for _ in range(5):
        attempts.wrong("")
        attempts.wrong("a.socket")
    assert attempts.wait_s("") == attempts.wait_s("another.socket") == 60


def test_the_clients_that_are_remembered_are_limited(attempts, monkeypatch):
    monkeypatch.setattr("pipeline.api.authorized._CLIENTS", 3)
    for number in range(9):
        attempts.wrong(f"10.0.0.{number}")
    assert len(attempts._seen) == 3


def test_a_client_that_goes_on_guessing_is_remembered_while_others_are_forgotten(
    attempts, monkeypatch
):
    monkeypatch.setattr("pipeline.api.authorized._CLIENTS", 2)
    for number in range(10):
        attempts.wrong("192.168.1.9")
        attempts.wrong(f"10.0.0.{number}")
    assert attempts.wait_s("192.168.1.9") == 60


@pytest.mark.parametrize("token", ["short", "has a space in it.", "ümlaut-ümlaut-ümlaut"])
def test_a_token_has_the_form_that_headers_need(token, monkeypatch):
    monkeypatch.setenv("VIDEODROP_API_TOKEN", token)
    with pytest.raises(ValidationError, match="api_token"):
        Settings()
