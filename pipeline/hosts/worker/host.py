"""The worker, which passes messages from queues to handlers as Lambda does."""

import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pipeline import bootstrap
from pipeline.aws.messages import receipt
from pipeline.core.settings import Settings
from pipeline.hosts.worker.functions import Function, cores, hosted
from pipeline.hosts.worker.lane import Lane, Record, failures
from pipeline.hosts.worker.load import Load
from pipeline.hosts.worker.paused import Paused
from pipeline.hosts.worker.runtime import Failed, Runtime
from pipeline.hosts.worker.schedule import scheduled_event
from pipeline.runs.delivery import Killed

log = logging.getLogger(__name__)

OnFailed = Callable[[Record, str, str], bool]

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_LOOK_S = 0.25
_BEAT_S = 2.0
# Within it, runs of this worker renew leases that expired while it slept (``runs.heartbeat``).
_WAKE_S = 5.0


def abandon(
    settings: Settings, function: Function, record: Record, kind: str, message: str
) -> bool:
    """Record in the catalog that a child was killed or ended while it handled ``record``.

    Returns:
        Whether the run has failed permanently, so that the message can be deleted.
    """
    if function.name not in settings.topology.stages:
        return False
    runner = bootstrap.runner(function.name, settings)
    return runner.abandon(record["body"], cast("Killed", kind), message, receipt=receipt(record))


class Worker:
    """A host of functions, until stopped.

    Args:
        settings: names of queues, lease.
        functions: functions to host, in full or by name; all of the topology when None.
        on_failed: called with (record, kind, message) after a child was killed or ended while it
            handled a message. ``kind`` is ``timeout``, ``out_of_memory``, ``crashed``, or
            ``stopped``, which does not count against the run. If it returns True, the run has
            failed permanently and the message is deleted. Otherwise the message returns after its
            visibility timeout. By default the failure is recorded in the catalog.
        wait_s: long-poll seconds (1 to 20), the longest that an idle worker needs to stop.
        grace_s: seconds that a running invocation gets to end when the worker is stopped.
        heartbeat: file touched every few seconds while the worker is healthy (``hosts.health``).
    """

    def __init__(
        self,
        settings: Settings,
        functions: Sequence[Function] | Sequence[str] | None = None,
        on_failed: OnFailed | None = None,
        *,
        wait_s: int = 2,
        grace_s: float = 10.0,
        heartbeat: Path | None = None,
    ) -> None:
        self._settings = settings
        if functions is None or all(isinstance(function, str) for function in functions):
            functions = hosted(settings, cast("Sequence[str] | None", functions))
        self._functions = cast("Sequence[Function]", functions)
        self._on_failed = on_failed
        self._wait_s = wait_s
        self._grace_s = grace_s
        self._heartbeat = heartbeat
        self._stopping = threading.Event()

    def run(self) -> None:
        """Host the functions until ``stop``; in the main thread SIGTERM and SIGINT call it."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: self.stop())
        # The hosts retry themselves; a retry inside the client would delay a stop.
        config = Config(
            connect_timeout=5,
            read_timeout=self._wait_s + 30,
            retries={"total_max_attempts": 1},
            max_pool_connections=sum(function.concurrency for function in self._functions) + 8,
        )
        sqs = boto3.client("sqs", config=config)
        load = Load(cores())
        paused = Paused(bootstrap.catalog(self._settings).pauses.all)
        hosts = [
            _Host(
                self._settings,
                function,
                self._on_failed or partial(abandon, self._settings, function),
                sqs,
                self._wait_s,
                load,
                paused,
                self._stopping,
            )
            for function in self._functions
            for _ in range(function.concurrency)
        ]
        for host in hosts:
            host.start()
        while not self._stopping.wait(_BEAT_S):
            if self._heartbeat and _healthy(hosts):
                self._heartbeat.touch()
        end = time.monotonic() + self._grace_s
        for host in hosts:
            host.join(max(0.0, end - time.monotonic()))
        for host in hosts:
            host.runtime.cut()
        for host in hosts:
            host.join()

    def stop(self) -> None:
        """Receive no more messages; ``run`` returns after the running invocations."""
        self._stopping.set()


def _healthy(hosts: Sequence["_Host"]) -> bool:
    """Return whether a handler is loaded, and no host's thread has ended or hangs.

    Where all lanes rest, none needs to be loaded.
    """
    loaded = any(host.runtime.ready for host in hosts) or all(host.rests for host in hosts)
    return loaded and all(host.is_alive() and not host.runtime.hung for host in hosts)


class _Host(threading.Thread):
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
        self.rests = False  # its lane is paused, held back, or empty and temporary

    def run(self) -> None:
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
                    self.rests = self._idles(lane)
                    if self.rests:
                        continue
                    # Load the handler first: a failure to load must not count as a delivery.
                    failed = self.runtime.start()
                    if not failed:
                        self._poll(lane)
                        pause = _FIRST_PAUSE_S
                        continue
                    log.error("%s: %s", self.name, failed.message)
                except (BotoCoreError, ClientError) as error:
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
            return
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
            except BotoCoreError as error:
                log.warning("%s: %s", self.name, error)
                self._stopping.wait(1.0)
            else:
                return
