"""The spread of a run: its plan is written, the run is marked, and its ranges are requested.

After a death before the mark, the message is delivered again and begins a new attempt. After one
behind the mark it is delivered again too, and requests the ranges that have not ended.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from pipeline.aws import clients as aws
from pipeline.aws.artifacts import Artifacts
from pipeline.aws.catalog import Catalog
from pipeline.aws.queues import Queue
from pipeline.aws.run_files import EXCERPTS, PLAN, RunFiles
from pipeline.core.errors import DependencyFailed
from pipeline.core.range_request import RangeRequest
from pipeline.core.records import Spread, StageRun
from pipeline.core.settings import Settings
from pipeline.runs import manifest
from pipeline.runs.claimed import ClaimedRun
from pipeline.runs.delivery import Outcome, Retry
from pipeline.runs.leftovers import Leftovers
from pipeline.runs.plan_file import PlanFile, Plans
from pipeline.runs.waits import FIRST_RETRY_S


class Spreader:
    """Spreads runs of one stage.

    Args:
        catalog: the catalog.
        artifacts: the buckets.
        settings: how long a run waits for an ended range.

    Attributes:
        leftovers: deletes what runs have left.
    """

    def __init__(self, catalog: Catalog, artifacts: Artifacts, settings: Settings) -> None:
        self._catalog = catalog
        self._artifacts = artifacts
        self._settings = settings
        self._plans = Plans()
        self.leftovers = Leftovers(catalog, self.files)

    def begin(
        self,
        claimed: ClaimedRun,
        plan: PlanFile,
        queue: Queue,
        *,
        shadow: bool,
        params: Mapping[str, Any],
    ) -> None:
        """Write the plan of a claimed run, mark the run as spread, and request the first ranges.

        Args:
            claimed: the run.
            plan: its plan.
            queue: the queue for the requests.
            shadow: True if the run's result is only compared.
            params: parameters of the event that requested the run.

        Raises:
            LeaseLost: another worker took over.
        """
        request = request_of(
            claimed.video_id, claimed.run, fingerprint=plan.fingerprint, shadow=shadow
        )
        files = self.files(request)
        files.write(PLAN, plan.model_dump_json())
        if plan.excerpts:
            files.write(EXCERPTS, plan.excerpt_content)
        total, asked = len(plan.plan.ranges), dict(params)
        spread = Spread(total=total, fingerprint=plan.fingerprint, queue=queue.name, params=asked)
        patience_s = self._settings.lease_s
        self._catalog.ranges.spread(request, claimed.run, spread, patience_s=patience_s)
        self.request(request, plan, queue, frozenset())

    def plan(self, request: RangeRequest) -> PlanFile | None:
        """Return the plan of a run; None if another version wrote it in another form."""
        return self._plans.read(self.files(request))

    def request(
        self, request: RangeRequest, plan: PlanFile, queue: Queue, ended: frozenset[str]
    ) -> None:
        """Request the ranges that can be done now; copies of requests do no harm.

        Args:
            request: names the run.
            plan: of the run.
            queue: the queue for the requests.
            ended: tags of the ranges that have ended.

        Raises:
            Retry: the queue could not be reached.
        """
        self.send(queue, request, [request.of(name).body for name in plan.due(ended)])

    def send(
        self, queue: Queue, request: RangeRequest, bodies: Iterable[str], *, delay_s: int = 0
    ) -> None:
        """Send messages of a run.

        Args:
            queue: the queue.
            request: names the run.
            bodies: the messages.
            delay_s: seconds until they are delivered.

        Raises:
            Retry: the queue could not be reached.
        """
        try:
            queue.send(bodies, group=request.video_id, delay_s=delay_s)
        except (DependencyFailed, *aws.ERRORS) as error:
            # The run is recorded as spread already: it cannot be given back, but is spread again.
            raise Retry(FIRST_RETRY_S, str(error)) from error

    def files(self, request: RangeRequest) -> RunFiles:
        """Return the files of a run."""
        runs = self._catalog.runs_of(shadow=request.shadow)
        prefix = manifest.prefix(
            request.video_id,
            request.revision,
            request.stage,
            request.fingerprint,
            runs.folder(request.attempt),
        )
        return self._artifacts.run_files(prefix)

    def clear_if_ended(self, request: RangeRequest) -> Outcome | None:
        """Delete what is left of a run that has ended while this process had a range of it.

        Returns:
            the outcome; None if the run still waits for its ranges.

        Raises:
            Busy: its merge may still write.
        """
        now = self._catalog.runs_of(shadow=request.shadow).get(request.video_id, request.stage)
        if waiting(now, request):
            return None
        return self.leftovers.clear_ended(request, now, claimed=True)

    def cancel(self, request: RangeRequest, run: StageRun) -> None:
        """End a spread run whose replay was cancelled, and delete what is left of it.

        Raises:
            Busy: its merge may still write.
        """
        self.run(request, run).cancel()
        self.leftovers.clear_ended(request, None)

    def run(self, request: RangeRequest, run: StageRun) -> ClaimedRun:
        """Return a spread run as one that this process may end."""
        return ClaimedRun(
            self._catalog, request.video_id, run, shadow=request.shadow, settings=self._settings
        )


def waiting(run: StageRun | None, request: RangeRequest) -> StageRun | None:
    """Return the run that a request is of if it still waits for its ranges, else None."""
    if run is None or run.spread is None or run.attempt != request.attempt:
        return None
    return run if run.state == "running" else None


def request_of(video_id: str, run: StageRun, *, fingerprint: str, shadow: bool) -> RangeRequest:
    """Return the request that names a run, without a range.

    Args:
        video_id: of the run.
        run: the run.
        fingerprint: of the result to make.
        shadow: True if the run's result is only compared.
    """
    return RangeRequest(
        event_id=run.event_id or "",
        time=datetime.now(UTC),
        video_id=video_id,
        stage=run.stage,
        revision=run.revision,
        attempt=run.attempt,
        fingerprint=fingerprint,
        shadow=shadow,
    )
