"""The execution of one claimed run: fetch → probe → run → publish → record."""

import resource
import time
from datetime import UTC, datetime
from pathlib import Path

from pipeline.aws.artifacts import Artifacts, Head
from pipeline.aws.catalog import Catalog
from pipeline.core.errors import LimitExceeded, Lost
from pipeline.core.records import Cost, StageResult
from pipeline.core.settings import Settings
from pipeline.core.stage import Report, Source, StageModule
from pipeline.media.probe import probe
from pipeline.runs import manifest
from pipeline.runs.admission import Admission
from pipeline.runs.claimed import ClaimedRun
from pipeline.runs.delivery import Delivery, Outcome
from pipeline.runs.heartbeat import Lease
from pipeline.runs.job import Job, Plan
from pipeline.runs.workdir import workdir
from pipeline.stages.models import device
from pipeline.telemetry import metrics, names

# Progress is spent as: fetching 5 %, the stage itself 90 %, publishing 5 %.
_FETCHED, _RUN = 0.05, 0.95
# Reserved before the host's deadline, to record a timeout before the host kills this process.
_MARGIN_S = 5.0


class Executor:
    """Executes claimed runs of one stage.

    Args:
        module: the stage's code.
        catalog: the catalog.
        artifacts: the buckets.
        settings: limits and leases.
        admission: rejects runs that this host cannot finish, if they can be sent on.
    """

    def __init__(
        self,
        module: StageModule,
        *,
        catalog: Catalog,
        artifacts: Artifacts,
        settings: Settings,
        admission: Admission,
    ) -> None:
        self._module = module
        self._catalog = catalog
        self._artifacts = artifacts
        self._settings = settings
        self._admission = admission

    def execute(self, claimed: ClaimedRun, job: Job, plan: Plan) -> Outcome:
        """End a claimed run with a result, or skip it if its uploader excluded the stage.

        Args:
            claimed: the run.
            job: its job.
            plan: of the job.

        Raises:
            LeaseLost: another worker took over.
            Exception: anything that can go wrong with a run.
        """
        if not plan.intent.wanted:
            claimed.skip()
            return Outcome.SKIPPED
        if stored := self._reusable(claimed, job, plan.intent.fingerprint):
            claimed.succeed(stored)
            return Outcome.REUSED
        if job.delivery.send_on:
            self._admission.check_past(job.known.run)
        if (tries := claimed.run.tries) > self._settings.max_attempts:
            raise Lost(
                "gave_up",
                f"The process that ran {claimed.stage} ended without an error {tries - 1} times. "
                "See its log, then replay.",
            )
        result = self._compute(claimed, job, plan)
        claimed.succeed(result)
        self._catalog.timings.record(result)
        metrics.record(names.SOURCE_MEDIA, result.cost.media_seconds)
        return Outcome.SUCCEEDED

    def _reusable(self, claimed: ClaimedRun, job: Job, fingerprint: str) -> StageResult | None:
        """Return a stored result with this fingerprint, if its files still exist."""
        if job.known.untried:
            return None
        stored = self._catalog.results.get(claimed.video_id, claimed.stage, fingerprint)
        if stored is None or not self._artifacts.has(stored.prefix):
            return None
        if stored.revision == job.upload.revision:
            return stored
        # The same content was uploaded again: the times are those of the present run.
        return stored.model_copy(
            update={
                "revision": job.upload.revision,
                "queued_at": claimed.run.queued_at,
                "started_at": claimed.run.started_at,
                "finished_at": datetime.now(UTC),
                "event_id": claimed.run.event_id,
            }
        )

    def _compute(self, claimed: ClaimedRun, job: Job, plan: Plan) -> StageResult:
        started, cpu = time.monotonic(), _cpu_seconds()
        upload, intent, run = job.upload, plan.intent, claimed.run
        lease = self._lease(claimed, job.delivery)
        # A run that cannot be sent on is always admitted.
        video = job.known.video if job.delivery.send_on else None
        with workdir(self._settings.scratch) as scratch, lease:
            if video:
                self._admission.check_room(upload.size, scratch)
                self._admission.check_time(video, intent, lease.remaining())
            source = self._fetch(job, plan.head, scratch, lease.part(0, _FETCHED))
            if video and video.probe is None:
                video = video.model_copy(update={"probe": source.probe})
                self._admission.check_time(video, intent, lease.remaining())
            work = scratch / "out"
            work.mkdir()
            made = self._module.run(source, intent.params, work, lease.part(_FETCHED, _RUN))
            prefix = manifest.prefix(upload, claimed.stage, intent, claimed.folder)
            facts = manifest.facts(upload, run, intent, made)
            published = self._artifacts.publish(
                prefix, work, made.artifacts, facts, lease.part(_RUN, 1)
            )
        seconds = round(time.monotonic() - started, 3)
        cost = Cost(
            seconds=seconds,
            cpu_seconds=round(_cpu_seconds() - cpu, 3),
            gpu_seconds=seconds if device.holds_gpu() else 0,
            media_seconds=source.probe.duration_s,
            bytes_in=upload.size,
            bytes_out=sum(one.bytes for one in published),
            files=len(published),
        )
        return manifest.record(
            upload, run, intent, made, prefix, published, cost, large=job.delivery.large
        )

    def _lease(self, claimed: ClaimedRun, delivery: Delivery) -> Lease:
        limit_s = self._settings.topology.timeout_s(claimed.stage, large=delivery.large)
        return Lease(
            claimed,
            lease_s=self._settings.lease_s,
            extend=delivery.extend,
            limit_s=limit_s - _MARGIN_S,
            seconds_left=delivery.seconds_left - _MARGIN_S,
        )

    def _fetch(self, job: Job, head: Head, scratch: Path, report: Report) -> Source:
        # A fixed name: an uploader's file name never reaches a command line.
        upload, path = job.upload, scratch / "source"
        limits = self._settings.limits
        if upload.size > limits.max_bytes:
            raise LimitExceeded(
                "too_large",
                f"The file has {upload.size:,} bytes; at most {limits.max_bytes:,} are allowed.",
            )
        self._artifacts.fetch(upload, path, report)
        found = probe(path, limits)
        known = job.known.video
        if (known.probe, known.metadata) != (found, head.metadata):
            self._catalog.record_probe(upload, found, head.metadata)
        return Source(path=path, name=upload.name, probe=found)


def _cpu_seconds() -> float:
    """Return the CPU time of this process and of its ended child processes."""
    own, tools = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + tools.ru_utime + tools.ru_stime
