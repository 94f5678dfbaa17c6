"""The delivery of webhooks: each message is posted once, and none is lost on the way."""

from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.aws.catalog.webhooks import Webhook, WebhookDelivery, Webhooks
from pipeline.core import outgoing
from pipeline.core.outgoing import DeliveryRequest
from pipeline.core.topology import Topology
from pipeline.results.outgoing import signature
from pipeline.results.outgoing.deliverer import RETRIES_S, Deliverer
from pipeline.results.outgoing.post import Answer
from tests.fakes.memory import Faults, MemoryTable
from tests.fakes.query import upload

EVENT = outgoing.video_uploaded(upload(1))
HOOK = Webhook(
    webhook_id="wh_1",
    url="https://example.com",
    secret=signature.new_secret(),
    created_at=datetime.now(UTC),
)
REQUEST = DeliveryRequest(webhook_id="wh_1", delivery_id="1")


class House:
    """One webhook, its receiver, and the queue of deliveries.

    Attributes:
        posted: moments of the requests that the receiver got.
        sent: messages' delays, and the deliveries that are recorded when each is sent.
        meanwhile: called before a claim is written.
    """

    def __init__(self) -> None:
        self.now = 1000.0
        self.status = 200
        self.posted: list[float] = []
        self.sent: list[tuple[float, WebhookDelivery | None]] = []
        self.webhooks = Webhooks(MemoryTable(Topology.read(), Faults()))
        self.webhooks.add(HOOK)
        queue: Any = self
        self.deliverer = Deliverer(
            self.webhooks, queue, private=False, send=self._post, clock=lambda: self.now
        )

    def send(self, _bodies: list[str], *, group: str, delay_s: float) -> None:
        self.sent.append((delay_s, self.webhooks.delivery(group, "1")))

    def _post(self, *_: Any, private: bool) -> Answer:
        assert not private
        self.posted.append(self.now)
        return Answer(self.status, None if self.status == 200 else "No.", 0.1)

    @property
    def state(self) -> str:
        found = self.webhooks.delivery("wh_1", "1")
        assert found is not None
        return found.state


@pytest.fixture
def house() -> House:
    made = House()
    made.deliverer.request(HOOK, EVENT, "1")
    return made


def test_a_delivery_is_recorded_before_its_message_is_sent(house: House):
    ((delay_s, recorded),) = house.sent
    assert delay_s == 0
    assert recorded is not None


def test_a_copy_of_an_event_does_not_begin_a_delivery_again(house: House):
    house.deliverer.handle(REQUEST)
    house.deliverer.request(HOOK, EVENT, "1")
    house.now += 3600
    house.deliverer.handle(REQUEST)
    assert (house.state, len(house.posted)) == ("delivered", 1)


def test_of_two_receivers_of_one_message_one_posts(house: House, monkeypatch: pytest.MonkeyPatch):
    """The second receiver reads the delivery before the first has claimed it."""
    stale = house.webhooks.delivery("wh_1", "1")
    house.deliverer.handle(REQUEST)
    monkeypatch.setattr(house.webhooks, "delivery", lambda *_: stale)
    house.deliverer.handle(REQUEST)
    assert len(house.posted) == 1


def test_a_try_that_failed_is_made_again_when_it_is_due_and_not_before(house: House):
    house.status = 500
    house.deliverer.handle(REQUEST)
    assert house.sent[-1][0] == RETRIES_S[0]
    house.deliverer.handle(REQUEST)  # the message came too early
    assert house.posted == [1000.0]
    house.now += RETRIES_S[0]
    house.deliverer.handle(REQUEST)
    assert house.posted == [1000.0, 1000.0 + RETRIES_S[0]]


def test_a_wait_that_is_longer_than_sqs_allows_is_made_of_several(house: House):
    house.status = 500
    for _ in range(5):
        house.deliverer.handle(REQUEST)
        house.now += house.sent[-1][0]
    assert [delay_s for delay_s, _ in house.sent] == [0, *RETRIES_S[:3], 900, 900]
    assert len(house.posted) == 4


def test_a_receiver_that_is_gone_is_disabled_and_gets_nothing_more(house: House):
    house.status = 410
    house.deliverer.handle(REQUEST)
    assert house.state == "failed"
    house.deliverer.request_all(EVENT, 2)
    house.deliverer.request(HOOK, EVENT, "2")  # it was requested before
    house.deliverer.handle(DeliveryRequest(webhook_id="wh_1", delivery_id="2"))
    assert len(house.posted) == 1
    assert len(house.sent) == 2


def test_a_webhook_that_is_removed_during_a_delivery_stays_removed(house: House):
    house.webhooks.remove("wh_1")
    house.webhooks.edit(HOOK, disabled_at=datetime.now(UTC))
    assert house.webhooks.all() == []


def test_the_log_of_a_delivery_has_its_latest_tries(house: House):
    house.status = 500
    for _ in range(25):
        known = house.webhooks.delivery("wh_1", "1")
        assert known
        house.deliverer.again(known)
        house.now += 1
        house.deliverer.handle(REQUEST)
    known = house.webhooks.delivery("wh_1", "1")
    assert known
    assert [round(one.at.timestamp()) for one in known.log] == [*range(1006, 1026)]


def test_a_delivery_to_a_webhook_that_was_removed_ends(house: House):
    house.webhooks.remove("wh_1")
    house.deliverer.handle(REQUEST)
    assert (house.state, house.posted) == ("failed", [])


def test_a_message_that_comes_again_during_a_request_waits_for_it(house: House):
    def slow(*given: Any, private: bool) -> Answer:
        house.deliverer.handle(REQUEST)
        return house._post(*given, private=private)

    house.deliverer._post = slow
    house.deliverer.handle(REQUEST)
    assert len(house.posted) == 1
