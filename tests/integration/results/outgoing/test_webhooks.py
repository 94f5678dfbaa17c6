"""Webhooks from the bus to a receiver: real queues, a real table, real HTTP."""

import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from handlers import events as handler
from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.aws.catalog import Catalog
from pipeline.core.errors import Conflict
from pipeline.core.settings import Settings
from pipeline.hosts.worker.lane import Lane
from pipeline.results.outgoing import deliverer
from pipeline.results.outgoing.post import post
from pipeline.results.outgoing.registration import OVERLAP
from tests.fakes.query import done, upload
from tests.fakes.query import failed as failed_run
from tests.integration.results.outgoing.conftest import Receiver

SOURCE = upload()


class House:
    """An installation whose function ``events`` handles what its queues have."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.catalog: Catalog = bootstrap.catalog(settings)
        self.webhooks = bootstrap.webhooks(settings)

    def work(self) -> None:
        """Handle messages until both queues are empty."""
        names, sqs = self.settings.names, aws.client("sqs")
        queues = [
            Lane(sqs, names.queue("events", lane), visibility_s=60, wait_s=0)
            for lane in ("live", "webhooks")
        ]
        while sum(self._one(queue) for queue in queues):
            pass

    def _one(self, queue: Lane) -> bool:
        record = queue.receive()
        if record is None:
            return False
        assert handler.handler({"Records": [record]}, None) == {"batchItemFailures": []}
        queue.delete(record)
        return True


@pytest.fixture
def house(told: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setenv("VIDEODROP_PRIVATE_WEBHOOKS", "true")
    monkeypatch.setattr(deliverer, "RETRIES_S", (0, 0, 0))
    bootstrap.settings.cache_clear()
    handler._consumer.cache_clear()
    yield House(told.model_copy(update={"private_webhooks": True}))
    handler._consumer.cache_clear()


def test_a_receiver_that_fails_twice_gets_one_delivery_three_times(
    house: House, receiver: Receiver
):
    made = house.webhooks.add(receiver.url, [])
    receiver.statuses = [500, 503, 204]
    house.catalog.announcer.stage_ended(SOURCE.video_id, done(SOURCE, "toy"))
    house.work()
    assert len(receiver.posted) == 3
    assert (
        len({one.id for one in receiver.posted}) == len({one.body for one in receiver.posted}) == 1
    )
    assert all(one.is_signed(made.secret) for one in receiver.posted)
    content = json.loads(receiver.posted[0].body)
    assert (content["type"], content["data"]["id"]) == ("stage.succeeded", receiver.posted[0].id)
    ((delivery,), _) = house.webhooks.deliveries(made.webhook_id)
    assert delivery.state == "delivered"
    assert [one.status for one in delivery.tries] == [500, 503, 204]


def test_a_delivery_ends_as_failed_and_can_be_requested_again(house: House, receiver: Receiver):
    made = house.webhooks.add(receiver.url, [])
    receiver.statuses = [500]
    house.catalog.announcer.video_deleted(SOURCE)
    house.work()
    ((delivery,), _) = house.webhooks.deliveries(made.webhook_id)
    assert (delivery.state, len(delivery.tries), len(receiver.posted)) == ("failed", 4, 4)
    receiver.statuses = [204]
    house.webhooks.redeliver(made.webhook_id, delivery.delivery_id)
    house.work()
    ((delivery,), _) = house.webhooks.deliveries(made.webhook_id)
    assert delivery.state == "delivered"
    assert len({one.id for one in receiver.posted}) == 1


def test_a_copy_of_an_event_is_delivered_once(house: House, receiver: Receiver):
    house.webhooks.add(receiver.url, [])
    for _ in range(2):
        house.catalog.announcer.stage_ended(SOURCE.video_id, done(SOURCE, "toy"))
    house.work()
    assert len(receiver.posted) == len(house.catalog.events.after(0)) == 1


def test_a_webhook_gets_the_events_that_it_names(house: House, receiver: Receiver):
    house.webhooks.add(receiver.url, ["stage.failed", "video.deleted"])
    house.catalog.announcer.stage_ended(SOURCE.video_id, done(SOURCE, "toy"))
    house.catalog.announcer.stage_ended(SOURCE.video_id, failed_run(SOURCE, "other"))
    house.work()
    assert [json.loads(one.body)["type"] for one in receiver.posted] == ["stage.failed"]


def test_a_receiver_that_is_gone_gets_no_more_until_it_is_enabled(house: House, receiver: Receiver):
    made = house.webhooks.add(receiver.url, [])
    receiver.statuses = [410]
    house.webhooks.test(made.webhook_id)
    house.work()
    ((delivery,), _) = house.webhooks.deliveries(made.webhook_id)
    assert (delivery.state, len(receiver.posted)) == ("failed", 1)
    assert house.webhooks.all()[0].disabled_at
    house.catalog.announcer.stage_ended(SOURCE.video_id, done(SOURCE, "toy"))
    house.work()
    for asked in (
        lambda: house.webhooks.test(made.webhook_id),
        lambda: house.webhooks.redeliver(made.webhook_id, delivery.delivery_id),
    ):
        with pytest.raises(Conflict, match="webhook_disabled"):
            asked()
    assert len(receiver.posted) == 1
    receiver.statuses = [204]
    assert house.webhooks.enable(made.webhook_id).disabled_at is None
    house.webhooks.redeliver(made.webhook_id, delivery.delivery_id)
    house.work()
    assert len(receiver.posted) == 2


def test_a_new_secret_and_the_one_before_sign_for_a_day(
    house: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    first = house.webhooks.add(receiver.url, [])
    second = house.webhooks.rotate(first.webhook_id)
    house.webhooks.test(first.webhook_id)
    house.work()
    assert [receiver.posted[0].is_signed(one.secret) for one in (first, second)] == [True, True]
    later = time.time() + OVERLAP.total_seconds() + 1
    monkeypatch.setattr(handler._consumer()._deliverer, "_clock", lambda: later)
    house.webhooks.test(first.webhook_id)
    house.work()
    assert [receiver.posted[1].is_signed(one.secret) for one in (first, second)] == [False, True]


def test_an_example_is_sent_on_request(house: House, receiver: Receiver):
    made = house.webhooks.add(receiver.url, ["stage.failed"])
    house.webhooks.test(made.webhook_id)
    house.work()
    (one,) = receiver.posted
    assert one.is_signed(made.secret)
    assert json.loads(one.body)["data"]["passthrough"] == {"test": True}
    assert house.catalog.events.after(0) == [], "nothing happened in the installation"


def test_what_is_to_be_delivered_to_a_removed_webhook_is_dropped(house: House, receiver: Receiver):
    made = house.webhooks.add(receiver.url, [])
    house.webhooks.test(made.webhook_id)
    house.webhooks.remove(made.webhook_id)
    house.work()
    assert receiver.posted == []


def test_a_message_that_comes_again_is_delivered_after_the_first_receiver_has_died(
    house: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    made = house.webhooks.add(receiver.url, [])
    view = house.webhooks.test(made.webhook_id)
    known = house.catalog.webhooks.delivery(made.webhook_id, view.delivery_id)
    assert known is not None
    assert house.catalog.webhooks.change(known, next_at=time.time() + 1.5)  # claimed by the dead
    house.work()
    assert receiver.posted == []
    monkeypatch.setattr(handler._consumer()._deliverer, "_clock", lambda: time.time() + 2)
    deadline = time.monotonic() + 120
    while not receiver.posted and time.monotonic() < deadline:
        house.work()
    assert len(receiver.posted) == 1


def test_a_redirect_is_not_followed(receiver: Receiver):
    receiver.statuses, receiver.headers = [307], {"Location": receiver.url}
    answer = post(receiver.url, b"{}", {}, private=True)
    assert (answer.status, len(receiver.posted)) == (307, 1)
    assert answer.error == "Status 307: redirects are not followed."


def test_nothing_is_sent_to_this_host_without_the_setting(receiver: Receiver):
    named = receiver.url.replace("http://127.0.0.1", "https://localhost")
    for url in (receiver.url, named):
        answer = post(url, b"{}", {}, private=False)
        assert answer.status is None
        assert answer.error
    assert "is not a public address" in answer.error
    assert not answer.error.startswith("OSError")
    assert receiver.posted == []


def test_a_connection_goes_to_the_address_that_was_checked(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    """A name may resolve to another address a moment later."""
    asked: list[str] = []
    look = socket.getaddrinfo

    def once(host: str, *rest: object, **more: object) -> object:
        if host == "rebinding.example":
            asked.append(host)
            return look("127.0.0.1", *rest, **more)
        return look(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", once)
    url = receiver.url.replace("127.0.0.1", "rebinding.example")
    assert post(url, b"{}", {}, private=True).error is None
    assert asked == ["rebinding.example"]
    assert receiver.posted[0].headers["host"].startswith("rebinding.example:")


def test_a_receiver_that_trickles_is_cut():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def trickle() -> None:
            connection, _ = server.accept()
            with connection:
                try:
                    for _ in range(600):
                        connection.sendall(b"H")
                        time.sleep(0.05)
                except OSError:
                    pass

        thread = threading.Thread(target=trickle)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        answer = post(url, b"{}", {}, private=True, timeout_s=0.5)
        thread.join(10)
    assert not thread.is_alive()
    assert answer.status is None
    assert answer.error
