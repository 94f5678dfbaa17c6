"""SQS and EventBridge in memory: messages come late, twice, in another order, or not at all."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import md5
from typing import Any

from botocore.exceptions import ClientError

from tests.simulation.choices import Choices, Weights
from tests.simulation.scheduler import Scheduler, Thread, Violation

_RECEIVES = 5
_DELAYS = (0.0, 0.0, 2.0, 40.0, 150.0)  # by choice; the first is that without a fault


class Message:
    """A message in a queue."""

    def __init__(self, number: int, body: str, group: str | None, now: float) -> None:
        self.id = f"m{number}"
        self.body = body
        self.group = group
        self.sent_at = self.visible_at = now
        self.receives = 0
        self.receipt = ""
        self.gone = False


class Faults:
    """The faults of deliveries of one history.

    Args:
        sent: weights of: as it should be, twice, after 2, 40 or 150 s, twice and late, lost.
        received: weights of: as it should be, another message first, visible again at once.
        miscounted: share of counts that are 0.
    """

    def __init__(self, sent: Weights, received: Weights, miscounted: float) -> None:
        self.sent = sent
        self.received = received
        self.miscounted = miscounted


class Queues:
    """All queues of an installation.

    Args:
        scheduler: the clock.
        choices: of the history.
        faults: of the history.
    """

    def __init__(self, scheduler: Scheduler, choices: Choices, faults: Faults) -> None:
        self._scheduler = scheduler
        self._choices = choices
        self.faults: Faults | None = faults
        self._messages: dict[str, list[Message]] = {}
        self._dead: dict[str, str] = {}
        self._waiting: dict[str, list[Thread]] = {}
        self._count = 0
        self.lost: list[tuple[str, str]] = []  # queue, body
        self.keeps: Callable[[str, str], bool] = lambda *_: False

    def add(self, name: str, dead: str | None = None) -> None:
        """Add a queue, with its dead-letter queue."""
        self._messages[name] = []
        self._waiting[name] = []
        if dead:
            self._dead[name] = dead

    def names(self) -> list[str]:
        """Return the names of all queues."""
        return list(self._messages)

    def has(self, name: str) -> bool:
        """Return True if there is such a queue."""
        return name in self._messages

    def messages(self, name: str) -> list[Message]:
        """Return the messages of a queue."""
        return self._messages[name]

    def send(self, name: str, body: str, *, group: str | None = None, delay_s: float = 0) -> None:
        """Send a message; the history chooses how it arrives."""
        how = self._choices.draw(self.faults.sent) if self.faults else 0
        if how == 6:
            if not self.keeps(name, body):
                self.lost.append((name, body))
                return
            how = 4
        self._put(name, body, group, delay_s + (_DELAYS[how] if how < 5 else 0))
        if how in {1, 5}:
            self._put(name, body, group, delay_s + (0 if how == 1 else 90.0))

    def _put(self, name: str, body: str, group: str | None, delay_s: float) -> None:
        self._count += 1
        made = Message(self._count, body, group, self._scheduler.now + delay_s)
        self._messages[name].append(made)
        self._seen_at(name, made)

    def _seen_at(self, name: str, message: Message) -> None:
        """Wake those who wait for a message once it is visible."""
        self._scheduler.at(message.visible_at, lambda: self._wake(name))

    def _wake(self, name: str) -> None:
        waiting, self._waiting[name] = self._waiting[name], []
        for thread in waiting:
            self._scheduler.wake(thread)

    def wait(self, names: list[str]) -> str:
        """Wait for a visible message in one of some queues; return its queue."""
        thread = self._scheduler.current
        if thread is None:
            raise Violation("only threads wait")
        while True:
            for name in names:
                if self._visible(name):
                    return name
            for name in names:
                self._waiting[name].append(thread)
            try:
                self._scheduler.park()
            finally:
                for name in names:
                    if thread in self._waiting[name]:
                        self._waiting[name].remove(thread)

    def _visible(self, name: str) -> list[Message]:
        now = self._scheduler.now
        return [one for one in self._messages[name] if one.visible_at <= now]

    def receive(self, name: str, hidden_s: float) -> Message | None:
        """Receive a message; one that was received too often goes to the dead-letter queue."""
        while found := self._visible(name):
            how = self._choices.draw(self.faults.received) if self.faults else 0
            one = found[self._choices.below(len(found)) if how == 1 else 0]
            if one.receives >= _RECEIVES and name in self._dead:
                self._messages[name].remove(one)
                self._put(self._dead[name], one.body, one.group, 0)
                continue
            one.receives += 1
            self._count += 1
            one.receipt = f"r{self._count}"
            one.visible_at = self._scheduler.now + (0 if how == 2 else hidden_s)
            self._seen_at(name, one)
            return one
        return None

    def hide(self, name: str, receipt: str, seconds: float) -> None:
        """Hide a received message for so many seconds from now."""
        for one in self._messages[name]:
            if one.receipt == receipt:
                one.visible_at = self._scheduler.now + seconds
                self._seen_at(name, one)

    def delete(self, name: str, receipt: str) -> None:
        """Delete a received message."""
        kept = [one for one in self._messages[name] if one.receipt != receipt]
        self._messages[name] = kept

    def counts(self, name: str) -> tuple[int, int, int]:
        """Return the numbers of visible, hidden and delayed messages; approximate."""
        if self.faults and self._choices.chance(self.faults.miscounted):
            return 0, 0, 0
        found, now = self._messages[name], self._scheduler.now
        hidden = [one for one in found if one.visible_at > now]
        flying = sum(one.receives > 0 for one in hidden)
        return len(found) - len(hidden), flying, len(hidden) - flying


class FakeSqs:
    """The part of a boto3 client that this project uses; a queue's URL is its name."""

    def __init__(self, queues: Callable[[], Queues], call: Callable[..., Any]) -> None:
        self._queues = queues
        self._call = call
        self.meta = self
        self.region_name = "eu-central-1"

    def get_queue_url(self, *, QueueName: str) -> Any:
        if not self._queues().has(QueueName):
            raise ClientError({"Error": {"Code": "QueueDoesNotExist"}}, "GetQueueUrl")
        return {"QueueUrl": QueueName}

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Any) -> Any:
        if AttributeNames == ["QueueArn"]:
            arn = f"arn:aws:sqs:eu-central-1:000000000000:{QueueUrl}"
            return {"Attributes": {"QueueArn": arn}}
        visible, hidden, delayed = self._call(
            "GetQueueAttributes", lambda: self._queues().counts(QueueUrl), QueueUrl
        )
        return {
            "Attributes": {
                "ApproximateNumberOfMessages": str(visible),
                "ApproximateNumberOfMessagesNotVisible": str(hidden),
                "ApproximateNumberOfMessagesDelayed": str(delayed),
            }
        }

    def receive_message(self, *, QueueUrl: str, VisibilityTimeout: int, **request: Any) -> Any:
        def effect() -> Any:
            most = request.get("MaxNumberOfMessages", 1)
            found = [self._queues().receive(QueueUrl, VisibilityTimeout) for _ in range(most)]
            return {"Messages": [_described(one) for one in found if one]}

        return self._call("ReceiveMessage", effect, QueueUrl, changes=True)

    def send_message(self, *, QueueUrl: str, MessageBody: str, **request: Any) -> Any:
        group = request.get("MessageGroupId")
        send = lambda: self._queues().send(QueueUrl, MessageBody, group=group) or {}  # noqa: E731
        return self._call("SendMessage", send, QueueUrl, changes=True)

    def send_message_batch(self, *, QueueUrl: str, Entries: Any) -> Any:
        def effect() -> Any:
            for one in Entries:
                delay_s = one.get("DelaySeconds", 0)
                group = one.get("MessageGroupId")
                self._queues().send(QueueUrl, one["MessageBody"], group=group, delay_s=delay_s)
            return {}

        return self._call("SendMessageBatch", effect, QueueUrl, changes=True)

    def change_message_visibility(
        self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int
    ) -> Any:
        hide = lambda: self._queues().hide(QueueUrl, ReceiptHandle, VisibilityTimeout)  # noqa: E731
        return self._call("ChangeMessageVisibility", hide, QueueUrl, changes=True)

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: Any) -> Any:
        def effect() -> Any:
            for one in Entries:
                self._queues().hide(QueueUrl, one["ReceiptHandle"], one["VisibilityTimeout"])

        return self._call("ChangeMessageVisibilityBatch", effect, QueueUrl, changes=True)

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> Any:
        delete = lambda: self._queues().delete(QueueUrl, ReceiptHandle)  # noqa: E731
        return self._call("DeleteMessage", delete, QueueUrl, changes=True)


