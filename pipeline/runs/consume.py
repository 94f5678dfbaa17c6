"""The consumption of events: each comes to an outcome, or its message is delivered again.

An event whose result is current needs no run. Any other run is claimed, executed and ended.
"""

import logging
import time
from collections.abc import Callable
from contextlib import closing

from pipeline.aws import clients as aws
from pipeline.aws.artifacts import Artifacts
from pipeline.aws.catalog import Catalog
from pipeline.core import intake
from pipeline.core.errors import Busy, LeaseLost, NotAnnounced, Superseded
from pipeline.core.events import Deletion, Event, Reprocess, Upload
from pipeline.core.planner import Planner
from pipeline.core.range_request import RangeRequest
from pipeline.core.settings import Settings
from pipeline.runs import waits
from pipeline.runs.claimed import ClaimedRun
from pipeline.runs.delivery import Delivery, Outcome, Retry
from pipeline.runs.execute import Executor
from pipeline.runs.failure import carry_out, decide, known
from pipeline.runs.first_read import FirstRead
from pipeline.runs.job import Job, Plan
from pipeline.runs.range_run import RangeConsumer

log = logging.getLogger(__name__)


class Consumer:
    """Consumes the events of one stage.

    Args:
        stage: its name.
        planner: plans its runs.
        executor: executes them.
        ranges: consumes the requests of their ranges.
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
        ranges: RangeConsumer,
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
        self._ranges = ranges
        self._settings = settings
        self._cancelled = cancelled

    def consume(self, event: Event, delivery: Delivery) -> Outcome:
        """Bring an event to its outcome.

        Raises:
            Retry: deliver its message again later; nothing is lost meanwhile.
        """
        try:
            return self._dispatch(event, delivery)
        except Superseded:
            return Outcome.SUPERSEDED
        except Busy as busy:
            raise Retry(waits.busy_s(busy, delivery, self._settings), str(busy)) from busy
        except (NotAnnounced, *aws.ERRORS) as error:
            why = error if isinstance(error, NotAnnounced) else aws.as_failure(error)
            raise Retry(waits.outage_s(delivery.receives), str(why)) from error

    def _dispatch(self, event: Event, delivery: Delivery) -> Outcome:
        try:
            match event:
                case Upload() if (kind := intake.kind(event.key, event.size)) != "media":
                    if kind == "captions":
                        self._catalog.sidecars.attach(event)
                    else:
                        log.info("%s: a folder, or a file beside videos", event.key)
                    return Outcome.IGNORED
                case Upload():
                    return self._upload(event, delivery)
                case Reprocess():
                    return self._reprocess(event, delivery)
                case RangeRequest():
                    return self._ranges.consume(event, delivery)
                case Deletion():
                    return Outcome.IGNORED
        except LeaseLost as lost:
            run = self._catalog.runs_of(shadow=event.shadow).get(event.video_id, self._stage)
            if run is None or run.event_id != event.event_id:
                return Outcome.SUPERSEDED
            # Another delivery has taken over, perhaps of this message. Its worker may die.
            raise Retry(waits.FIRST_RETRY_S, "another worker took over") from lost

    def _upload(self, event: Upload, delivery: Delivery) -> Outcome:
        with closing(FirstRead(self._artifacts, event)) as first:
            found = self._catalog.record_upload(
                event,
                patience_s=self._settings.topology.queues.retention_s,
                by=self._stage,
                metadata=first.metadata_if_any,
            )
            asked = event.event_id, found.video.stages[self._stage].given, event.shadow
            return self._run(Job(event, *asked, delivery, found, first))

    def _reprocess(self, request: Reprocess, delivery: Delivery) -> Outcome:
        found = self._catalog.known(request.video_id, self._stage, shadow=request.shadow)
        if found is None or found.video.deleted_at:
            return Outcome.IGNORED
        if request.revision not in {None, found.video.revision}:
            return Outcome.SUPERSEDED
        upload = found.video.upload
        with closing(FirstRead(self._artifacts, upload)) as first:
            kept = {} if request.reset else found.video.stages[self._stage].given
            given = {**kept, **request.params}
            job = Job(upload, request.event_id, given, request.shadow, delivery, found, first)
            if not (request.replay_id and self._cancelled(request.replay_id)):
                return self._run(job)
            self._forget(job)
            return Outcome.IGNORED

    def _forget(self, job: Job) -> None:
        """End a job's run that waits for another try: its replay was cancelled."""
        if job.is_waiting:
            self._claim(job).cancel()
        else:
            self._announce_again(job)

    def _run(self, job: Job) -> Outcome:
        try:
            plan: Plan | Exception = self._plan(job)
        except Exception as error:  # noqa: BLE001 - recorded once the run is claimed
            plan = error
        if job.is_done(plan):
            self._announce_again(job)
            return Outcome.CURRENT
        if job.is_spread and (outcome := self._ranges.resume(job)):
            return outcome
        claimed = self._claim(job, plan)
        try:
            if isinstance(plan, Exception):
                raise plan
            return self._executor.execute(claimed, job, plan)
        except (LeaseLost, Retry, NotAnnounced):
            raise
        except Exception as error:  # noqa: BLE001 - each is classified and recorded
            decision = decide(known(error), claimed, self._settings, job.delivery.receives)
            return carry_out(decision, claimed)

    def _announce_again(self, job: Job) -> None:
        """Send the event of a run that this message has led to: its process may have died first."""
        run = job.known.run
        if run and run.event_id == job.event_id and not job.shadow:
            self._catalog.announcer.stage_ended(job.upload.video_id, run)

    def _plan(self, job: Job) -> Plan:
        metadata = job.metadata()
        return Plan(metadata, self._planner.intend(job.upload, metadata, job.extra))

    def _claim(self, job: Job, plan: Plan | Exception | None = None) -> ClaimedRun:
        """Claim a job's run as it was read; see ``Runs.claim``."""
        run = self._catalog.runs_of(shadow=job.shadow).claim(
            job.upload,
            self._stage,
            seen=job.known.run,
            event_id=job.event_id,
            lease_s=self._settings.lease_s,
            deadline=time.time() + job.delivery.seconds_left,
            fingerprint=plan.intent.fingerprint if isinstance(plan, Plan) else None,
            receipt=job.delivery.receipt,
            over=job.is_spread,
            sent_at=job.delivery.sent_at,
        )
        return ClaimedRun(
            *(self._catalog, job.upload.video_id, run),
            shadow=job.shadow,
            settings=self._settings,
            upload=job.upload,
        )
