"""A standard SQS queue, with or without fair delivery.

The rules of fair queues are those that AWS documents:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html
"""

import math
from collections import deque
from dataclasses import dataclass
from random import Random
from typing import Final

from benchmarks.simulation.work import Task

NOISY_SHARE: Final = 0.1  # of the messages in flight, or of the processing time
NOISY_MESSAGES: Final = 30  # of one group in flight, at least
RECENT_S: Final = 300.0  # assumed: AWS does not say what recent processing time is


@dataclass(slots=True)
class Message:
    """A message.

    Attributes:
        task: what it requests.
        group: its message group; None for none.
        sent: the time at which it was sent first.
        visible: the time at which it could be received.
        attempt: how often it was received.
        too_long: whether its work exceeds the time of a call.
        chance: of all that happens in this attempt.
    """

    task: Task
    group: int | None
    sent: float
    visible: float
    attempt: int = 0
    too_long: bool = False
    chance: Random | None = None


class Queue:
    """Messages that wait, and numbers of those in flight.

    Args:
        fair: whether messages of quiet groups are delivered before those of a noisy one.
    """

    def __init__(self, *, fair: bool) -> None:
        self._fair = fair
        self._waiting: deque[Message] = deque()
        self._noisy: dict[int, deque[Message]] = {}
        self._in_flight: dict[int, int] = {}
        self._time: dict[int, tuple[float, float]] = {}
        self._total_time = (0.0, 0.0)
        self._behind = 0
        self.in_flight = 0

    def __len__(self) -> int:
        return len(self._waiting) + self._behind

    def send(self, message: Message) -> None:
        """Add a message."""
        group = message.group
        if group is not None and (behind := self._noisy.get(group)) is not None:
            behind.append(message)
            self._behind += 1
        else:
            self._waiting.append(message)

    def receive(self, now: float) -> Message:
        """Return the next message; there must be one."""
        message = self._next(now)
        message.attempt += 1
        self.in_flight += 1
        if message.group is not None:
            self._in_flight[message.group] = self._in_flight.get(message.group, 0) + 1
        return message

    def end(self, message: Message, now: float, seconds: float) -> None:
        """Count a message as no longer in flight, after so many seconds of processing."""
        self.in_flight -= 1
        self._total_time = (_decayed(self._total_time, now) + seconds, now)
        if (group := message.group) is None:
            return
        self._in_flight[group] -= 1
        if not self._in_flight[group]:
            del self._in_flight[group]
        if self._fair:
            self._time[group] = (_decayed(self._time.get(group, (0.0, now)), now) + seconds, now)

    def forget(self, group: int) -> None:
        """Drop the processing time of a group that sends no more."""
        self._time.pop(group, None)

    def _next(self, now: float) -> Message:
        while self._waiting:
            message = self._waiting.popleft()
            if message.group is None or not self._is_noisy(message.group, now):
                return message
            self._noisy.setdefault(message.group, deque()).append(message)
            self._behind += 1
        group = min(self._noisy, key=lambda one: self._in_flight.get(one, 0))
        message = self._noisy[group].popleft()
        self._behind -= 1
        if not self._noisy[group]:  # a group without a backlog is quiet again
            del self._noisy[group]
        return message

    def _is_noisy(self, group: int, now: float) -> bool:
        if not self._fair:
            return False
        if group in self._noisy:
            return True
        mine = self._in_flight.get(group, 0)
        if mine >= NOISY_MESSAGES and mine > NOISY_SHARE * self.in_flight:
            return True
        total = _decayed(self._total_time, now)
        return _decayed(self._time.get(group, (0.0, now)), now) > NOISY_SHARE * total > 0


def _decayed(known: tuple[float, float], now: float) -> float:
    value, at = known
    return value * math.exp((at - now) / RECENT_S)
