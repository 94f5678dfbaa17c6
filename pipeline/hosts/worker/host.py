"""The worker, which passes messages from queues to handlers as Lambda does."""

import logging
import signal
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import cast

import boto3
from botocore.config import Config

from pipeline import bootstrap
from pipeline.aws.messages import receipt
from pipeline.core.settings import Settings
from pipeline.hosts.worker.functions import Function, cores, hosted
from pipeline.hosts.worker.lane import Record
from pipeline.hosts.worker.load import Load
from pipeline.hosts.worker.paused import Paused
from pipeline.hosts.worker.poller import OnFailed, Poller
from pipeline.runs.delivery import Killed

log = logging.getLogger(__name__)

_BEAT_S = 2.0
# Above the time in which a handler loads, or is loaded again.
_UNFIT_S = 240.0


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
        idle_s: seconds without messages after which ``run`` ends; None to host until stopped.
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
        idle_s: float | None = None,
    ) -> None:
        self._settings = settings
        if functions is None or all(isinstance(function, str) for function in functions):
            functions = hosted(settings, cast("Sequence[str] | None", functions))
        self._functions = cast("Sequence[Function]", functions)
        self._on_failed = on_failed
        self._wait_s = wait_s
        self._grace_s = grace_s
        self._heartbeat = heartbeat
        self._idle_s = idle_s
        self._stopping = threading.Event()

    def run(self) -> bool:
        """Host the functions until ``stop``; in the main thread SIGTERM and SIGINT call it.

        With ``idle_s`` it also ends without messages, or if it cannot serve any.

        Returns:
            False if it could not serve messages; a thread may hang then.
        """
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
        pollers = [
            Poller(
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
        for poller in pollers:
            poller.start()
        fit = self._watch(pollers)
        end = time.monotonic() + self._grace_s
        for poller in pollers:
            poller.join(max(0.0, end - time.monotonic()))
        for poller in pollers:
            poller.runtime.cut()
        if not fit:
            return False  # a thread that hangs in a driver would never end
        for poller in pollers:
            poller.join()
        return True

    def _watch(self, pollers: Sequence[Poller]) -> bool:
        """Wait until stopped or, with ``idle_s``, idle; return False if a poller cannot serve.

        A poller that cannot load its handler does not keep the worker, and does not end it while
        others work.
        """
        served = dict.fromkeys(pollers, time.monotonic())
        while not self._stopping.wait(_BEAT_S):
            now = time.monotonic()
            served |= dict.fromkeys((poller for poller in pollers if poller.serves()), now)
            if self._heartbeat and _healthy(pollers):
                self._heartbeat.touch()
            if self._idle_s is None:
                continue
            unfit = {poller for poller in pollers if now - served[poller] > _UNFIT_S}
            if all(poller in unfit or poller.rests(self._idle_s) for poller in pollers):
                self.stop()
                return not unfit
        return True

    def stop(self) -> None:
        """Receive no more messages; ``run`` returns after the running invocations."""
        self._stopping.set()


def _healthy(pollers: Sequence[Poller]) -> bool:
    """Return whether a handler is loaded, and no poller's thread has ended or hangs.

    Where all lanes are idle, none needs to be loaded.
    """
    loaded = any(poller.runtime.ready for poller in pollers) or all(
        poller.idles for poller in pollers
    )
    return loaded and all(poller.is_alive() and not poller.runtime.hung for poller in pollers)
