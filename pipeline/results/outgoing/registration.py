"""Webhooks as people register, see, test and remove them."""

import secrets
from datetime import UTC, datetime, timedelta

from pydantic import AwareDatetime, BaseModel, Field

from pipeline.aws.catalog import Catalog
from pipeline.aws.catalog.webhooks import DeliveryState, Try, Webhook, WebhookDelivery
from pipeline.core.errors import Conflict, LimitExceeded, NotFound
from pipeline.core.outgoing import EventType, Outgoing, VideoDetail
from pipeline.results.outgoing import signature, target
from pipeline.results.outgoing.deliverer import Deliverer

MOST = 20
OVERLAP = timedelta(hours=24)
DELIVERY_ID = "0000000000000042"
"""An example of an id."""


class WebhookView(BaseModel):
    """A webhook."""

    webhook_id: str = Field(examples=["wh_0f1e2d3c4b5a"])
    url: str
    events: list[EventType] = Field(description="The events it gets; all if empty")
    created_at: AwareDatetime
    disabled_at: AwareDatetime | None = Field(
        description="When its receiver answered 410 Gone: it gets no events until it is enabled"
    )


class NewWebhookView(WebhookView):
    """A webhook with a secret that was just made."""

    secret: str = Field(
        description="The key of its signatures; it is shown this once",
        examples=["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"],
    )


class DeliveryView(BaseModel):
    """The delivery of an event to a webhook."""

    delivery_id: str = Field(examples=[DELIVERY_ID])
    event_id: str = Field(description="The header `webhook-id`, the same in each try")
    type: str = Field(examples=["video.ready"])
    state: DeliveryState
    created_at: AwareDatetime
    next_try_at: AwareDatetime | None = Field(description="Null unless it is pending")
    tries: list[Try] = Field(description="The latest tries, the newest last")


class Registration:
    """The webhooks of an installation.

    Args:
        catalog: the recorded ones, and the log of events.
        deliverer: delivers to them.
    """

    def __init__(self, catalog: Catalog, deliverer: Deliverer) -> None:
        self._webhooks = catalog.webhooks
        self._log = catalog.events
        self._deliverer = deliverer

    def all(self) -> list[WebhookView]:
        """Return all webhooks, the oldest first."""
        return [WebhookView(**_shown(one)) for one in self._webhooks.all()]

    def add(self, url: str, types: list[EventType]) -> NewWebhookView:
        """Register a webhook.

        Args:
            url: its address.
            types: the events it gets; all if empty.

        Raises:
            InvalidArgument: ``bad_webhook_url``.
            LimitExceeded: ``too_many_webhooks``.
        """
        target.parse(url, private=self._deliverer.private)
        if len(self._webhooks.all()) >= MOST:
            raise LimitExceeded(
                "too_many_webhooks", f"There are {MOST} webhooks already: remove one first."
            )
        new = Webhook(
            webhook_id=f"wh_{secrets.token_hex(6)}",
            url=url,
            secret=signature.new_secret(),
            types=list(dict.fromkeys(types)),
            created_at=datetime.now(UTC),
        )
        self._webhooks.add(new)
        return NewWebhookView(**_shown(new), secret=new.secret)

    def remove(self, webhook_id: str) -> None:
        """Remove a webhook.

        Raises:
            NotFound: ``unknown_webhook``.
        """
        self._webhooks.remove(self._known(webhook_id).webhook_id)

    def rotate(self, webhook_id: str) -> NewWebhookView:
        """Make a new secret; for a day the one before signs, too.

        Raises:
            NotFound: ``unknown_webhook``.
        """
        known = self._known(webhook_id)
        until = datetime.now(UTC) + OVERLAP
        new = self._webhooks.edit(
            known,
            secret=signature.new_secret(),
            former_secret=known.secret,
            former_until=until.timestamp(),
        )
        return NewWebhookView(**_shown(new), secret=new.secret)

    def enable(self, webhook_id: str) -> WebhookView:
        """Have a webhook get events again.

        Raises:
            NotFound: ``unknown_webhook``.
        """
        return WebhookView(**_shown(self._webhooks.edit(self._known(webhook_id), disabled_at=None)))

    def deliveries(
        self, webhook_id: str, *, limit: int = 20, cursor: str | None = None
    ) -> tuple[list[DeliveryView], str | None]:
        """Return a page of deliveries, the newest first, and the cursor of the next one.

        Raises:
            NotFound: ``unknown_webhook``.
        """
        self._known(webhook_id)
        found, more = self._webhooks.deliveries(webhook_id, limit=limit, before=cursor)
        return [_delivery(one) for one in found], more

    def redeliver(self, webhook_id: str, delivery_id: str) -> DeliveryView:
        """Deliver an event again, whatever came of it.

        Raises:
            NotFound: ``unknown_webhook``, ``unknown_delivery``.
            Conflict: ``delivery_busy``, ``webhook_disabled``.
        """
        self._enabled(webhook_id)
        known = self._webhooks.delivery(webhook_id, delivery_id)
        if known is None:
            raise NotFound(
                "unknown_delivery",
                f"{webhook_id} has no delivery {delivery_id}; they are kept for two weeks.",
            )
        again = self._deliverer.again(known)
        if again is None:
            raise Conflict("delivery_busy", f"{delivery_id} is being delivered now.")
        return _delivery(again)

    def test(self, webhook_id: str) -> DeliveryView:
        """Deliver an example to a webhook, whatever events it gets.

        Raises:
            NotFound: ``unknown_webhook``.
            Conflict: ``webhook_disabled``.
        """
        known = self._enabled(webhook_id)
        now = datetime.now(UTC)
        detail = VideoDetail(
            id=f"evt_{secrets.token_hex(12)}",
            video_id="0" * 20,
            revision="0" * 12,
            name="test.mp4",
            key="videos/test.mp4",
            status="ready",
            passthrough={"test": True},
        )
        example = Outgoing(type="video.ready", time=now, detail=detail)
        place = f"{self._log.last():016}-test-{secrets.token_hex(4)}"  # behind the last event's
        return _delivery(self._deliverer.request(known, example, place))

    def _enabled(self, webhook_id: str) -> Webhook:
        known = self._known(webhook_id)
        if known.disabled_at:
            raise Conflict(
                "webhook_disabled",
                f"The receiver of {webhook_id} answered that it is gone. Enable it first.",
            )
        return known

    def _known(self, webhook_id: str) -> Webhook:
        found = self._webhooks.get(webhook_id)
        if found is None:
            raise NotFound("unknown_webhook", f"There is no webhook {webhook_id}.")
        return found


def _shown(one: Webhook) -> dict[str, object]:
    return {
        "webhook_id": one.webhook_id,
        "url": one.url,
        "events": one.types,
        "created_at": one.created_at,
        "disabled_at": one.disabled_at,
    }


def _delivery(one: WebhookDelivery) -> DeliveryView:
    return DeliveryView(
        delivery_id=one.delivery_id,
        event_id=one.event_id,
        type=one.type,
        state=one.state,
        created_at=one.created_at,
        next_try_at=datetime.fromtimestamp(one.next_at, UTC) if one.state == "pending" else None,
        tries=one.log,
    )
