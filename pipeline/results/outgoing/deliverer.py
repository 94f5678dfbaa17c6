"""The delivery of events to webhooks, with retries.

A message names a delivery. Its receiver reads it, posts it if it is due, and sends the message
again for the next try. Its own is deleted afterwards, so none is lost.
"""

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from pipeline.aws.catalog.webhooks import Try, Webhook, WebhookDelivery, Webhooks
from pipeline.aws.queues import Queue
from pipeline.core import outgoing
from pipeline.core.outgoing import DeliveryRequest, Outgoing
from pipeline.results.outgoing import signature
from pipeline.results.outgoing.post import TIMEOUT_S, Answer, post

log = logging.getLogger(__name__)

RETRIES_S = (5, 60, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600)
"""Seconds between the tries: nine in 28 hours."""
_LONGEST_DELAY_S = 900  # SQS's limit
_LOGGED = 20  # tries
_GONE = 410
# Longer than a request: a receiver of its message that died is replaced after that.
_CLAIM_S = TIMEOUT_S + 15


class Deliverer:
    """Delivers events to webhooks.

    Args:
        webhooks: the recorded webhooks and deliveries.
        queue: the queue of deliveries.
        private: True if webhooks may be on private networks.
        send: posts a webhook once; see ``post``.
        clock: returns epoch seconds.

    Attributes:
        private: the same.
    """

    def __init__(
        self,
        webhooks: Webhooks,
        queue: Queue,
        *,
        private: bool,
        send: Callable[..., Answer] = post,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._webhooks = webhooks
        self._queue = queue
        self.private = private
        self._post = send
        self._clock = clock

    def request_all(self, event: Outgoing, position: int) -> None:
        """Request the delivery of an event to all webhooks that want it.

        Args:
            event: the event.
            position: in the log; the same for a copy of the event, which is not delivered again.
        """
        for one in self._webhooks.all():
            if one.disabled_at is None and (not one.types or event.type in one.types):
                self.request(one, event, f"{position:016}")

    def request(self, webhook: Webhook, event: Outgoing, delivery_id: str) -> WebhookDelivery:
        """Request the delivery of an event to one webhook."""
        new = WebhookDelivery(
            webhook_id=webhook.webhook_id,
            delivery_id=delivery_id,
            event_id=event.id,
            type=event.type,
            body=json.dumps(event.payload, ensure_ascii=False, separators=(",", ":")),
            created_at=datetime.now(UTC),
        )
        self._webhooks.record(new)
        self._send(new, 0)
        return new

    def again(self, known: WebhookDelivery) -> WebhookDelivery | None:
        """Request a delivery again, with all its tries; None if it has just changed."""
        fresh = self._webhooks.change(known, state="pending", tries=0, next_at=self._clock())
        if fresh:
            self._send(fresh, 0)
        return fresh

    def handle(self, request: DeliveryRequest) -> None:
        """Deliver what a message names, if it is due."""
        found = self._webhooks.delivery(request.webhook_id, request.delivery_id)
        if found is None or found.state != "pending":
            return
        if (wait := found.next_at - self._clock()) > 1:
            self._send(found, wait)
            return
        claimed = self._webhooks.change(found, next_at=self._clock() + _CLAIM_S)
        if claimed is None:
            return  # another receiver has it
        webhook = self._webhooks.get(found.webhook_id)
        if webhook is None or webhook.disabled_at:
            self._webhooks.change(claimed, state="failed")
            return
        self._try(webhook, claimed)

    def _try(self, webhook: Webhook, claimed: WebhookDelivery) -> None:
        """Post a claimed delivery, record the answer, and request the next try."""
        body, now = claimed.body.encode(), int(self._clock())
        signed = signature.headers(webhook.secrets(now), claimed.event_id, now, body)
        answer = self._post(webhook.url, body, signed, private=self.private)
        done = Try(
            at=datetime.fromtimestamp(now, UTC),
            status=answer.status,
            error=answer.error,
            ms=round(answer.seconds * 1000),
        )
        left = RETRIES_S[claimed.tries : claimed.tries + 1]
        fields = {"tries": claimed.tries + 1, "log": [*claimed.log, done][-_LOGGED:]}
        if answer.error is None:
            self._webhooks.change(claimed, state="delivered", **fields)
        elif answer.status == _GONE:
            log.warning("%s: disabled, because its receiver is gone", webhook.webhook_id)
            self._webhooks.edit(webhook, disabled_at=datetime.fromtimestamp(now, UTC))
            self._webhooks.change(claimed, state="failed", **fields)
        elif not left:
            log.warning("%s: given up: %s", claimed.delivery_id, answer.error)
            self._webhooks.change(claimed, state="failed", **fields)
        else:
            log.info("%s: again in %d s: %s", claimed.delivery_id, left[0], answer.error)
            again = self._webhooks.change(claimed, next_at=self._clock() + left[0], **fields)
            self._send(again or claimed, left[0])

    def _send(self, one: WebhookDelivery, wait_s: float) -> None:
        body = outgoing.delivery_body(one.webhook_id, one.delivery_id)
        delay_s = min(_LONGEST_DELAY_S, max(0, round(wait_s)))
        self._queue.send([body], group=one.webhook_id, delay_s=delay_s)
