from itertools import count

import pytest
from botocore.exceptions import ClientError

from pipeline.aws.dead_letters import DeadLetterQueues, DeadMessage
from pipeline.core.settings import Settings


class Sqs:
    """Queues by URL, some of which are not there; a message that was received is hidden."""

    def __init__(self, queues, code="AWS.SimpleQueueService.NonExistentQueue"):
        self.queues = {url: dict(enumerate(bodies)) for url, bodies in queues.items()}
        self.code = code
        self.hidden = set()
        self.waits = []
        self.hides = set()
        self.latest = {}
        self.forgets = False

    def get_queue_url(self, QueueName):  # noqa: N803 - boto3's own name
        if QueueName not in self.queues:
            raise ClientError({"Error": {"Code": self.code}}, "GetQueueUrl")
        return {"QueueUrl": QueueName}

    def receive_message(self, QueueUrl, MaxNumberOfMessages, WaitTimeSeconds, **more):  # noqa: N803
        self.waits.append(WaitTimeSeconds)
        assert more["MessageAttributeNames"] == more["MessageSystemAttributeNames"] == ["All"]
        self.hides.add(more["VisibilityTimeout"])
        assert len(self.waits) < 20
        if self.forgets and len(self.waits) % 3 == 1:
            self.hidden.clear()
        found = [n for n in self.queues[QueueUrl] if f"{QueueUrl} {n}" not in self.hidden]
        found = found[:MaxNumberOfMessages]
        self.hidden |= {f"{QueueUrl} {n}" for n in found}
        self.latest |= {f"{QueueUrl} {n}": f"{QueueUrl} {n}#{len(self.waits)}" for n in found}
        return {
            "Messages": [
                {
                    "Body": self.queues[QueueUrl][n],
                    "MessageId": f"{n}",
                    "ReceiptHandle": self.latest[f"{QueueUrl} {n}"],
                }
                for n in found
            ]
        }

    def change_message_visibility_batch(self, QueueUrl, Entries):  # noqa: N803
        assert QueueUrl in self.queues
        assert 1 <= len(Entries) <= 10
        assert len({entry["Id"] for entry in Entries}) == len(Entries)
        assert {entry["VisibilityTimeout"] for entry in Entries} == {0}
        given = {entry["ReceiptHandle"] for entry in Entries}
        self.hidden -= {name for name, receipt in self.latest.items() if receipt in given}


def queues(sqs, *stages):
    return DeadLetterQueues(sqs, Settings().names, stages)


def test_a_stage_that_this_installation_does_not_have_yet_is_passed_over():
    sqs = Sqs({"videodrop-toy-dlq": [f"{n}" for n in range(12)]})
    found = queues(sqs, "younger", "toy").bodies()
    assert list(found) == [("toy", f"{n}") for n in range(12)]
    assert sqs.hides == {60}, "a janitor that is killed hides them for a minute only"
    assert queues(sqs, "younger").count("younger") == 0


def test_a_rejection_is_not_taken_for_a_queue_that_is_not_there():
    with pytest.raises(ClientError):
        list(queues(Sqs({}, "AccessDenied"), "toy").bodies())


def test_what_was_looked_at_is_in_sight_again_at_once():
    sqs = Sqs({"videodrop-toy-dlq": [f"{n}" for n in range(25)]})
    for _ in range(2):
        assert len(list(queues(sqs, "toy").bodies())) == 25
    assert not sqs.hidden


def test_a_look_that_is_broken_off_puts_back_what_it_had_not_come_to():
    sqs = Sqs({"videodrop-toy-dlq": ["a", "b", "c"]})
    walk = queues(sqs, "toy").walk("toy")
    next(walk)
    assert len(sqs.hidden) == 3
    walk.close()
    assert not sqs.hidden


def test_a_look_ends_well_although_its_messages_stay_hidden(monkeypatch, caplog):
    def down(**_):
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "ChangeMessageVisibility")

    sqs = Sqs({"videodrop-toy-dlq": ["a", "b"]})
    monkeypatch.setattr(sqs, "change_message_visibility_batch", down)
    assert [body for _, body in queues(sqs, "toy").bodies()] == ["a", "b"]
    assert "videodrop-toy-dlq stay hidden" in caplog.text


def test_what_was_sent_back_is_not_put_back_too():
    sqs = Sqs({"videodrop-toy-dlq": ["a", "b", "c"]})
    for message in queues(sqs, "toy").walk("toy"):
        message.gone = message.body == "b"
    assert sqs.hides == {900}
    assert sqs.hidden == {"videodrop-toy-dlq 1"}


def test_the_janitor_looks_for_a_while_only(monkeypatch):
    seconds = count()
    monkeypatch.setattr("time.monotonic", lambda: next(seconds))
    sqs = Sqs({"videodrop-toy-dlq": ["x"] * 100, "videodrop-twin-dlq": ["x"]})
    assert len(list(queues(sqs, "toy", "twin").bodies())) == 21
    assert not sqs.hidden


@pytest.mark.parametrize(
    ("source", "lane"),
    [
        ("videodrop-toy", "videodrop-toy"),
        ("videodrop-toy-replay", "videodrop-toy-replay"),
        # A lane of an earlier version, from which nobody receives.
        ("videodrop-toy-large", "videodrop-toy"),
        (None, "videodrop-toy"),
    ],
)
def test_a_dead_message_goes_back_to_the_lane_it_came_from(source, lane):
    sqs = Sqs({})
    sqs.sent = []
    sqs.get_queue_url = lambda QueueName: {"QueueUrl": QueueName}  # noqa: N803 - boto3's own name
    sqs.send_message = lambda **request: sqs.sent.append(request)
    sqs.delete_message = lambda **_: sqs.sent.append("delete")
    attributes = {"who": {"DataType": "String", "StringValue": "a"}}
    message = DeadMessage("toy", "body", "id", "receipt", source, attributes)
    queues(sqs, "toy").send_back(message, "live")
    sent = {"QueueUrl": lane, "MessageBody": "body", "MessageAttributes": attributes}
    assert sqs.sent == [sent, "delete"], "it is in one of them at least"
    assert message.gone


def test_messages_that_others_look_at_are_waited_for_until_all_expected_were_seen():
    sqs = Sqs({"videodrop-toy-dlq": ["x"] * 12})
    list(queues(sqs, "toy").walk("toy"))
    assert sqs.waits == [0, 0, 0]
    sqs.waits.clear()
    list(queues(sqs, "toy").walk("toy", expected=12))
    assert sqs.waits == [20, 20, 0]


def test_a_message_that_comes_into_sight_again_during_a_long_walk_is_not_met_twice():
    sqs = Sqs({"videodrop-toy-dlq": ["x"] * 30})
    seen = []
    for message in queues(sqs, "toy").walk("toy", expected=30):
        seen.append(message.message_id)
        if len(seen) == 20:
            sqs.hidden.clear()
    assert sorted(map(int, seen)) == list(range(30))
    assert not sqs.hidden


def test_a_walk_that_takes_longer_than_messages_stay_hidden_ends():
    sqs = Sqs({"videodrop-toy-dlq": ["x"] * 30})
    sqs.forgets = True
    assert len(list(queues(sqs, "toy").walk("toy", expected=30))) == 30


def test_messages_that_others_look_at_are_counted():
    sqs = Sqs({"videodrop-toy-dlq": []})
    sqs.get_queue_attributes = lambda QueueUrl, AttributeNames: {  # noqa: ARG005, N803
        "Attributes": dict.fromkeys(AttributeNames, "2")
    }
    assert queues(sqs, "toy").count("toy") == 4
