"""The poller of one lane, which passes its messages to a handler in a child process."""

import logging
import math
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from pipeline.aws import clients as aws
from pipeline.core.errors import Outage
from pipeline.core.settings import Settings
from pipeline.hosts.worker.functions import Function
from pipeline.hosts.worker.lane import Lane, Record, failures
from pipeline.hosts.worker.load import Load
from pipeline.hosts.worker.paused import Paused
from pipeline.hosts.worker.runtime import Failed, Runtime
from pipeline.hosts.worker.schedule import scheduled_event

log = logging.getLogger(__name__)

OnFailed = Callable[[Record, str, str], bool]

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_LOOK_S = 0.25
# Within it, runs of this worker renew leases that expired while it slept (``runs.heartbeat``).
_WAKE_S = 5.0


class Poller(threading.Thread):
    """The thread that receives the messages of one child of one function."""

    def __init__(
        self,
        settings: Settings,
        function: Function,
        on_failed: OnFailed,
        sqs: Any,
        wait_s: int,
        load: Load,
        paused: Paused,
        stopping: threading.Event,
    ) -> None:
        lane = "" if function.lane == "live" else f" {function.lane}"
        super().__init__(name=f"{function.name}{lane}")
        self._settings = settings
        self._function = function
        self._on_failed = on_failed
        self._wait_s = wait_s
        self._load = load
        self._paused = paused
        self._stopping = stopping
        self._sqs = sqs
        region = sqs.meta.region_name
        arn = function.arn(settings.names.prefix, region)
        self.runtime = Runtime(function, arn, region)
        self._due = 0.0
        self._last_message = -math.inf
        self.idles = False  # its lane is paused, held back, or empty and temporary
        self._empty_since: float | None = None  # None also until the first look at the queue

    def rests(self, seconds: float) -> bool:
        """Return True if the queue had no message for so long; for any thread."""
        since = self._empty_since
        return since is not None and time.monotonic() - since >= seconds

    def serves(self) -> bool:
        """Return True if it can take a message, or has none to take; for any thread."""
        fit = self.is_alive() and not self.runtime.hung
        return fit and (self.idles or self.runtime.ready)

    def _found_nothing(self) -> None:
        if self._empty_since is None:
            self._empty_since = time.monotonic()

    def run(self) -> None:
        """Serve the lane until the worker is stopped."""
        pause = _FIRST_PAUSE_S
        lane: Lane | None = None
        try:
            while not self._stopping.is_set():
                self.runtime.look()
                if self.runtime.has_slept():
                    # No run of this worker is to be taken for lost.
                    log.info("%s: this machine has slept", self.name)
                    self._stopping.wait(_WAKE_S)
                try:
                    lane = lane or self._open()
                    idled, self.idles = self.idles, self._idles(lane)
                    if self.idles:
                        continue
                    if idled:
                        self._empty_since = None  # it may have messages: load the handler, and look
                    # Load the handler first: a failure to load must not count as a delivery.
                    failed = self.runtime.start()
                    if not failed:
                        self._poll(lane)
                        pause = _FIRST_PAUSE_S
                        continue
                    log.error("%s: %s", self.name, failed.message)
                except aws.ERRORS as error:
                    log.warning("%s: trying again in %.0f s: %s", self.name, pause, error)
                except Exception:
                    # If this thread ended, nothing would serve the lane.
                    log.exception("%s: trying again in %.0f s", self.name, pause)
                self._stopping.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
        finally:
            self.runtime.close()

    def _open(self) -> Lane:
        queue = self._settings.names.queue(self._function.name, self._function.lane)
        return Lane(self._sqs, queue, visibility_s=self._settings.lease_s, wait_s=self._wait_s)

    def _idles(self, lane: Lane) -> bool:
        """Wait, and return True, if this lane is paused, held back, or empty and temporary."""
        if self._paused.holds(self._function):
            self._found_nothing()
            self._stopping.wait(self._wait_s)
            return True
        if not self._function.is_temporary:
            return False
        if self._load.holds_back(self._function):
            self._stopping.wait(_LOOK_S)
            return True
        if time.monotonic() - self._last_message < self._function.idle_s:
            return False
        self.runtime.close()
        if lane.is_empty():
            self._found_nothing()
            self._stopping.wait(self._wait_s)
            return True
        self._last_message = time.monotonic()
        return False

    def _poll(self, lane: Lane) -> None:
        if self._function.every_s is not None and time.monotonic() >= self._due:
            self._due = time.monotonic() + self._function.every_s
            self._invoke(scheduled_event(self._sqs.meta.region_name))
        # Live work may have begun while the child was loaded.
        if self._load.holds_back(self._function):
            return
        record = lane.receive()
        if record is None:
            self._found_nothing()
            return
        self._empty_since = None
        # It may also have begun during the long poll.
        held = self._load.holds_back(self._function) or self._paused.holds(self._function)
        if self._stopping.is_set() or held:
            lane.give_back(record)
        else:
            with self._counted():
                self._process(lane, record)
        self._last_message = time.monotonic()

    def _counted(self) -> AbstractContextManager[None]:
        is_stage = self._function.name in self._settings.topology.stages
        return self._load.running(self._function) if is_stage else nullcontext()

    def _process(self, lane: Lane, record: Record) -> None:
        outcome = self._invoke({"Records": [record]})
        if not isinstance(outcome, Failed):
            if not failures(outcome.payload, {record["messageId"]}):
                self._delete_message(lane, record)
        elif outcome.kind == "stopped":
            self._is_over(record, outcome)
            lane.give_back(record)
        elif outcome.kind not in ("error", "init_error") and self._is_over(record, outcome):
            self._delete_message(lane, record)

    def _invoke(self, event: Any) -> Any:
        outcome = self.runtime.invoke(event)
        if isinstance(outcome, Failed):
            log.error("%s: %s: %s", self.name, outcome.kind, outcome.message)
        return outcome

    def _is_over(self, record: Record, outcome: Failed) -> bool:
        try:
            return self._on_failed(record, outcome.kind, outcome.message)
        except Exception:
            log.exception(
                "%s: the failure could not be recorded; the message will be retried", self.name
            )
            return False

    def _delete_message(self, lane: Lane, record: Record) -> None:
        """Delete a message, with retries during an outage: otherwise its work is repeated."""
        for _ in range(5):
            try:
                lane.delete(record)
            except aws.ERRORS as error:
                failure = aws.as_failure(error)
                if not isinstance(failure, Outage):
                    raise
                log.warning("%s: %s", self.name, failure.message)
                self._stopping.wait(1.0)
            else:
                return
