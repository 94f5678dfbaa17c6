"""The reuse of a stored result: that of the same upload, or a copy of another's of the same bytes.

A copy belongs to its upload as a computed result does. So the deletion of one video, or of an
earlier upload to the same key, takes nothing from another, and no references are counted.
"""

from datetime import UTC, datetime

from pipeline.aws.artifacts import Artifacts
from pipeline.aws.catalog import Catalog
from pipeline.core.planner import Intent
from pipeline.core.records import StageResult
from pipeline.core.stage import Report
from pipeline.runs import manifest
from pipeline.runs.claimed import ClaimedRun
from pipeline.runs.job import Job


class Reuse:
    """The stored results of one stage, as claimed runs look for them.

    Args:
        catalog: the catalog.
        artifacts: the files.
        shared: whether other videos' results may be used.
    """

    def __init__(self, catalog: Catalog, artifacts: Artifacts, *, shared: bool) -> None:
        self._catalog = catalog
        self._artifacts = artifacts
        self._shared = shared

    def own(self, claimed: ClaimedRun, job: Job, intent: Intent) -> StageResult | None:
        """Return a stored result of this video, perhaps of an earlier upload of the same bytes."""
        if job.known.untried:
            return None
        stored = self._catalog.results.get(claimed.video_id, claimed.stage, intent.fingerprint)
        return stored if stored and self._artifacts.has(stored.prefix) else None

    def other(self, claimed: ClaimedRun, job: Job, intent: Intent) -> StageResult | None:
        """Return a stored result of another video with the same bytes.

        Nothing is looked up if the read that began this delivery found no mark of such a result.
        """
        if not self._shared or job.known.marked is False:
            return None
        content = job.upload.content_id, claimed.stage, intent.fingerprint
        owner = self._catalog.results.contents.owner(content)
        if owner is None or owner == claimed.video_id:
            return None
        return self._catalog.results.get(owner, claimed.stage, intent.fingerprint)

    def copied(
        self, found: StageResult, claimed: ClaimedRun, job: Job, intent: Intent, report: Report
    ) -> StageResult | None:
        """Copy the files of another upload's result, and return the record of the copy.

        Args:
            found: that result.
            claimed: the run.
            job: its job.
            intent: of the job.
            report: called with the fraction of bytes copied.

        Returns:
            None if the files were removed in the meantime.
        """
        prefix = manifest.prefix(
            claimed.video_id,
            job.upload.revision,
            claimed.stage,
            intent.fingerprint,
            claimed.folder,
        )
        facts = manifest.facts_of_copy(job.upload, claimed.run, found.prefix)
        if not self._artifacts.copy(found.prefix, prefix, facts, report):
            return None
        copy = {
            "prefix": prefix,
            "attempt": claimed.run.attempt,
            "copied_from": found.prefix,
            "taken_by": "",
        }
        return _of_run(found.model_copy(update=copy), claimed, job)


def _of_run(stored: StageResult, claimed: ClaimedRun, job: Job) -> StageResult:
    """Return the record of a stored result with the revision, event and times of this run."""
    return stored.model_copy(
        update={
            "revision": job.upload.revision,
            "queued_at": claimed.run.queued_at,
            "started_at": claimed.run.started_at,
            "finished_at": datetime.now(UTC),
            "event_id": claimed.run.event_id,
        }
    )
