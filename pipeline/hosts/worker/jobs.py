"""Pushed events, each done in the one child of a function, however they arrive.

``server`` gets them by HTTP; a host with a library of its own calls ``Jobs`` itself
(``handlers.on_runpod``). A job has the function's own deadline and memory limit.
"""

import logging
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

from pydantic import JsonValue

from pipeline.aws import clients as aws
from pipeline.core import events
from pipeline.core.errors import MissingDependency
from pipeline.core.settings import Settings
from pipeline.core.topology import EVENTS, REPLAYS
from pipeline.hosts.worker.functions import Function, hosted
from pipeline.hosts.worker.host import abandon
from pipeline.hosts.worker.lane import Record, failures
from pipeline.hosts.worker.pushed import Pushed, read
from pipeline.hosts.worker.runtime import Failed, Kind, Runtime

log = logging.getLogger(__name__)

_STATUS: dict[Kind, int] = {
    "error": 500,
    "crashed": 500,
    "out_of_memory": 500,
    "init_error": 503,
    "stopped": 503,
    "timeout": 504,
}


@dataclass(frozen=True)
class Done:
    """The handler's answer to an event."""

    payload: JsonValue


@dataclass(frozen=True)
class NotDone:
    """The reason why an event was not done; it may be sent again.

    Attributes:
        status: HTTP's status for it.
        code: a stable name.
        detail: a sentence.
    """

    status: int
    code: str
    detail: str


class Jobs:
    """One child of one function, and what is done in it.

    Args:
        settings: settings of the installation.
        function: the function to host.

    Attributes:
        name: of the function.
        trouble: why no event can be done now; None if they can.
        busy: whether an event is being done.
    """

    def __init__(self, settings: Settings, function: Function) -> None:
        self._settings = settings
        self._function = function
        region = aws.region()
        self.name = function.name
        self.runtime = Runtime(function, function.arn(settings.names.prefix, region), region)
        # One permanent thread: a child ends with the thread that started it.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=function.name)
        self.trouble: str | None = "It is being loaded."
        self.busy = False

    @classmethod
    def of_stage(cls, settings: Settings) -> Self:
        """Return the jobs of the stage that ``VIDEODROP_STAGE`` names.

        Raises:
            MissingDependency: ``no_stage``.
            InvalidArgument: ``unknown_stage``.
        """
        if settings.stage is None or "," in settings.stage:
            raise MissingDependency(
                "no_stage",
                "Set VIDEODROP_STAGE to the one stage whose events this host serves, one of "
                f"{', '.join(settings.topology.stages)}.",
            )
        return cls(settings, hosted(settings, [settings.stage])[0])

    def start(self) -> "Future[None]":
        """Start the child, and load the handler."""
        return self._thread.submit(self._load)

    def close(self) -> None:
        """Stop what runs, and end the child."""
        self.runtime.cut()  # also ends a child that is being loaded
        self._thread.submit(self.runtime.close)
        self._thread.shutdown()

    def read(self, body: bytes, headers: Mapping[str, str]) -> Pushed:
        """Read an event; check that it is about no object of another installation.

        Messages in a batch end in their dead-letter queue instead, one by one.

        Raises:
            BadInput: ``bad_event``, ``foreign_object``.
        """
        pushed = read(body, headers, self.name)
        if not pushed.batch and self.name not in (REPLAYS, EVENTS):
            for record in pushed.records:
                self._settings.check_place(events.parse(record["body"]))
        return pushed

    def submit(self, pushed: Pushed) -> "Future[Done | NotDone]":
        """Have an event done, after those that were submitted before."""
        self.busy = True
        self.runtime.look()
        future = self._thread.submit(self._do, pushed)
        future.add_done_callback(self._rest)
        return future

    def _rest(self, _future: "Future[Done | NotDone]") -> None:
        self.busy = False

    def _load(self) -> None:
        failed = self.runtime.start()
        self.trouble = failed.message if failed else None
        if failed:
            log.error("%s: %s", self.name, failed.message)

    def _do(self, pushed: Pushed) -> Done | NotDone:
        outcome = self.runtime.invoke(pushed.event)
        self.trouble = None
        if isinstance(outcome, Failed):
            return self._failed(pushed, outcome)
        ids = {record["messageId"] for record in pushed.records}
        if not pushed.batch and failures(outcome.payload, ids):
            return NotDone(503, "again", "It failed temporarily; send it again.")
        return Done(outcome.payload)

    def _failed(self, pushed: Pushed, outcome: Failed) -> Done | NotDone:
        log.error("%s: %s: %s", self.name, outcome.kind, outcome.message)
        if outcome.kind == "init_error":
            self.trouble = outcome.message
        killed = outcome.kind not in {"error", "init_error"}
        over = [self._is_over(record, outcome) for record in pushed.records if killed]
        if over and all(over):
            return Done({"batchItemFailures": []})
        return NotDone(_STATUS[outcome.kind], outcome.kind, outcome.message)

    def _is_over(self, record: Record, outcome: Failed) -> bool:
        try:
            return abandon(self._settings, self._function, record, outcome.kind, outcome.message)
        except Exception:
            log.exception("the failure could not be recorded: the event must be sent again")
            return False
