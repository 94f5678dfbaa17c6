"""The merge of a spread run: its parts become a result, which becomes current."""

from pipeline.aws.artifacts import Artifacts
from pipeline.aws.catalog import Catalog
from pipeline.aws.run_files import RunFiles
from pipeline.core.records import StageResult, StageRun
from pipeline.core.settings import Settings
from pipeline.core.stage import Source, StageModule, divisible
from pipeline.runs import heartbeat, manifest, meter, parts, sources
from pipeline.runs.claimed import ClaimedRun
from pipeline.runs.claimed_range import ClaimedRange
from pipeline.runs.delivery import Delivery
from pipeline.runs.failure import check_tries
from pipeline.runs.meter import Meter
from pipeline.runs.plan_file import PlanFile
from pipeline.runs.range_work import OPENED, RUN
from pipeline.runs.workdir import workdir
from pipeline.telemetry import metrics, names


class Merger:
    """Merges the parts of spread runs of one stage.

    Args:
        module: the stage's code.
        catalog: the catalog.
        artifacts: the buckets.
        settings: limits and leases.
    """

    def __init__(
        self, module: StageModule, catalog: Catalog, artifacts: Artifacts, settings: Settings
    ) -> None:
        self._module = module
        self._catalog = catalog
        self._artifacts = artifacts
        self._settings = settings

    def merge(
        self,
        plan: PlanFile,
        claimed: ClaimedRange,
        run: StageRun,
        files: RunFiles,
        delivery: Delivery,
        *,
        shadow: bool,
    ) -> None:
        """Merge the parts, and end the run with the result.

        Args:
            plan: of the run.
            claimed: the merge, as it was claimed.
            run: the run, all of whose ranges have ended.
            files: the files of the run.
            delivery: of the merge's message.
            shadow: True if the result is only compared.

        Raises:
            LeaseLost: another worker took over, or the run is over.
            Exception: anything that can go wrong with a stage.
        """
        check_tries(claimed, self._settings)
        result = self._make(plan, claimed, run, files, delivery)
        ending = ClaimedRun(
            self._catalog,
            claimed.video_id,
            run,
            shadow=shadow,
            settings=self._settings,
            upload=plan.upload,
        )
        ending.succeed(result, computed=True)
        metrics.record(names.SOURCE_MEDIA, result.cost.media_seconds)

    def _make(
        self,
        plan: PlanFile,
        claimed: ClaimedRange,
        run: StageRun,
        files: RunFiles,
        delivery: Delivery,
    ) -> StageResult:
        stage = divisible(self._module)
        if stage is None:
            raise AssertionError("only a divisible stage has parts")
        own, intent = Meter(), plan.intent(self._module.Params)
        lease = heartbeat.lease(claimed, delivery, self._settings)
        with workdir(self._settings.scratch) as scratch, lease:
            made = parts.read(files, plan, plan.before(claimed.span, run.ended), scratch / "parts")
            opening = lease.part(0, OPENED)
            with sources.opened(
                *(self._artifacts, plan.upload, scratch, opening),
                whole=False,
                in_parts=plan.in_parts,
            ) as opened:
                source = Source(path=opened.location, name=plan.upload.name, probe=plan.probe)
                work = scratch / "out"
                work.mkdir()
                result = stage.merge(
                    source, intent.params, plan.plan, made, work, lease.part(OPENED, RUN)
                )
                opened.check()
            written = [*result.artifacts, *map(parts.interim, result.interim)]
            published = parts.publish(self._artifacts, files, work, written, lease.part(RUN, 1))
        published = [file for one in made for file in one.stored.files] + parts.kept(published)
        claimed.heartbeat()  # a worker that was taken over must not complete the result
        facts = manifest.facts(plan.upload, run, intent, result)
        self._artifacts.write_manifest(files.prefix, facts, published)
        whole = own.cost(
            media_seconds=plan.probe.duration_s, bytes_in=opened.bytes_read(), published=published
        )
        return manifest.record(
            plan.upload,
            run,
            intent,
            result,
            files.prefix,
            published,
            meter.total(whole, [plan.cost, *(one.stored.cost for one in made)]),
            probe=plan.probe,
        )
