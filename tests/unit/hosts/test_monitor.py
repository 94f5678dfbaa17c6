"""The lock around moto's state."""

import threading

import pytest

from pipeline.hosts.local.monitor import WRITTEN, monitored


def environ(method="POST", target=""):
    return {"REQUEST_METHOD": method, "HTTP_X_AMZ_TARGET": target}


@pytest.fixture(autouse=True)
def unwritten():
    WRITTEN.clear()
    yield
    WRITTEN.clear()


def test_one_request_at_a_time_is_inside():
    inside, most, crowd = [], [], threading.Barrier(4)

    def app(*_):
        inside.append(1)
        most.append(len(inside))
        for _ in range(1000):
            pass
        inside.pop()
        return []

    enter = monitored(app)

    def request():
        crowd.wait()
        for _ in range(50):
            enter(environ(), None)

    threads = [threading.Thread(target=request) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert len(most) == 200


@pytest.mark.parametrize(
    ("method", "target", "written"),
    [
        ("GET", "", False),
        ("HEAD", "", False),
        ("PUT", "", True),
        ("DELETE", "", True),
        ("POST", "", True),
        ("POST", "DynamoDB_20120810.GetItem", False),
        ("POST", "DynamoDB_20120810.TransactGetItems", False),
        ("POST", "DynamoDB_20120810.Query", False),
        ("POST", "DynamoDB_20120810.UpdateItem", True),
        ("POST", "DynamoDB_20120810.TransactWriteItems", True),
        ("POST", "DynamoDB_20120810.BatchWriteItem", True),
        ("POST", "AmazonSQS.ReceiveMessage", False),
        ("POST", "AmazonSQS.SendMessage", True),
        ("POST", "AWSEvents.PutRule", True),
        ("POST", "AWSEvents.DescribeRule", False),
    ],
)
def test_only_what_may_write_is_noted(method, target, written):
    monitored(lambda *_: [])(environ(method, target), None)
    assert WRITTEN.is_set() is written
