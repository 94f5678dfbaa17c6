"""Patches for moto's SQS: the attributes of a queue, fair queues, and receivers that wait."""

import json
import time
from collections import Counter
from functools import wraps
from typing import Any

from moto.sqs.models import Message, Queue, SQSBackend

from pipeline.hosts.local.changes import present
from pipeline.hosts.local.monitor import STATE
from pipeline.hosts.local.moto_patches.patch import Function, Patch

_COUNTS = {
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
}
_ALLOW = "RedriveAllowPolicy"


def omit_counts(attributes: list[str]) -> list[str]:
    """Leave the message counts out of the attributes that moto reads for each send and receive."""
    return [name for name in attributes if name not in _COUNTS]


def count_on_request(get_attributes: Function) -> Function:
    """Count the messages of a queue only for a request that asks for the counts."""

    @wraps(get_attributes)
    def patched(self: SQSBackend, queue_name: str, names: list[str]) -> dict[str, Any]:
        wanted = _COUNTS if "All" in names else _COUNTS.intersection(names)
        others = [name for name in names if name not in _COUNTS]
        found: dict[str, Any] = get_attributes(self, queue_name, others)
        messages = self.get_queue(queue_name)._messages if wanted else []  # noqa: SLF001
        delayed = sum(m.delayed for m in messages)
        hidden = sum(not m.visible for m in messages)
        counts = {
            "ApproximateNumberOfMessages": len(messages) - delayed - hidden,
            "ApproximateNumberOfMessagesDelayed": delayed,
            "ApproximateNumberOfMessagesNotVisible": hidden,
        }
        return found | {name: counts[name] for name in wanted}

    return patched


def keep_policy(set_attributes: Function) -> Function:
    """Keep the policy of a queue if a request does not name it; moto deletes it then."""

    @wraps(set_attributes)
    def patched(self: SQSBackend, queue_name: str, attributes: dict[str, Any]) -> Queue:
        kept = {"Policy": self.get_queue(queue_name).policy}
        queue: Queue = set_attributes(self, queue_name, kept | attributes)
        return queue

    return patched


def return_redrive_policies(get_attributes: Function) -> Function:
    """Return ``RedrivePolicy`` without spaces, and ``RedriveAllowPolicy`` at all.

    moto formats the first in its own way, and rejects a request for the second.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
    """

    @wraps(get_attributes)
    def patched(self: SQSBackend, queue_name: str, names: list[str]) -> dict[str, Any]:
        others = [name for name in names if name != _ALLOW]
        found: dict[str, Any] = get_attributes(self, queue_name, others)
        if found.get("RedrivePolicy"):
            policy = json.loads(found["RedrivePolicy"])
            found["RedrivePolicy"] = json.dumps(policy, separators=(",", ":"))
        # moto stores it on the queue but does not return it.
        allowed = getattr(self.get_queue(queue_name), "redrive_allow_policy", None)
        if allowed and {_ALLOW, "All"}.intersection(names):
            found[_ALLOW] = allowed
        return found

    return patched


def be_fair(messages: property) -> property:
    """Order visible messages as a fair queue does; moto's order is that of their arrival.

    Messages of the group with the fewest in flight come first, then the oldest. So a group of many
    does not delay the others. A message without a group is a group of its own.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
    """
    arrived = messages.fget
    if arrived is None:
        raise AssertionError("moto's messages cannot be read")

    def patched(self: Queue) -> list[Message]:
        found: list[Message] = arrived(self)
        if self.fifo_queue or not any(one.group_id for one in found):
            return found
        at_work = Counter(one.group_id for one in self._messages if not one.visible)

        def rank(message: Message) -> int:
            """Return how many of its group are in flight once all before it are received."""
            if message.group_id is None:
                return 0
            at_work[message.group_id] += 1
            return at_work[message.group_id] - 1

        return sorted(found, key=rank)  # stable, and each is ranked once, in the order of arrival

    return property(patched)


def wait_outside_the_monitor(receive: Function) -> Function:
    """Give each message to one receiver, and wait for one without holding the monitor.

    moto's receive takes no lock, so two receivers may get the same message. A receiver that waits
    inside the monitor would block all other requests.
    """

    @wraps(receive)
    def patched(
        self: SQSBackend, queue_name: str, count: int, wait_s: int, *more: Any
    ) -> list[Message]:
        end = time.monotonic() + wait_s
        while True:
            messages: list[Message] = receive(self, queue_name, count, 0, *more)
            left = end - time.monotonic()
            if messages or left <= 0:
                return messages
            if change := present():
                change.keep()  # messages may have gone to the dead-letter queue
            # Delayed and timed-out messages become visible without a notification: poll for them.
            STATE.wait(min(left, 0.5))

    return patched


def wake_receivers(add_message: Function) -> Function:
    """Wake the receivers that wait (see ``wait_outside_the_monitor``) when a message arrives."""

    @wraps(add_message)
    def patched(self: Queue, message: Message) -> None:
        add_message(self, message)
        STATE.notify_all()

    return patched


PATCHES = (
    Patch(Queue, "BASE_ATTRIBUTES", omit_counts),
    Patch(SQSBackend, "get_queue_attributes", count_on_request),
    Patch(SQSBackend, "get_queue_attributes", return_redrive_policies),
    Patch(SQSBackend, "set_queue_attributes", keep_policy),
    Patch(SQSBackend, "receive_message", wait_outside_the_monitor),
    Patch(Queue, "add_message", wake_receivers),
    Patch(Queue, "messages", be_fair),
)
