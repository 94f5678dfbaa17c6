"""The server of pushed events, without a client."""

import asyncio
import json

import pytest
from starlette.requests import Request

from pipeline.core.settings import Settings
from pipeline.hosts.worker.functions import Function
from pipeline.hosts.worker.jobs import Jobs
from pipeline.hosts.worker.server import PushHost


async def gone():
    """Receive nothing from a client that has disconnected."""
    return {"type": "http.disconnect"}


REQUEST = Request({"type": "http", "method": "POST", "headers": []}, gone)


@pytest.fixture
def host(monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    settings = Settings(push_token="a-token-of-32-characters-or-more")  # noqa: S106 - a test's own
    return PushHost(settings, Jobs(settings, Function("detect", "no.handler", 1, 1)))


def code(answer):
    return answer.status_code, json.loads(answer.body).get("code")


def test_an_event_that_is_cut_off_is_the_senders_error(host, monkeypatch):
    monkeypatch.setattr(host, "_unauthorized", lambda _: None)
    assert code(asyncio.run(host._post(REQUEST))) == (400, "cut_off")


def test_who_has_no_token_is_not_told_what_the_host_does(host):
    host._jobs.busy = True
    assert code(asyncio.run(host._post(REQUEST))) == (401, "unauthorized")


def test_the_health_of_a_host_is_never_that_of_a_cache(host):
    assert code(asyncio.run(host._health(REQUEST))) == (503, "not_loaded")
    host._jobs.trouble = None
    answer = asyncio.run(host._health(REQUEST))
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
