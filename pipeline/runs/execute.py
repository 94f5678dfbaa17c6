"""The execution of one claimed run: fetch → probe → run → publish → record."""

from contextlib import ExitStack, suppress
from functools import partial
from types import TracebackType

from pipeline.aws import clients as aws
from pipeline.aws.artifacts import Artifacts
from pipeline.aws.catalog import Catalog
from pipeline.core import in_place
from pipeline.core.media_info import Probe
from pipeline.core.planner import Intent
from pipeline.core.records import StageResult
from pipeline.core.settings import Settings
from pipeline.core.stage import Source, StageModule, divisible
from pipeline.media.probe import probe
from pipeline.runs import excerpts, failure, heartbeat, manifest, room, sources
from pipeline.runs.claimed import ClaimedRun
from pipeline.runs.delivery import Outcome
from pipeline.runs.job import Job, Plan
from pipeline.runs.made import Made, read
from pipeline.runs.meter import Meter
from pipeline.runs.plan_file import PlanFile
from pipeline.runs.reuse import Reuse
from pipeline.runs.spread import Spreader
from pipeline.runs.workdir import workdir
from pipeline.telemetry import metrics, names

# Progress is spent as: opening the source 5 %, the stage itself 90 %, publishing 5 %.
_OPENED, _RUN = 0.05, 0.95


class Executor:
    """Executes claimed runs of one stage.

    Args:
        module: the stage's code.
        catalog: the catalog.
        artifacts: the buckets.
        settings: limits and leases.
    """

    def __init__(
        self,
        module: StageModule,
        *,
        catalog: Catalog,
        artifacts: Artifacts,
        settings: Settings,
    ) -> None:
        self._module = module
        self._catalog = catalog
        self._artifacts = artifacts
        self._settings = settings
        self._reuse = Reuse(catalog, artifacts, shared=settings.share_results)
        self._spreader = Spreader(catalog, artifacts, settings)

    def execute(self, claimed: ClaimedRun, job: Job, plan: Plan) -> Outcome:
        """End a claimed run with a result, skip it, or spread it over several workers.

        It is skipped if its uploader excluded the stage, or if the media has nothing for it.

        Args:
            claimed: the run.
            job: its job.
            plan: of the job.

        Raises:
            LeaseLost: another worker took over.
            Exception: anything that can go wrong with a run.
        """
        known = job.known.video.probe
        if not plan.intent.wanted or (known and not self._module.applies(known)):
            claimed.skip()
            return Outcome.SKIPPED
        if stored := self._reused(claimed, job, plan.intent):
            claimed.succeed(stored.model_copy(update={"given": plan.intent.given}))
            return Outcome.REUSED
        failure.check_tries(claimed, self._settings)
        made = self._compute(claimed, job, plan)
        if isinstance(made, PlanFile) and job.delivery.queue:
            self._spreader.begin(
                claimed, made, job.delivery.queue, shadow=job.shadow, params=job.extra
            )
            return Outcome.SPREAD
        if not isinstance(made, Made):
            claimed.skip()
            return Outcome.SKIPPED
        claimed.succeed(made.result, computed=True, files=made.files)
        metrics.record(names.SOURCE_MEDIA, made.result.cost.media_seconds)
        return Outcome.SUCCEEDED

    def _reused(self, claimed: ClaimedRun, job: Job, intent: Intent) -> StageResult | None:
        """Return a stored result, or a copy of one of another upload of the same bytes."""
        found = self._reuse.own(claimed, job, intent)
        if found and found.revision == job.upload.revision:
            return found
        found = found or self._reuse.other(claimed, job, intent)
        if found is None:
            return None
        with heartbeat.lease(claimed, job.delivery, self._settings) as lease:
            return self._reuse.copied(found, claimed, job, intent, lease)

    def _compute(self, claimed: ClaimedRun, job: Job, plan: Plan) -> Made | PlanFile | None:
        """Run the stage and publish its files.

        Returns:
            the result; the plan, if several workers are to do it; None if the media has nothing
            for the stage.
        """
        meter = Meter()
        upload, intent, run = job.upload, plan.intent, claimed.run
        lease = heartbeat.lease(claimed, job.delivery, self._settings)
        stage = divisible(self._module)
        with ExitStack() as leaving:
            scratch = leaving.enter_context(workdir(self._settings.scratch))
            leaving.enter_context(lease)
            sources.check_size(upload, self._settings.limits)
            opened = leaving.enter_context(
                sources.opened(
                    self._artifacts,
                    upload,
                    scratch,
                    lease.part(0, _OPENED),
                    whole=stage is None or sources.is_planned_from_a_copy(upload),
                    begun=job.first.download,
                )
            )
            found = probe(opened.location, self._settings.limits)
            source = Source(path=opened.location, name=upload.name, probe=found)
            applies = self._module.applies(found)
            if not (applies and sources.is_planned_from_a_copy(upload)):
                self._record_probe(job, plan, found)
            if not applies:
                return None
            leaving.push(partial(self._after_failure, job, plan, found))
            report = lease.part(_OPENED, _RUN)
            division = stage.plan(source, intent.params, report) if stage else None
            if division and division.spreads and job.delivery.queue:
                opened.check()
                self._record_probe(job, plan, found)
                cost = meter.cost(media_seconds=found.duration_s, bytes_in=opened.bytes_read())
                spread = PlanFile.of(upload, intent, found, division, cost)
                return excerpts.added(spread, opened.location)
            source = source.model_copy(update={"path": opened.whole()})
            room.check_files(run.stage, self._settings, upload, found, scratch)
            work = scratch / "out"
            work.mkdir()
            if stage and division:
                made = in_place.run(stage, source, intent.params, work, report, division)
            else:
                made = self._module.run(source, intent.params, work, report)
            opened.check()
            files = read(made, work)
            prefix = manifest.prefix(
                upload.video_id, upload.revision, run.stage, intent.fingerprint, claimed.folder
            )
            facts = manifest.facts(upload, run, intent, made)
            published = self._artifacts.publish(
                prefix, work, made.artifacts, facts, lease.part(_RUN, 1)
            )
        cost = meter.cost(
            media_seconds=found.duration_s, bytes_in=opened.bytes_read(), published=published
        )
        result = manifest.record(upload, run, intent, made, prefix, published, cost, probe=found)
        return Made(result, files)

    def _record_probe(self, job: Job, plan: Plan, found: Probe) -> None:
        """Record the probe and the metadata of a job's source, unless both are known.

        The result of a small source comes soon, and holds the probe too: this would be one more
        request.
        """
        known = job.known.video
        if (known.probe, known.metadata) != (found, plan.metadata):
            self._catalog.record_probe(job.upload, found, plan.metadata)

    def _after_failure(
        self,
        job: Job,
        plan: Plan,
        found: Probe,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Record the probe of a source whose run has raised, since it has no result."""
        if isinstance(error, Exception):
            with suppress(*aws.ERRORS):
                self._record_probe(job, plan, found)
