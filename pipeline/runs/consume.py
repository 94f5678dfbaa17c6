"""The consumption of events: each comes to an outcome, or its message is delivered again.

An event whose result is current needs no run. Any other run is claimed, executed and, if it goes
wrong, ended, given back or sent on.
"""

import logging
import os
from collections.abc import Callable

from pipeline.aws import clients as aws
from pipeline.aws.artifacts import Artifacts, Changed
from pipeline.aws.catalog import Catalog
from pipeline.aws.classify import classify
from pipeline.core.errors import Busy, LeaseLost, Lost, Superseded
from pipeline.core.events import Deletion, Event, Reprocess, Upload
from pipeline.core.planner import Planner
from pipeline.core.settings import Settings
from pipeline.runs.claimed import ClaimedRun
from pipeline.runs.delivery import Delivery, Outcome, Retry
from pipeline.runs.execute import Executor
from pipeline.runs.failure import FIRST_RETRY_S, Decision, carry_out, decide
from pipeline.runs.job import Job, Plan
from pipeline.stages.models import device

log = logging.getLogger(__name__)

# Retries outlast an outage of AWS itself: with each delivery the wait is four times as long, up to
# SQS's limit on how often a message is delivered at all (about half an hour in all).
_OUTAGE_FACTOR, _LONGEST_RETRY_S = 4, 900.0


class Consumer:
    """Consumes the events of one stage.

    Args:
        stage: its name.
        planner: plans its runs.
        executor: executes them.
        catalog: the catalog.
        artifacts: the buckets.
        settings: leases, and the number of tries.
        cancelled: returns True for the id of a cancelled replay, whose requests are dropped.
    """

    def __init__(
        self,
        stage: str,
        planner: Planner,
        executor: Executor,
        *,
        catalog: Catalog,
        artifacts: Artifacts,
        settings: Settings,
        cancelled: Callable[[str], bool],
    ) -> None:
        self._stage = stage
        self._planner = planner
        self._executor = executor
        self._catalog = catalog
        self._artifacts = artifacts
        self._settings = settings
        self._cancelled = cancelled

    def consume(self, event: Event, delivery: Delivery) -> Outcome:
        """Bring an event to its outcome.

        Raises:
            Retry: deliver its message again later; nothing is lost meanwhile.
        """
        try:
            match event:
                case Upload():
                    patience_s = self._settings.topology.queues.retention_s
                    known = self._catalog.record_upload(
                        event, patience_s=patience_s, by=self._stage
                    )
                    return self._run(Job(event, event.event_id, {}, event.shadow, delivery, known))
                case Reprocess():
                    return self._reprocess(event, delivery)
                case Deletion():
                    return Outcome.IGNORED
        except Superseded:
            return Outcome.SUPERSEDED
        except Busy as busy:
            raise Retry(self._busy_wait_s(busy, delivery), str(busy)) from busy
        except aws.ERRORS as error:
            wait = min(_LONGEST_RETRY_S, FIRST_RETRY_S * _OUTAGE_FACTOR**delivery.receives)
            raise Retry(wait, str(aws.as_failure(error))) from error

    def _busy_wait_s(self, busy: Busy, delivery: Delivery) -> float:
        """Return the seconds until the next look at a run that another worker holds.

        A worker that died is replaced as soon as its lease expires. One that still works at the
        second look may need its whole time. A queue delivers a message only so often before it
        counts as undeliverable: the looks that are left share that time.
        """
        wait = busy.seconds + 1
        if delivery.receives == 1:
            return wait
        topology = self._settings.topology
        looks = max(1, topology.queues.max_receive_count - 2)
        return max(wait, topology.timeout_s(self._stage, large=busy.large) / looks)

    def _reprocess(self, request: Reprocess, delivery: Delivery) -> Outcome:
        known = self._catalog.known(request.video_id, self._stage, shadow=request.shadow)
        if known is None or known.video.deleted_at:
            return Outcome.IGNORED
        if request.revision not in {None, known.video.revision}:
            return Outcome.SUPERSEDED
        upload = known.video.upload
        job = Job(upload, request.event_id, request.params, request.shadow, delivery, known)
        if request.replay_id and self._cancelled(request.replay_id):
            self._forget(job)
            return Outcome.IGNORED
        return self._run(job)

    def _forget(self, job: Job) -> None:
        """End a job's run that waits for another try or host: its replay was cancelled.

        A result that was current before is current again: a pending run would never end.
        """
        if not job.is_waiting:
            return
        claimed = self._claim(job)
        if result := claimed.run.current_result:
            claimed.succeed(result)
        else:
            message = f"{self._stage} was still to be run when its replay was cancelled. Replay it."
            claimed.fail(Lost("cancelled", message))

    def _run(self, job: Job) -> Outcome:
        try:
            plan: Plan | Exception = self._plan(job)
        except Exception as error:  # noqa: BLE001 - recorded once the run is claimed
            plan = error
        if job.is_done(plan):
            return Outcome.CURRENT
        if job.is_sent_on:
            return Outcome.SENT_ON
        claimed = self._claim(
            job,
            fingerprint=plan.intent.fingerprint if isinstance(plan, Plan) else None,
            large=job.delivery.large,
            receipt=job.delivery.receipt,
        )
        try:
            if isinstance(plan, Exception):
                raise plan
            return self._executor.execute(claimed, job, plan)
        except LeaseLost:
            return Outcome.SUPERSEDED
        except Exception as error:  # each is classified and recorded
            if device.failed(error):
                # Every later run of this process would fail too. The host handles the exit as a
                # crash: the run is retried in another process, if that can use the GPU.
                log.critical("the GPU failed: this process ends", exc_info=error)
                os._exit(1)  # Python's own shutdown may hang on a GPU that does not respond
            return carry_out(self._decide(error, claimed, job.delivery), claimed)

    def _decide(self, error: Exception, claimed: ClaimedRun, delivery: Delivery) -> Decision:
        known = error if isinstance(error, Changed) else classify(error)
        return decide(known, claimed.run, self._settings, send_on=delivery.send_on)

    def _plan(self, job: Job) -> Plan:
        head = job.known_head or self._artifacts.head(job.upload)
        return Plan(head, self._planner.intend(job.upload, head.metadata, job.extra))

    def _claim(
        self,
        job: Job,
        *,
        fingerprint: str | None = None,
        large: bool = False,
        receipt: str | None = None,
    ) -> ClaimedRun:
        """Claim a job's run as it was read; see ``Runs.claim``."""
        run = self._catalog.runs_of(shadow=job.shadow).claim(
            job.upload,
            self._stage,
            seen=job.known.run,
            event_id=job.event_id,
            lease_s=self._settings.lease_s,
            fingerprint=fingerprint,
            large=large,
            receipt=receipt,
        )
        return ClaimedRun(
            self._catalog, job.upload.video_id, run, shadow=job.shadow, settings=self._settings
        )
