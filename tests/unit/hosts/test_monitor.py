"""The lock around moto's state, and answers that wait for the disk."""

import threading

import pytest

from pipeline.hosts.local.changes import Change, note, present
from pipeline.hosts.local.monitor import STATE, monitored


def environ(method="POST", target=""):
    return {"REQUEST_METHOD": method, "HTTP_X_AMZ_TARGET": target}


class Log:
    """A store that writes down what is asked of it."""

    def __init__(self):
        self.calls = []

    def change(self):
        return Change(lambda change: self.calls.append(("kept", change.take())))

    def append(self, change):
        assert STATE._is_owned()
        self.calls.append(("appended", change.take()))
        change.number = len(self.calls)

    def commit(self, change):
        assert not STATE._is_owned()
        self.calls.append(("committed", change.number))

    def save(self):
        self.calls.append(("saved",))


@pytest.fixture
def log():
    return Log()


def test_one_request_at_a_time_is_inside(log):
    inside, most, crowd = [], [], threading.Barrier(4)

    def app(_, answer):
        inside.append(1)
        most.append(len(inside))
        for _ in range(1000):
            pass
        inside.pop()
        answer("200 OK", [])
        return []

    enter = monitored(app, log)

    def request():
        crowd.wait()
        for _ in range(50):
            enter(environ(), lambda *_: None)

    threads = [threading.Thread(target=request) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert len(most) == 200


@pytest.mark.parametrize(
    ("method", "target", "changes"),
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
        ("POST", "AmazonSQS.ReceiveMessage", True),
        ("POST", "AmazonSQS.SendMessage", True),
        ("POST", "AWSEvents.PutRule", True),
        ("POST", "AWSEvents.DescribeRule", False),
    ],
)
def test_only_what_may_change_something_is_noted_and_stored(log, method, target, changes):
    seen = []

    def app(_, answer):
        note("queue", "q")
        seen.append(present() is not None)
        answer("200 OK", [])
        return []

    monitored(app, log)(environ(method, target), lambda *_: None)
    assert seen == [changes]
    assert log.calls == ([("appended", [("queue", "q")]), ("committed", 1)] if changes else [])


def test_an_answer_begins_after_its_change_is_stored(log):
    def app(_, answer):
        answer("200 OK", [])
        return [b"body"]

    begun = []
    body = monitored(app, log)(environ(), lambda status, _: begun.append((status, len(log.calls))))
    assert begun == [("200 OK", 2)]
    assert body == [b"body"]


def test_a_change_that_cannot_be_stored_is_not_answered(log):
    class Full(OSError):
        pass

    def commit(*_):
        raise Full

    log.commit, begun = commit, []
    with pytest.raises(Full):
        monitored(lambda _, answer: answer("200 OK", []) or [], log)(environ(), begun.append)
    assert begun == []


def test_what_a_failed_request_changed_is_stored(log):
    def app(*_):
        note("queue", "q")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        monitored(app, log)(environ(), None)
    assert log.calls == [("appended", [("queue", "q")]), ("committed", 1)]


@pytest.mark.parametrize("target", ["DynamoDB_20120810.TagResource", "AWSEvents.UntagResource"])
def test_what_cannot_be_noted_is_in_a_snapshot_before_its_answer(log, target):
    def app(_, answer):
        answer("200 OK", [])
        return []

    monitored(app, log)(environ(target=target), lambda *_: None)
    assert log.calls[-1] == ("saved",)
