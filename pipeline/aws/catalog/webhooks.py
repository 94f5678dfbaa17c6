"""Webhooks, and the deliveries to each.

    #webhooks         {webhook id}     address, secret and wanted events
    #webhook#{id}     {delivery id}    an event to deliver, and its tries, for two weeks

A delivery is claimed for each try by a conditional write of ``next_at``, so that of two receivers
of its message one posts.
"""

import time
from contextlib import suppress
from datetime import timedelta
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from pipeline.aws.catalog.table import ConditionFailed, Table, partition
from pipeline.core.outgoing import EventType

_PK = "#webhooks"
KEPT = timedelta(days=14)

DeliveryState = Literal["pending", "delivered", "failed"]


class Webhook(BaseModel):
    """An address that events are posted to.

    Attributes:
        secret: ``whsec_`` and the key of its signatures, in Base64.
        types: the wanted events; all if empty.
        former_secret: the secret before, which signs, too, until ``former_until`` (epoch seconds).
        disabled_at: when its receiver answered that it is gone; None while it gets events.
    """

    model_config = ConfigDict(frozen=True)

    webhook_id: str
    url: str
    secret: str
    types: list[EventType] = []
    created_at: AwareDatetime
    former_secret: str | None = None
    former_until: float = 0.0
    disabled_at: AwareDatetime | None = None

    def secrets(self, now: float) -> list[str]:
        """Return the secrets that sign at a moment, the newest first."""
        former = [self.former_secret] if self.former_secret and now < self.former_until else []
        return [self.secret, *former]


class Try(BaseModel):
    """One request to a receiver."""

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    status: int | None = Field(description="The receiver's HTTP status; null without an answer")
    error: str | None = Field(description="Why it did not count as delivered")
    ms: int = Field(description="How long it took")


class WebhookDelivery(BaseModel):
    """An event that is, or is to be, delivered to one webhook.

    Attributes:
        body: as it is sent, the same each time.
        tries: number of tries since it was last requested.
        next_at: epoch seconds of the next try, while it is pending.
        log: the latest tries.
    """

    model_config = ConfigDict(frozen=True)

    webhook_id: str
    delivery_id: str
    event_id: str
    type: str
    body: str
    created_at: AwareDatetime
    state: DeliveryState = "pending"
    tries: int = 0
    next_at: float = 0.0
    log: list[Try] = []


class Webhooks:
    """The webhooks and deliveries in the catalog's table.

    Args:
        table: the catalog's table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def all(self) -> list[Webhook]:
        """Return all webhooks, the oldest first."""
        rows = self._table.query(KeyConditionExpression=partition("pk", _PK), ConsistentRead=True)
        found = [Webhook.model_validate(row) for row in rows]
        return sorted(found, key=lambda one: one.created_at)

    def get(self, webhook_id: str) -> Webhook | None:
        """Return one webhook."""
        item = self._table.get(_PK, webhook_id)
        return None if item is None else Webhook.model_validate(item)

    def add(self, new: Webhook) -> None:
        """Record a webhook."""
        self._table.put(_PK, new.webhook_id, new.model_dump(mode="json"))

    def edit(self, known: Webhook, **fields: Any) -> Webhook:
        """Change fields of a webhook, and return it; one that was removed meanwhile stays so."""
        new = known.model_copy(update=fields)
        changed = new.model_dump(mode="json", include=set(fields))
        with suppress(ConditionFailed):
            self._table.update(
                *(_PK, known.webhook_id), set=changed, condition="attribute_exists(#pk)"
            )
        return new

    def remove(self, webhook_id: str) -> None:
        """Remove a webhook; what is to be delivered to it is dropped."""
        self._table.write(deletes=[{"pk": _PK, "sk": webhook_id}])

    def record(self, new: WebhookDelivery) -> None:
        """Record a delivery, unless it was recorded before."""
        fields = new.model_dump(mode="json")
        fields["expires_at"] = int(time.time() + KEPT.total_seconds())
        try:
            self._table.update(*_key(new), set=fields, condition="attribute_not_exists(#pk)")
        except ConditionFailed:
            return

    def delivery(self, webhook_id: str, delivery_id: str) -> WebhookDelivery | None:
        """Return one delivery."""
        item = self._table.get(f"#webhook#{webhook_id}", delivery_id)
        return None if item is None else WebhookDelivery.model_validate(item)

    def deliveries(
        self, webhook_id: str, *, limit: int, before: str | None = None
    ) -> tuple[list[WebhookDelivery], str | None]:
        """Return deliveries, the newest first, and the cursor of the next page.

        Args:
            webhook_id: of the webhook.
            limit: how many at most.
            before: only those before this delivery (a cursor).
        """
        rows, more = self._table.page(
            KeyConditionExpression=partition("pk", f"#webhook#{webhook_id}", below=before),
            ConsistentRead=True,
            ScanIndexForward=False,
            limit=limit,
        )
        found = [WebhookDelivery.model_validate(row) for row in rows]
        return found, found[-1].delivery_id if more and found else None

    def change(self, seen: WebhookDelivery, **fields: Any) -> WebhookDelivery | None:
        """Write a delivery, and return it; None if it has changed since it was read."""
        new = seen.model_copy(update=fields)
        changed = new.model_dump(mode="json", include=set(fields))
        try:
            self._table.update(
                *_key(seen),
                set=changed,
                condition="#next_at = :seen_next AND #state = :seen_state",
                given={"seen_next": seen.next_at, "seen_state": seen.state},
            )
        except ConditionFailed:
            return None
        return new


def _key(one: WebhookDelivery) -> tuple[str, str]:
    return f"#webhook#{one.webhook_id}", one.delivery_id
