"""The janitor starts a host for a message in a queue, as it is composed for AWS."""

from botocore.stub import Stubber

from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.aws import provision
from pipeline.core.pool import Pool
from pipeline.core.settings import Settings

POOL = Pool(queue="pool", definition="worker", stages=("detect",), max_hosts=1)


def test_a_tick_of_the_janitor_starts_a_host_for_a_waiting_message(config: Settings):
    provision.ensure(config)
    url = aws.client("sqs").get_queue_url(QueueName=config.names.queue("detect", "replay"))
    aws.client("sqs").send_message(QueueUrl=url["QueueUrl"], MessageBody="{}")
    with Stubber(aws.client("batch")) as batch:
        for _ in range(6):  # five states of jobs, and those that have failed
            batch.add_response("list_jobs", {"jobSummaryList": []})
        batch.add_response("submit_job", {"jobName": "worker", "jobId": "1"})
        bootstrap.janitor(config.model_copy(update={"pool": POOL})).tidy()
        batch.assert_no_pending_responses()


def test_without_a_pool_the_janitor_starts_nothing(config: Settings):
    provision.ensure(config)
    bootstrap.janitor(config).tidy()
