"""Notifications that a store posts to the API."""

import asyncio
import base64
import json
from typing import Any

import httpx
import pytest

from pipeline.api.app import create_app
from pipeline.aws import clients as aws
from pipeline.aws.messages import queue_url
from pipeline.core import events
from pipeline.core.topology import EVENTS, JANITOR
from tests.fakes import aws_events

TOKEN = "notify-token-of-this-store"  # noqa: S105 - of the test
STAGES = ("transcode", "thumbnail", "transcribe", "detect")


@pytest.fixture
def told(stored):
    """An installation that takes notifications, and wants a token of other requests."""
    for name in (*STAGES, EVENTS, JANITOR):
        aws.client("sqs").create_queue(QueueName=stored.names.queue(name))
    given = {"VIDEODROP_NOTIFY_TOKEN": TOKEN, "VIDEODROP_API_TOKEN": "token-of-the-api-1234"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in given.items():
            patch.setenv(name, value)
        yield type(stored)()


class Client:
    """A client of the API in this process."""

    def __init__(self, settings) -> None:
        self._app = create_app(settings=settings)

    def post(self, path: str, **given: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1"
            ) as client:
                return await client.post(path, **given)

        return asyncio.run(send())


@pytest.fixture
def client(told):
    return Client(told)


@pytest.fixture
def received(told):
    def take(function: str) -> list[events.Event]:
        url = queue_url(told.names.queue(function))
        found = aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        return [events.parse(one["Body"]) for one in found.get("Messages", [])]

    return take


def record(bucket: str, key: str = "videos%2Fa+b.mp4", name: str = "ObjectCreated:Put"):
    item = {"key": key, "size": 6, "eTag": "b1946ac92492d2347c6235b4d2611184"}
    place = {"bucket": {"name": bucket}, "object": item}
    return {"eventName": name, "eventTime": "2026-11-01T12:00:00.000Z", "s3": place}


def bearer(token: str = TOKEN) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_notification_reaches_all_stages_and_is_the_event_that_s3_would_send(
    client, told, received
):
    given = {"Records": [record(told.names.uploads_bucket), record("another-bucket")]}
    answer = client.post("/events/s3", json=given, headers=bearer())
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "ignored": 1})
    found = [received(one) for one in (*STAGES, EVENTS)]
    assert found == [found[0]] * 5
    assert [one.key for one in found[0]] == ["videos/a b.mp4"]
    assert received(JANITOR) == []


def test_a_deletion_reaches_the_janitor_alone(client, told, received):
    given = record(told.names.uploads_bucket, name="s3:ObjectRemoved:Delete")
    client.post("/events/s3", json=given, headers=bearer())
    assert [one.key for one in received(JANITOR)] == ["videos/a b.mp4"]
    assert received("detect") == []


def test_eventbridges_own_form_is_taken(client, told, received):
    body = json.loads(aws_events.created(bucket=told.names.uploads_bucket))
    assert client.post("/events/s3", json=body, headers=bearer()).json()["accepted"] == 1
    assert len(received("detect")) == 1


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("", bearer(), 202),
        ("", {"Authorization": TOKEN}, 202),
        ("", {"Authorization": "Basic " + base64.b64encode(f"u:{TOKEN}".encode()).decode()}, 202),
        (f"?token={TOKEN}", {}, 202),
        ("", {}, 401),
        ("", bearer("another-token-of-16"), 401),
        ("", bearer("token-of-the-api-1234"), 401),
        ("", {"Authorization": "Basic !"}, 401),
        ("", {"Authorization": "Basic /w=="}, 401),  # not UTF-8
        ("?token=wrong", bearer(), 401),
    ],
)
def test_only_the_token_of_notifications_opens(client, query, headers, status):
    answer = client.post(f"/events/s3{query}", json={"Records": []}, headers=headers)
    assert answer.status_code == status


def test_without_a_token_in_the_settings_nothing_is_taken(stored):
    answer = Client(stored).post("/events/s3", json={"Records": []}, headers=bearer())
    assert (answer.status_code, answer.json()["code"]) == (403, "not_notified")


def test_what_is_no_notification_is_422_so_that_the_sender_sees_it(client):
    answer = client.post("/events/s3", json={"hello": 1}, headers=bearer())
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_event")
