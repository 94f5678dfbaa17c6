"""The hosts of a pool as jobs of AWS Batch: those that have not ended, and new ones."""

from typing import Any

from pipeline.core.pool import Pool

_NAME = "worker"
_ALIVE = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")
_MS = 1000


class HostJobs:
    """The jobs of a pool.

    Args:
        batch: a boto3 client.
        pool: names the job queue and the job definition.
    """

    def __init__(self, batch: Any, pool: Pool) -> None:
        self._batch = batch
        self._pool = pool

    def started(self) -> list[float | None]:
        """Return when each job that has not ended began to run; None for one that does not yet."""
        found = [job for status in _ALIVE for job in self._jobs(jobStatus=status)]
        # A job may change its status between two requests.
        starts = {job["jobId"]: job.get("startedAt") for job in found}
        return [at / _MS if at else None for at in starts.values()]

    def failures(self, since: float) -> int:
        """Count the jobs that were created since then and have failed."""
        after = {"name": "AFTER_CREATED_AT", "values": [str(round(since * _MS))]}
        return sum(job["status"] == "FAILED" for job in self._jobs(filters=[after]))

    def submit(self) -> None:
        """Submit a job."""
        self._batch.submit_job(
            jobName=_NAME, jobQueue=self._pool.queue, jobDefinition=self._pool.definition
        )

    def _jobs(self, **which: Any) -> list[dict[str, Any]]:
        pages = self._batch.get_paginator("list_jobs").paginate(jobQueue=self._pool.queue, **which)
        return [job for page in pages for job in page["jobSummaryList"]]
