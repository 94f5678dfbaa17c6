"""The redrive of dead-lettered messages, chosen by the class of the failure.

SQS can move a whole dead-letter queue back (``StartMessageMoveTask``), but not by the class of the
failure, and not on every implementation.
"""

from collections import Counter
from collections.abc import Callable, Collection
from contextlib import closing
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.aws.catalog import Catalog
from pipeline.aws.dead_letters import DeadLetterQueues, DeadMessage
from pipeline.core import events, outgoing
from pipeline.core.errors import BadInput, FailureClass, InvalidArgument
from pipeline.core.events import Deletion, Reprocess, Upload
from pipeline.core.range_request import RangeRequest
from pipeline.core.records import StageRun
from pipeline.core.topology import EVENTS, JANITOR, REPLAYS, Lane

MessageClass = Literal[FailureClass, "bad_event", "unknown"]


class Row(BaseModel):
    """The dead-lettered messages of one function and one class.

    Attributes:
        failure_class: of the message's run, if one is recorded; ``bad_event`` if the message
            cannot be parsed; ``unknown`` if no failure is recorded.
        found: how many there are.
        chosen: how many of them the filter selects.
        sent: how many were sent back to their queue.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    function: str
    failure_class: MessageClass = Field(serialization_alias="class")
    found: int
    chosen: int
    sent: int


class Redriven(BaseModel):
    """The result of a redrive.

    Attributes:
        rows: by function and class.
        hidden: about how many messages could not be read: another consumer had received them.
    """

    rows: list[Row]
    hidden: int


class Redrive:
    """The redrive: sends messages from the dead-letter queues back to their own queues.

    A message is deleted after it was sent. A crash in between duplicates it, which is harmless: a
    finished run is not run again.

    Args:
        queues: the dead-letter queues.
        catalog: the recorded failures.
    """

    def __init__(self, queues: DeadLetterQueues, catalog: Catalog) -> None:
        self._queues = queues
        self._catalog = catalog

    def run(
        self,
        *,
        functions: Collection[str] | None = None,
        classes: Collection[MessageClass] | None = None,
        dry_run: bool = False,
        tell: Callable[[str, int, int], None] = lambda *_: None,
    ) -> Redriven:
        """Read every dead-lettered message, and send back those that are selected.

        Args:
            functions: stages, ``janitor``, ``replays`` and ``events``; all when None.
            classes: all but ``bad_event`` when None: an unreadable message would only fail again.
            dry_run: count only.
            tell: called with the function, the number read, and the approximate total.

        Raises:
            InvalidArgument: ``unknown_stage``.
        """
        known = self._queues.functions
        if unknown := set(functions or ()).difference(known):
            raise InvalidArgument(
                "unknown_stage",
                f"There is no {', '.join(sorted(unknown))}; choose from {', '.join(known)}.",
            )
        found: Counter[tuple[str, MessageClass]] = Counter()
        sent: Counter[tuple[str, MessageClass]] = Counter()
        hidden = 0
        for function in functions or known:
            expected, seen = self._queues.count(function), 0
            with closing(self._queues.walk(function, expected=expected)) as messages:
                for message in messages:
                    seen += 1
                    tell(function, seen, max(seen, expected))
                    place, lane = self._judge(message)
                    found[place] += 1
                    if not dry_run and _is_meant(place[1], classes):
                        self._queues.send_back(message, lane)
                        sent[place] += 1
            hidden += max(0, expected - seen)
        rows = [
            Row(
                function=function,
                failure_class=failure_class,
                found=count,
                chosen=count if _is_meant(failure_class, classes) else 0,
                sent=sent[function, failure_class],
            )
            for (function, failure_class), count in found.items()
        ]
        return Redriven(rows=rows, hidden=hidden)

    def _judge(self, message: DeadMessage) -> tuple[tuple[str, MessageClass], Lane]:
        """Return the function and class of a message, and the lane it belongs to."""
        function = message.function
        try:
            if function == REPLAYS:
                events.replay_requested(message.body)
                return (function, "unknown"), "live"
            if function == EVENTS:
                is_delivery = outgoing.check(message.body) == outgoing.DELIVERY_REQUESTED
                return (function, "unknown"), "webhooks" if is_delivery else "live"
            event = events.parse(message.body)
        except BadInput:
            return (function, "bad_event"), "live"
        if function == JANITOR or isinstance(event, Deletion):
            return (function, "unknown"), "live"
        run = self._run(function, event)
        failed = run.error.failure_class if run and run.error else "unknown"
        return (function, failed), events.lane(event)

    def _run(self, stage: str, event: Upload | Reprocess | RangeRequest) -> StageRun | None:
        """Return the run that an event requests, if there is one."""
        run = self._catalog.runs_of(shadow=event.shadow).get(event.video_id, stage)
        if run and isinstance(event, Upload) and run.revision != event.revision:
            return None  # a later upload replaced it
        if run and isinstance(event, RangeRequest) and run.attempt != event.attempt:
            return None
        return run


def _is_meant(failure_class: MessageClass, classes: Collection[MessageClass] | None) -> bool:
    return failure_class != "bad_event" if classes is None else failure_class in classes
