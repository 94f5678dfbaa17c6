"""The hosts of a pool as jobs of AWS Batch."""

from typing import Any

import boto3
from botocore.stub import Stubber

from pipeline.aws.host_jobs import HostJobs
from pipeline.core.pool import Pool

POOL = Pool(queue="pool", definition="worker:1", stages=("detect",), max_hosts=2)


def job(number: int, status: str, **more: Any) -> dict[str, Any]:
    return {"jobId": str(number), "jobName": "worker", "status": status, **more}


def test_a_job_that_has_not_ended_is_counted_once_with_the_time_of_its_start():
    batch = boto3.client("batch", region_name="us-east-1")
    with Stubber(batch) as stub:
        for status, jobs in {
            "SUBMITTED": [job(1, "SUBMITTED")],
            "PENDING": [],
            "RUNNABLE": [],
            "STARTING": [job(2, "STARTING")],
            # It has begun to run between the two requests.
            "RUNNING": [job(2, "RUNNING", startedAt=9000), job(3, "RUNNING", startedAt=8000)],
        }.items():
            asked = {"jobQueue": "pool", "jobStatus": status}
            stub.add_response("list_jobs", {"jobSummaryList": jobs}, asked)
        assert HostJobs(batch, POOL).started() == [None, 9, 8]
        stub.assert_no_pending_responses()


def test_failed_jobs_are_counted_from_a_moment_on():
    batch = boto3.client("batch", region_name="us-east-1")
    with Stubber(batch) as stub:
        asked: dict[str, Any] = {
            "jobQueue": "pool",
            "filters": [{"name": "AFTER_CREATED_AT", "values": ["5000"]}],
        }
        first = {"jobSummaryList": [job(1, "FAILED"), job(2, "SUCCEEDED")], "nextToken": "more"}
        stub.add_response("list_jobs", first, asked)
        rest = {"jobSummaryList": [job(3, "FAILED")]}
        stub.add_response("list_jobs", rest, {**asked, "nextToken": "more"})
        assert HostJobs(batch, POOL).failures(since=5) == 2


def test_a_job_is_submitted_to_the_pool():
    batch = boto3.client("batch", region_name="us-east-1")
    with Stubber(batch) as stub:
        asked = {"jobName": "worker", "jobQueue": "pool", "jobDefinition": "worker:1"}
        stub.add_response("submit_job", {"jobName": "worker", "jobId": "1"}, asked)
        HostJobs(batch, POOL).submit()
        stub.assert_no_pending_responses()
