"""The stream of events over real HTTP: what is reconnected to goes on where it ended."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest
import uvicorn

from pipeline import bootstrap
from pipeline.api.app import create_app
from pipeline.aws import clients as aws
from pipeline.aws.catalog import Catalog
from pipeline.core import outgoing
from pipeline.core.outgoing import Outgoing
from pipeline.core.settings import Settings
from tests.fakes.claims import claim_run
from tests.fakes.query import upload


def event(number: int) -> Outgoing:
    return outgoing.video_uploaded(upload(number))


@dataclass
class Heard:
    """One server-sent event."""

    fields: dict[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str | None:
        return self.fields.get("event")


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """Serve the API on loopback."""
    config = uvicorn.Config(create_app(settings=settings), port=0, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    end = time.monotonic() + 120
    while not server.started:
        assert time.monotonic() < end
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.force_exit = server.should_exit = True
        thread.join(30)


@pytest.fixture
def api(stored: Settings) -> Iterator[str]:
    with served(stored) as address:
        yield address


@pytest.fixture
def catalog(stored: Settings) -> Catalog:
    return bootstrap.catalog(stored)


@contextmanager
def stream(address: str, **request: object) -> Iterator[Iterator[Heard]]:
    """Open a stream, and yield its events."""
    with httpx.stream("GET", f"{address}/events", timeout=30, **request) as answer:  # type: ignore[arg-type]
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert answer.headers["Cache-Control"] == "no-store"
        yield heard(answer)


def heard(answer: httpx.Response) -> Iterator[Heard]:
    found: dict[str, str] = {}
    for line in answer.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            found[name] = value
        else:
            yield Heard(found)
            found = {}


def test_a_client_that_comes_back_misses_and_repeats_nothing(api: str, catalog: Catalog):
    catalog.events.append(event(0))
    with stream(api) as events:
        begin = next(events)
        assert begin.fields["retry"] == "1000"
        catalog.events.append(event(1))
        seen = next(events)
    assert seen.kind == "video.uploaded"
    assert event(1).id in seen.fields["data"]
    for number in (2, 3):  # while no client is there
        catalog.events.append(event(number))
    with stream(api, headers={"Last-Event-ID": seen.fields["id"]}) as events:
        next(events)
        later = [next(events) for _ in range(2)]
        catalog.events.append(event(4))
        later.append(next(events))
    assert [event(n).id in one.fields["data"] for n, one in zip((2, 3, 4), later, strict=True)] == [
        True
    ] * 3


def test_a_stream_tells_the_progress_of_the_videos_that_were_asked_for(api: str, catalog: Catalog):
    source = upload()
    other = upload(1)
    catalog.record_upload(other, patience_s=60)
    with stream(api, params={"video": source.video_id}) as events:
        next(events)
        catalog.record_upload(source, patience_s=60)
        first = next(events)
        run = claim_run(catalog.runs, source, "transcode", event_id="e", lease_s=60)
        second = next(events)
        catalog.runs.heartbeat(source.video_id, run, progress=40, lease_s=60)
        third = next(events)
    told = [one.fields["data"] for one in (first, second, third)]
    assert all(source.video_id in data for data in told)
    assert {one.kind for one in (first, second, third)} == {"progress"}
    assert ['"running"' in data for data in told] == [False, True, True]
    assert '"progress":10.0' in told[2]


def test_where_answers_are_not_streamed_each_has_what_is_new_and_ends(
    stored: Settings, catalog: Catalog
):
    with served(stored.model_copy(update={"stream_s": 0})) as address:
        begin = httpx.get(f"{address}/events").text
        assert begin.startswith("retry: 3000\nid: 0\n\n")
        first = catalog.events.append(event(0))
        found = httpx.get(f"{address}/events", headers={"Last-Event-ID": "0"}).text
        assert f"id: {first}\nevent: video.uploaded\n" in found
        assert httpx.head(f"{address}/events").is_success
        assert httpx.get(f"{address}/events?after={first}").text.count("event:") == 0


def test_head_ends_although_the_stream_would_not(api: str):
    answer = httpx.head(f"{api}/events", timeout=10)
    assert answer.headers["Content-Type"].startswith("text/event-stream")


@pytest.mark.parametrize(
    "wrong",
    [
        {"headers": {"Last-Event-ID": "x"}},
        {"headers": {"Last-Event-ID": "1" * 17}},
        {"params": {"video": "x"}},
        {"params": {"video": [f"{n:020x}" for n in range(101)]}},
        {"params": {"after": -1}},
        {"params": {"after": 10**16}},
    ],
)
def test_a_place_that_is_none_is_an_error(api: str, wrong):
    answer = httpx.get(f"{api}/events", **wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_webhooks_are_registered_listed_tested_and_removed(api: str, stored: Settings):
    aws.client("sqs").create_queue(QueueName=stored.names.queue("events", "webhooks"))
    wrong = httpx.post(f"{api}/webhooks", json={"url": "http://127.0.0.1/"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "bad_webhook_url")
    given = {"url": "https://example.com/hook", "events": ["video.ready"]}
    made = httpx.post(f"{api}/webhooks", json=given)
    assert made.status_code == 201
    one = made.json()
    assert one["secret"].startswith("whsec_")
    assert made.headers["Cache-Control"] == "no-store"
    listed = httpx.get(f"{api}/webhooks").json()["webhooks"]
    assert listed == [{name: value for name, value in one.items() if name != "secret"}]
    base = f"{api}/webhooks/{one['webhook_id']}"
    test = httpx.post(f"{base}/test")
    assert (test.status_code, test.json()["state"]) == (202, "pending")
    again = httpx.post(f"{base}/deliveries/{test.json()['delivery_id']}/redeliver")
    assert again.status_code == 202
    rotated = httpx.post(f"{base}/rotate")
    assert rotated.json()["secret"] != one["secret"]
    assert rotated.headers["Cache-Control"] == "no-store"
    assert httpx.post(f"{base}/enable").json()["disabled_at"] is None
    page = httpx.get(f"{base}/deliveries", params={"limit": 1}).json()
    assert [each["delivery_id"] for each in page["deliveries"]] == [test.json()["delivery_id"]]
    assert httpx.post(f"{base}/deliveries/none/redeliver").status_code == 404
    assert httpx.delete(base).status_code == 204
    assert httpx.delete(base).json()["code"] == "unknown_webhook"
    assert httpx.get(f"{base}/deliveries").json()["code"] == "unknown_webhook"
