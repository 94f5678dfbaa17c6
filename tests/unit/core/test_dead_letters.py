import pytest
from botocore.exceptions import ClientError

from pipeline.dead_letters import DeadLetters
from pipeline.settings import Settings


class Sqs:
    """Queues by URL, some of which are not there."""

    def __init__(self, queues, code="AWS.SimpleQueueService.NonExistentQueue"):
        self.queues = queues
        self.code = code

    def get_queue_url(self, QueueName):  # noqa: N803 - boto3's own name
        if QueueName not in self.queues:
            raise ClientError({"Error": {"Code": self.code}}, "GetQueueUrl")
        return {"QueueUrl": QueueName}

    def receive_message(self, QueueUrl, MaxNumberOfMessages, **_):  # noqa: N803
        found = self.queues[QueueUrl][:MaxNumberOfMessages]
        del self.queues[QueueUrl][:MaxNumberOfMessages]
        return {"Messages": [{"Body": body} for body in found]} if found else {}


def test_a_stage_that_this_installation_does_not_have_yet_is_passed_over():
    sqs = Sqs({"videodrop-toy-dlq": [f"{n}" for n in range(12)]})
    found = DeadLetters(sqs, Settings().names, ["younger", "toy"]).bodies()
    assert list(found) == [("toy", f"{n}") for n in range(12)]


def test_a_refusal_is_not_taken_for_a_queue_that_is_not_there():
    letters = DeadLetters(Sqs({}, "AccessDenied"), Settings().names, ["toy"])
    with pytest.raises(ClientError):
        list(letters.bodies())
