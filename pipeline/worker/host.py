"""The worker: from queue to handler, as Lambda's event source mapping does it."""

import logging
import signal
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pipeline import bootstrap
from pipeline.runner import Killed
from pipeline.settings import Settings
from pipeline.worker.functions import Function, hosted
from pipeline.worker.lanes import Delivery, Lanes, Record, failures
from pipeline.worker.runtime import Failed, Runtime

log = logging.getLogger(__name__)

OnFailed = Callable[[Record, str, str], bool]

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0


def _abandon(
    settings: Settings, function: Function, record: Record, kind: str, message: str
) -> bool:
    if function.name not in settings.topology.stages:
        return False
    runner = bootstrap.runner(function.name, settings)
    return runner.abandon(record["body"], cast("Killed", kind), message)


class Worker:
    """Hosts functions until told to stop.

    Args:
        settings: names of queues, lease.
        functions: what to host, in full or by name; all of the topology when None.
        on_failed: called with (record, kind, message) when a child was killed at its limit or
            died with a message in hand, kind being ``timeout``, ``out_of_memory``, ``crashed`` or
            ``stopped``.
            True says that the run is over for good, and the message is deleted; otherwise it comes
            back when its visibility timeout ends. By default the run is recorded in the catalog.
        wait_s: long-poll seconds (1 to 20); an idle worker needs up to so long to stop.
        grace_s: seconds a running invocation gets to end when the worker is stopped.
    """

    def __init__(
        self,
        settings: Settings,
        functions: Sequence[Function] | Sequence[str] | None = None,
        on_failed: OnFailed | None = None,
        *,
        wait_s: int = 2,
        grace_s: float = 10.0,
    ) -> None:
        self._settings = settings
        if functions is None or all(isinstance(function, str) for function in functions):
            functions = hosted(settings, cast("Sequence[str] | None", functions))
        self._functions = cast("Sequence[Function]", functions)
        self._on_failed = on_failed
        self._wait_s = wait_s
        self._grace_s = grace_s
        self._stopping = threading.Event()

    def run(self) -> None:
        """Host the functions until ``stop``; in the main thread SIGTERM and SIGINT call it."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: self.stop())
        # Trying again is the hosts' own business, and it must not keep a stop waiting.
        config = Config(
            read_timeout=self._wait_s + 30,
            retries={"total_max_attempts": 1},
            max_pool_connections=2 * len(self._functions) + 8,
        )
        sqs = boto3.client("sqs", config=config)
        hosts = [
            _Host(
                self._settings,
                function,
                self._on_failed or partial(_abandon, self._settings, function),
                sqs,
                self._wait_s,
                self._stopping,
            )
            for function in self._functions
            for _ in range(function.concurrency)
        ]
        for host in hosts:
            host.start()
        self._stopping.wait()
        end = time.monotonic() + self._grace_s
        for host in hosts:
            host.join(max(0.0, end - time.monotonic()))
        for host in hosts:
            host.runtime.cut()
        for host in hosts:
            host.join()

    def stop(self) -> None:
        """Take no more messages, and let ``run`` return once the running ones have ended."""
        self._stopping.set()


class _Host(threading.Thread):
    """One child of one function, and the thread that feeds it."""

    def __init__(
        self,
        settings: Settings,
        function: Function,
        on_failed: OnFailed,
        sqs: Any,
        wait_s: int,
        stopping: threading.Event,
    ) -> None:
        super().__init__(name=function.name)
        self._settings = settings
        self._function = function
        self._on_failed = on_failed
        self._wait_s = wait_s
        self._stopping = stopping
        self._sqs = sqs
        region = sqs.meta.region_name
        name = f"{settings.names.prefix}-{function.name}"
        arn = f"arn:aws:lambda:{region}:000000000000:function:{name}"
        self.runtime = Runtime(function, arn, region)
        self._due = 0.0

    def run(self) -> None:
        pause = _FIRST_PAUSE_S
        lanes: Lanes | None = None
        try:
            while not self._stopping.is_set():
                # A handler that cannot be loaded takes no messages: it would only wear them out.
                trouble = self.runtime.start()
                try:
                    if not trouble:
                        lanes = lanes or self._open()
                        self._turn(lanes)
                        pause = _FIRST_PAUSE_S
                        continue
                    log.error("%s: %s", self.name, trouble.message)
                except (BotoCoreError, ClientError) as error:
                    log.warning("%s: trying again in %.0f s: %s", self.name, pause, error)
                self._stopping.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
        finally:
            self.runtime.close()

    def _open(self) -> Lanes:
        names, function = self._settings.names, self._function
        queues = [names.queue(function.name)]
        if function.replays:
            queues.append(names.queue(function.name, "replay"))
        return Lanes(self._sqs, queues, visibility_s=self._settings.lease_s, wait_s=self._wait_s)

    def _turn(self, lanes: Lanes) -> None:
        if self._function.every_s is not None and time.monotonic() >= self._due:
            self._due = time.monotonic() + self._function.every_s
            self._invoke(scheduled_event(self._sqs.meta.region_name))
        delivery = lanes.receive()
        if delivery and self._stopping.is_set():
            lanes.release(delivery)
        elif delivery:
            self._process(lanes, delivery)

    def _process(self, lanes: Lanes, delivery: Delivery) -> None:
        record = delivery.record
        outcome = self._invoke({"Records": [record]})
        if not isinstance(outcome, Failed):
            if not failures(outcome.payload, {record["messageId"]}):
                self._insist(lanes.delete, delivery)
        elif outcome.kind == "stopped":
            self._is_over(record, outcome)
            lanes.release(delivery)
        elif outcome.kind not in ("error", "init_error") and self._is_over(record, outcome):
            self._insist(lanes.delete, delivery)

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
                "%s: the failure could not be recorded; the message comes back", self.name
            )
            return False

    def _insist(self, call: Callable[[Delivery], None], delivery: Delivery) -> None:
        """Delete although the endpoint may be away for a moment: else the work is done again."""
        for _ in range(5):
            try:
                call(delivery)
            except BotoCoreError as error:
                log.warning("%s: %s", self.name, error)
                self._stopping.wait(1.0)
            else:
                return


def scheduled_event(region: str) -> dict[str, Any]:
    """What EventBridge Scheduler sends to a function when a schedule is due."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": "000000000000",
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [f"arn:aws:scheduler:{region}:000000000000:schedule/default/videodrop"],
        "detail": "{}",
    }