class FakeEvents:
    """The part of a boto3 client of EventBridge that this project uses.

    Args:
        route: sends an event to the queues of its rules.
        call: makes a call.
        clock: returns the moment.
    """

    def __init__(
        self,
        route: Callable[[dict[str, Any]], None],
        call: Callable[..., Any],
        clock: Callable[[], float],
    ) -> None:
        self._route = route
        self._call = call
        self._clock = clock
        self._count = 0

    def put_events(self, *, Entries: Any) -> Any:
        def effect() -> Any:
            for one in Entries:
                self._count += 1
                self._route(
                    {
                        "version": "0",
                        "id": f"e{self._count}",
                        "detail-type": one["DetailType"],
                        "source": one["Source"],
                        "time": _iso(self._clock()),
                        "detail": json.loads(one["Detail"]),
                    }
                )
            return {"FailedEntryCount": 0, "Entries": [{}] * len(Entries)}

        return self._call("PutEvents", effect, [one["DetailType"] for one in Entries], changes=True)


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


def _described(one: Message) -> dict[str, Any]:
    return {
        "MessageId": one.id,
        "ReceiptHandle": one.receipt,
        "Body": one.body,
        "MD5OfBody": md5(one.body.encode(), usedforsecurity=False).hexdigest(),
        "Attributes": {
            "ApproximateReceiveCount": str(one.receives),
            "SentTimestamp": str(int(one.sent_at * 1000)),
            "ApproximateFirstReceiveTimestamp": str(int(one.sent_at * 1000)),
            **({"MessageGroupId": one.group} if one.group else {}),
        },
    }
