"""The work of one claimed range: open the source, run the stage, publish the part."""

from pipeline.aws.artifacts import Artifacts
from pipeline.aws.run_files import RunFiles, part_name
from pipeline.core.errors import LeaseLost
from pipeline.core.ranges import Work
from pipeline.core.records import StageRun
from pipeline.core.settings import Settings
from pipeline.core.stage import Source, StageModule, divisible
from pipeline.runs import excerpts, failure, heartbeat, parts, room, sources
from pipeline.runs.claimed_range import ClaimedRange
from pipeline.runs.delivery import Delivery
from pipeline.runs.meter import Meter
from pipeline.runs.plan_file import PartFile, PlanFile
from pipeline.runs.workdir import workdir

# Progress is spent as: opening the source 5 %, the stage itself 90 %, publishing 5 %.
OPENED, RUN = 0.05, 0.95


def do(
    module: StageModule,
    plan: PlanFile,
    claimed: ClaimedRange,
    run: StageRun,
    artifacts: Artifacts,
    files: RunFiles,
    delivery: Delivery,
    settings: Settings,
) -> None:
    """Do a range, and publish its part.

    Args:
        module: the stage's code.
        plan: of the run.
        claimed: the range.
        run: the run, as it was read.
        artifacts: the buckets.
        files: the files of the run.
        delivery: of the range's message.
        settings: limits and leases.

    Raises:
        LeaseLost: another worker took over, or the run is over; no files of this attempt are left.
        Exception: anything that can go wrong with a stage.
    """
    failure.check_tries(claimed, settings)
    stage = divisible(module)
    if stage is None:
        raise AssertionError("only a divisible stage has ranges")
    meter, tag = Meter(), claimed.range.tag
    params = plan.intent(module.Params).params
    names: list[str] = []
    try:
        lease = heartbeat.lease(claimed, delivery, settings)
        with workdir(settings.scratch) as scratch, lease:
            ranges = len(plan.plan.ranges)
            room.check_files(
                claimed.stage, settings, plan.upload, plan.probe, scratch, ranges=ranges
            )
            tags = plan.before(claimed.span, run.ended)
            earlier = parts.read(files, plan, tags, scratch / "parts")
            opening = lease.part(0, OPENED)
            # Another try reads the whole index, in case the excerpt has too little of it.
            known = plan.excerpts if claimed.range.attempt == 1 else {}
            packed = excerpts.read(files, known, claimed.span.name)
            with sources.opened(
                *(artifacts, plan.upload, scratch, opening),
                whole=False,
                in_parts=plan.in_parts,
                excerpt=packed,
            ) as opened:
                source = Source(path=opened.location, name=plan.upload.name, probe=plan.probe)
                work = Work(scratch / "out", tag)
                work.folder.mkdir()
                part = stage.run_range(
                    source, params, plan.plan, claimed.span, earlier, work, lease.part(OPENED, RUN)
                )
                opened.check()
            made = [*part.artifacts, *map(parts.interim, part.interim)]
            names = [part_name(tag), *(one.name for one in made)]
            published = parts.publish(artifacts, files, work.folder, made, lease.part(RUN, 1))
            kept = parts.kept(published)
            cost = meter.cost(
                media_seconds=plan.probe.duration_s, bytes_in=opened.bytes_read(), published=kept
            )
            described = PartFile(range=claimed.span.name, part=part, files=kept, cost=cost)
            files.write(part_name(tag), described.model_dump_json())
        claimed.done()
    except LeaseLost:
        files.delete(names)  # the run may be over, and what it left deleted
        raise
