"""Routes: webhooks and their deliveries."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from pipeline.api.context import Parts
from pipeline.api.problems import described
from pipeline.core.outgoing import EventType
from pipeline.results.outgoing.registration import (
    DELIVERY_ID,
    DeliveryView,
    NewWebhookView,
    WebhookView,
)

router = APIRouter(prefix="/webhooks", tags=["webhooks"])

_CREATED: dict[str, Any] = {
    "headers": {"Location": {"description": "Its address", "schema": {"type": "string"}}}
}

WebhookId = Annotated[
    str, Path(description="The webhook's id", max_length=64, examples=["wh_0f1e2d3c4b5a"])
]
DeliveryId = Annotated[
    str, Path(description="The delivery's id", max_length=64, examples=[DELIVERY_ID])
]


class NewWebhook(BaseModel):
    """An address to post events to."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(max_length=2000, examples=["https://example.com/videodrop"])
    events: list[EventType] = Field(
        [], max_length=20, description="The events it gets; all if empty"
    )


class WebhookList(BaseModel):
    """All webhooks, the oldest first."""

    webhooks: list[WebhookView]


class DeliveryPage(BaseModel):
    """Deliveries to a webhook, the newest first."""

    deliveries: list[DeliveryView]
    next_cursor: str | None = Field(
        description="Pass it as `cursor` for the next page; null at end"
    )


class DeliveryQuery(BaseModel):
    """A page of the deliveries."""

    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(None, max_length=64, description="`next_cursor` of a page")


@router.post(
    "",
    status_code=201,
    summary="Register a webhook",
    description="Each event is posted to it in the form of Standard Webhooks, signed with the "
    "`secret` of this answer, which is not shown again.",
    responses=described(403, 422, 503) | {201: _CREATED},
)
def add_webhook(
    new: Annotated[NewWebhook, Body()], parts: Parts, response: Response
) -> NewWebhookView:
    """Register a webhook."""
    made = parts.webhooks.add(new.url, new.events)
    response.headers["Location"] = f"/webhooks/{made.webhook_id}/deliveries"
    response.headers["Cache-Control"] = "no-store"
    return made


@router.get("", summary="List the webhooks", responses=described(503))
def list_webhooks(parts: Parts) -> WebhookList:
    """Return all webhooks."""
    return WebhookList(webhooks=parts.webhooks.all())


@router.delete(
    "/{webhook_id}",
    status_code=204,
    summary="Remove a webhook",
    description="What was to be delivered to it is dropped.",
    responses=described(403, 404, 422, 503),
)
def remove_webhook(webhook_id: WebhookId, parts: Parts) -> None:
    """Remove a webhook."""
    parts.webhooks.remove(webhook_id)


@router.post(
    "/{webhook_id}/rotate",
    summary="Make a new secret for a webhook",
    description="The answer has the new `secret`, which is not shown again. For 24 hours each "
    "message has two signatures: with the new secret and with the one before.",
    responses=described(403, 404, 422, 503),
)
def rotate_secret(webhook_id: WebhookId, parts: Parts, response: Response) -> NewWebhookView:
    """Make a new secret."""
    response.headers["Cache-Control"] = "no-store"
    return parts.webhooks.rotate(webhook_id)


@router.post(
    "/{webhook_id}/enable",
    summary="Enable a webhook again",
    description="A receiver that answers 410 Gone disables its webhook (`disabled_at`). What "
    "happened meanwhile is in the list of events, and is not delivered later.",
    responses=described(403, 404, 422, 503),
)
def enable_webhook(webhook_id: WebhookId, parts: Parts) -> WebhookView:
    """Have a webhook get events again."""
    return parts.webhooks.enable(webhook_id)


@router.get(
    "/{webhook_id}/deliveries",
    summary="List the deliveries to a webhook, newest first",
    description="They are kept for two weeks, with the latest tries of each.",
    responses=described(400, 404, 422, 503),
)
def list_deliveries(
    webhook_id: WebhookId, query: Annotated[DeliveryQuery, Query()], parts: Parts
) -> DeliveryPage:
    """Return a page of deliveries."""
    begin = parts.cursors.unseal(query.cursor)
    found, more = parts.webhooks.deliveries(webhook_id, limit=query.limit, cursor=begin)
    return DeliveryPage(deliveries=found, next_cursor=parts.cursors.seal(more))


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/redeliver",
    status_code=202,
    summary="Deliver an event again",
    description="It is tried as if it were new, with the same `webhook-id`.",
    responses=described(403, 404, 409, 422, 503),
)
def redeliver(webhook_id: WebhookId, delivery_id: DeliveryId, parts: Parts) -> DeliveryView:
    """Request a delivery again."""
    return parts.webhooks.redeliver(webhook_id, delivery_id)


@router.post(
    "/{webhook_id}/test",
    status_code=202,
    summary="Send an example to a webhook",
    description='It looks like `video.ready`, and its `passthrough` is `{"test": true}`. The list '
    "of deliveries shows what came of it.",
    responses=described(403, 404, 409, 422, 503),
)
def test_webhook(webhook_id: WebhookId, parts: Parts) -> DeliveryView:
    """Deliver an example."""
    return parts.webhooks.test(webhook_id)
