"""The runner of one stage: the entry of handlers, with events in and outcomes measured.

Each outcome is recorded in the catalog. ``Retry`` asks the queue to deliver the message again.
"""

import logging
import time
from collections.abc import Callable

from pipeline.aws.artifacts import Artifacts
from pipeline.aws.catalog import Catalog
from pipeline.core import events
from pipeline.core.errors import LeaseLost, NotAnnounced
from pipeline.core.planner import Planner
from pipeline.core.range_request import RangeRequest
from pipeline.core.settings import Settings
from pipeline.core.stage import StageModule
from pipeline.runs.claimed import ClaimedRun
from pipeline.runs.consume import Consumer
from pipeline.runs.context import about_run
from pipeline.runs.delivery import Delivery, Killed, Outcome, Retry
from pipeline.runs.execute import Executor
from pipeline.runs.failure import carry_out, decide_killed
from pipeline.runs.range_run import RangeConsumer
from pipeline.telemetry import metrics, names, tracing
from pipeline.telemetry.context import about

log = logging.getLogger(__name__)


class Runner:
    """Runs one stage.

    Args:
        stage: its name.
        module: its code.
        catalog: the catalog.
        artifacts: the buckets.
        settings: limits, leases and the operator's own parameters.
        cancelled: returns True for the id of a cancelled replay, whose requests are dropped.
    """

    def __init__(
        self,
        stage: str,
        module: StageModule,
        *,
        catalog: Catalog,
        artifacts: Artifacts,
        settings: Settings,
        cancelled: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._stage = stage
        self._module = module
        self._catalog = catalog
        self._settings = settings
        self._planner = Planner(stage, module, settings)
        executor = Executor(module, catalog=catalog, artifacts=artifacts, settings=settings)
        self._ranges = RangeConsumer(
            module, catalog=catalog, artifacts=artifacts, settings=settings, cancelled=cancelled
        )
        self._consumer = Consumer(
            stage,
            self._planner,
            executor,
            self._ranges,
            catalog=catalog,
            artifacts=artifacts,
            settings=settings,
            cancelled=cancelled,
        )

    def warm_up(self) -> None:
        """Load the stage's models and libraries before its first job."""
        with about(stage=self._stage):
            self._module.warm_up(self._planner.params({}))

    def handle(self, body: str, delivery: Delivery) -> Outcome:
        """Handle one event from the body of its message.

        Raises:
            Retry: deliver it again later; nothing is lost meanwhile.
            BadInput: ``bad_event``: it is not one of our events; ``foreign_object``.
        """
        event = events.parse(body)
        self._settings.check_place(event)
        with about_run(self._stage, event.video_id, event), tracing.span(f"run {self._stage}"):
            log.info("%s %s: delivery %d", self._stage, event.video_id, delivery.receives)
            if delivery.receives == 1 and delivery.sent_at is not None:
                metrics.record(names.QUEUE_WAIT, max(0.0, time.time() - delivery.sent_at))
            started = time.monotonic()
            try:
                outcome = self._consumer.consume(event, delivery)
            except Retry as retry:
                metrics.record(names.RETRIES)
                tracing.annotate(outcome="retry")
                log.info("%s: again in %.0f s: %s", self._stage, retry.seconds, retry)
                raise
            tracing.annotate(outcome=outcome)
            seconds = time.monotonic() - started
            if isinstance(event, RangeRequest):
                metrics.record(names.RANGE_DURATION, seconds, outcome=outcome)
                if outcome is Outcome.SUCCEEDED:  # the merge ended the run
                    metrics.record(names.RUNS, outcome=outcome)
            else:
                if outcome is not Outcome.FAILED:  # failures are counted with their class
                    metrics.record(names.RUNS, outcome=outcome)
                metrics.record(names.RUN_DURATION, seconds, outcome=outcome)
            log.info("%s %s: %s", self._stage, event.video_id, outcome)
            return outcome

    def abandon(self, body: str, killed: Killed, message: str, receipt: str | None = None) -> bool:
        """Record that the host killed the process that handled ``body``.

        A run that ends because its worker shuts down is given back, and the try not counted.

        Args:
            body: of the message.
            killed: why.
            message: the same in a sentence.
            receipt: of the process's delivery. A run that another delivery has claimed since is
                left alone, even if both are of one message.

        Returns:
            True if the run has ended, so that its message can be deleted.

        Raises:
            BadInput: ``bad_event``.
        """
        event = events.parse(body)
        if isinstance(event, RangeRequest):
            return self._abandon_range(event, killed, message, receipt)
        run = self._catalog.runs_of(shadow=event.shadow).get(event.video_id, self._stage)
        if run is None or run.state != "running" or run.spread:
            return False
        if (run.event_id, run.receipt) != (event.event_id, receipt):
            return False
        claimed = ClaimedRun(
            self._catalog, event.video_id, run, shadow=event.shadow, settings=self._settings
        )
        decision = decide_killed(killed, message, run, self._settings)
        with about_run(self._stage, event.video_id, event):
            try:
                outcome = carry_out(decision, claimed)
            except (Retry, LeaseLost, NotAnnounced):
                return False
        return outcome is Outcome.FAILED

    def _abandon_range(
        self, request: RangeRequest, killed: Killed, message: str, receipt: str | None
    ) -> bool:
        with about_run(self._stage, request.video_id, request):
            try:
                outcome = self._ranges.abandon(request, killed, message, receipt)
            except (Retry, LeaseLost, NotAnnounced):
                return False
        return outcome is Outcome.FAILED
