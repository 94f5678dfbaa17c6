"""The consumption of requests of ranges: each range ends once, the last one's end is the merge's.

    claim the range → do it → publish its part → record it as done → add it to the run's ended ones

The last step is repeated if the message comes again. What a run that is over left is deleted.
"""

from collections.abc import Callable

from pipeline.aws.artifacts import Artifacts
from pipeline.aws.catalog import Catalog
from pipeline.aws.queues import Queue
from pipeline.aws.run_files import PLAN
from pipeline.core import events
from pipeline.core.errors import LeaseLost, NotAnnounced
from pipeline.core.range_request import RangeRequest
from pipeline.core.range_run import RangeRun
from pipeline.core.ranges import MERGE
from pipeline.core.records import StageRun
from pipeline.core.settings import Settings
from pipeline.core.stage import StageModule
from pipeline.runs import range_work
from pipeline.runs.claimed_range import ClaimedRange
from pipeline.runs.delivery import Delivery, Killed, Outcome
from pipeline.runs.failure import carry_out, decide, decide_killed, known, replaced
from pipeline.runs.job import Job
from pipeline.runs.merge import Merger
from pipeline.runs.other_version import OtherVersions
from pipeline.runs.plan_file import PlanFile
from pipeline.runs.spread import Spreader, request_of, waiting


class RangeConsumer:
    """Consumes requests of ranges of one stage's runs.

    Args:
        module: the stage's code.
        catalog: the catalog.
        artifacts: the buckets.
        settings: limits, leases and the number of tries.
        cancelled: returns True for the id of a cancelled replay, whose runs are ended.
    """

    def __init__(
        self,
        module: StageModule,
        *,
        catalog: Catalog,
        artifacts: Artifacts,
        settings: Settings,
        cancelled: Callable[[str], bool],
    ) -> None:
        self._module = module
        self._catalog = catalog
        self._artifacts = artifacts
        self._settings = settings
        self._cancelled = cancelled
        self._spreader = Spreader(catalog, artifacts, settings)
        self._merger = Merger(module, catalog, artifacts, settings)
        self._others = OtherVersions(catalog, self._spreader, settings)

    def consume(self, request: RangeRequest, delivery: Delivery) -> Outcome:
        """Bring a request to its outcome.

        Raises:
            Retry: the range was given back for another try.
            Busy: another worker does it.
            LeaseLost: another worker took over.
        """
        found, range_ = self._catalog.ranges.read(request)
        run = waiting(found, request)
        if run is None or run.spread is None:
            return self._spreader.leftovers.clear_late(request, found)
        replay_id = events.replay_id(request.event_id)
        if replay_id and self._cancelled(replay_id):
            self._spreader.cancel(request, run)
            return Outcome.IGNORED
        queue = delivery.queue or Queue(run.spread.queue)  # a pushed message came by none
        plan = self._spreader.plan(request)
        if plan is None or not (range_.state == "done" or plan.is_of(self._module)):
            return self._others.pass_on(request, run, queue)
        if request.range is None:
            self._spreader.request(request, plan, queue, run.ended)
            return Outcome.SPREAD
        if range_.state != "done":
            claimed = self._claim(request, run, range_, plan, delivery)
            # The ranges of an ended run are gone, so a late claim is a first one again. Its files
            # would have names of the result's.
            if claimed.range.attempt == 1 and (over := self._spreader.clear_if_ended(request)):
                return over
            outcome = self._do(request, run, claimed, plan, delivery)
            if outcome is not Outcome.PART:
                return outcome
            range_ = claimed.range
        try:
            ended = self._catalog.ranges.end(request, range_.tag, patience_s=self._settings.lease_s)
        except LeaseLost:
            return self._spreader.leftovers.clear_late(request, None)
        if plan.completes(range_.name, ended):
            self._spreader.request(request, plan, queue, ended)
        return Outcome.PART

    def resume(self, job: Job) -> Outcome | None:
        """Request the ranges of a job's run, which is spread, that have not ended again.

        Returns:
            None if the run is to be planned again: no worker of its version is left.
        """
        run = job.known.run
        if run is None or run.spread is None:
            return None
        request = request_of(
            job.upload.video_id, run, fingerprint=run.spread.fingerprint, shadow=job.shadow
        )
        # A copy of the event may have been pushed, and came by no queue.
        queue = job.delivery.queue or Queue(run.spread.queue)
        plan = self._spreader.plan(request)
        if plan is None or not plan.is_of(self._module):
            return None if run.rounds else self._others.pass_on(request, run, queue)
        self._spreader.request(request, plan, queue, run.ended)
        return Outcome.SPREAD

    def abandon(
        self, request: RangeRequest, killed: Killed, message: str, receipt: str | None
    ) -> Outcome | None:
        """Record that the host killed the process that did a range; None if it has ended before.

        Args:
            request: names the range.
            killed: why.
            message: the same in a sentence.
            receipt: of the process's delivery.

        Raises:
            Retry: the range was given back for another try.
            LeaseLost: another worker took over.
        """
        found, range_ = self._catalog.ranges.read(request)
        run = waiting(found, request)
        if run is None or (range_.state, range_.receipt) != ("running", receipt):
            return None
        plan = PlanFile.model_validate_json(self._spreader.files(request).read(PLAN))
        claimed = self._claimed(request, run, range_, plan)
        decision = decide_killed(killed, message, claimed, self._settings)
        return carry_out(decision, claimed)

    def _do(
        self,
        request: RangeRequest,
        run: StageRun,
        claimed: ClaimedRange,
        plan: PlanFile,
        delivery: Delivery,
    ) -> Outcome:
        """Do a claimed range, or the merge."""
        files = self._spreader.files(request)
        try:
            if request.range == MERGE:
                self._merger.merge(plan, claimed, run, files, delivery, shadow=request.shadow)
            else:
                range_work.do(
                    *(self._module, plan, claimed, run),
                    *(self._artifacts, files, delivery, self._settings),
                )
        except NotAnnounced:
            raise
        except Exception as error:
            why = replaced(known(error))
            if over := self._spreader.clear_if_ended(request):  # no message of it may be left
                return over
            if isinstance(error, LeaseLost):
                raise
            decision = decide(why, claimed, self._settings, delivery.receives)
            return carry_out(decision, claimed)
        if request.range != MERGE:
            return Outcome.PART
        self._spreader.leftovers.clear(request)
        return Outcome.SUCCEEDED

    def _claim(
        self,
        request: RangeRequest,
        run: StageRun,
        range_: RangeRun,
        plan: PlanFile,
        delivery: Delivery,
    ) -> ClaimedRange:
        taken = self._catalog.ranges.claim(
            request, range_, lease_s=self._settings.lease_s, receipt=delivery.receipt
        )
        return self._claimed(request, run, taken, plan)

    def _claimed(
        self, request: RangeRequest, run: StageRun, range_: RangeRun, plan: PlanFile
    ) -> ClaimedRange:
        span = plan.range(range_.name)
        return ClaimedRange(
            self._catalog, self._spreader.leftovers, request, run, range_, span, self._settings
        )
