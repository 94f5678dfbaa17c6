"""The attributes of a queue, fair queues, and receivers that wait, over HTTP."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor


def test_message_counts_are_right_when_asked_for(bench):
    for delay in (0, 0, 0, 900):
        bench.sqs.send_message(QueueUrl=bench.queue, MessageBody="{}", DelaySeconds=delay)
    bench.sqs.receive_message(QueueUrl=bench.queue, VisibilityTimeout=600)
    one = bench.sqs.get_queue_attributes(
        QueueUrl=bench.queue, AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert one["Attributes"] == {"ApproximateNumberOfMessages": "2"}
    found = bench.sqs.get_queue_attributes(QueueUrl=bench.queue, AttributeNames=["All"])
    assert found["Attributes"]["ApproximateNumberOfMessages"] == "2"
    assert found["Attributes"]["ApproximateNumberOfMessagesDelayed"] == "1"
    assert found["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "1"
    assert found["Attributes"]["VisibilityTimeout"] == "30"


def test_setting_one_attribute_leaves_the_policy(bench):
    policy = {"Version": "2012-10-17", "Statement": [{"Sid": "s", "Effect": "Allow"}]}
    for attributes in ({"Policy": json.dumps(policy)}, {"VisibilityTimeout": "9"}):
        bench.sqs.set_queue_attributes(QueueUrl=bench.queue, Attributes=attributes)
    found = bench.sqs.get_queue_attributes(QueueUrl=bench.queue, AttributeNames=["All"])
    assert json.loads(found["Attributes"]["Policy"]) == policy


def test_redrive_policies_read_as_they_were_written(bench):
    dead_letters, arn = bench.new_queue()
    redrive = f'{{"deadLetterTargetArn":"{arn}","maxReceiveCount":3}}'
    allow = json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [bench.arn]})
    for queue, name, policy in (
        (bench.queue, "RedrivePolicy", redrive),
        (dead_letters, "RedriveAllowPolicy", allow),
    ):
        bench.sqs.set_queue_attributes(QueueUrl=queue, Attributes={name: policy})
        for asked in ([name], ["All"]):
            found = bench.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=asked)
            assert found["Attributes"][name] == policy
        found = bench.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        assert list(found["Attributes"]) == ["QueueArn"]


def test_a_message_is_given_to_one_receiver(bench):
    sent = 300
    for start in range(0, sent, 10):
        entries = [{"Id": str(i), "MessageBody": str(start + i)} for i in range(10)]
        bench.sqs.send_message_batch(QueueUrl=bench.queue, Entries=entries)
    with ThreadPoolExecutor(8) as pool:
        received = pool.map(lambda _: bench.received(), range(8))
        bodies = [body for bodies in received for body in bodies]
    assert sorted(bodies) == list(range(sent))


def test_a_waiting_receiver_delays_no_request_and_wakes_at_once(bench):
    bench.rule()
    found = {}

    def wait():
        started = time.monotonic()
        found["messages"] = bench.sqs.receive_message(QueueUrl=bench.queue, WaitTimeSeconds=15)
        found["s"] = time.monotonic() - started

    waiter = threading.Thread(target=wait)
    waiter.start()
    bench.put()
    waiter.join()
    assert len(found["messages"]["Messages"]) == 1
    assert found["s"] < 10


def _sent(bench, group, *bodies):
    entries = [
        {"Id": str(number), "MessageBody": body, **({"MessageGroupId": group} if group else {})}
        for number, body in enumerate(bodies)
    ]
    assert not bench.sqs.send_message_batch(QueueUrl=bench.queue, Entries=entries).get("Failed")


def _next(bench, count=1):
    found = bench.sqs.receive_message(
        QueueUrl=bench.queue, MaxNumberOfMessages=count, MessageSystemAttributeNames=["All"]
    )
    return found.get("Messages", [])


def test_a_large_group_of_messages_does_not_delay_a_later_small_one(bench):
    _sent(bench, "film", *"abcdef")
    assert [one["Body"] for one in _next(bench) + _next(bench)] == ["a", "b"]
    _sent(bench, "clip", "clip")
    _sent(bench, None, "alone")
    assert [one["Body"] for one in _next(bench) + _next(bench)] == ["clip", "alone"]
    assert _next(bench)[0]["Body"] == "c"


def test_the_group_with_the_fewest_messages_in_flight_is_next_then_the_oldest(bench):
    _sent(bench, "film", *"abc")
    _sent(bench, "other", *"xyz")
    received = _next(bench, 5)
    assert [one["Body"] for one in received] == ["a", "x", "b", "y", "c"]
    for one in received:
        if one["Body"] in "ab":
            bench.sqs.delete_message(QueueUrl=bench.queue, ReceiptHandle=one["ReceiptHandle"])
    _sent(bench, "film", "d")  # one of its messages is in flight, and two of the other group
    assert [one["Body"] for one in _next(bench, 2)] == ["d", "z"]


def test_a_received_message_names_its_group(bench):
    bench.sqs.send_message(QueueUrl=bench.queue, MessageBody="a", MessageGroupId="film")
    assert _next(bench)[0]["Attributes"]["MessageGroupId"] == "film"


def test_messages_without_groups_come_in_the_order_of_their_arrival(bench):
    _sent(bench, None, *"abcdef")
    assert [one["Body"] for one in _next(bench, 6)] == list("abcdef")
