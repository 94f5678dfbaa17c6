"""Webhooks are registered up to a number, and a delivery is not requested twice at once."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.aws.catalog.webhooks import Webhook, WebhookDelivery
from pipeline.core.errors import Conflict, LimitExceeded
from pipeline.results.outgoing.registration import MOST, Registration


def test_no_more_than_so_many_webhooks_are_registered():
    kept: list[Any] = []
    catalog: Any = SimpleNamespace(
        webhooks=SimpleNamespace(all=lambda: kept, add=kept.append), events=None
    )
    deliverer: Any = SimpleNamespace(private=False)
    webhooks = Registration(catalog, deliverer)
    for number in range(MOST):
        webhooks.add(f"https://example.com/{number}", [])
    with pytest.raises(LimitExceeded, match="remove one first") as refused:
        webhooks.add("https://example.com/more", [])
    assert refused.value.code == "too_many_webhooks"
    assert len(kept) == MOST


def test_a_delivery_that_is_in_progress_is_not_requested_again():
    made = {"webhook_id": "wh_1", "created_at": datetime.now(UTC)}
    webhook = Webhook(**made, url="https://example.com", secret="", types=[])
    delivery = WebhookDelivery(**made, delivery_id="1", event_id="e", type="video.ready", body="{}")
    catalog: Any = SimpleNamespace(
        webhooks=SimpleNamespace(get=lambda _: webhook, delivery=lambda *_: delivery), events=None
    )
    deliverer: Any = SimpleNamespace(again=lambda _: None)  # it has just changed
    with pytest.raises(Conflict, match="is being delivered now") as refused:
        Registration(catalog, deliverer).redeliver("wh_1", "1")
    assert refused.value.code == "delivery_busy"
