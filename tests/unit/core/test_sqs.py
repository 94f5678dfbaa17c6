"""What handlers do with the messages that brought their events."""

import pytest

from pipeline import aws
from pipeline.sqs import extender, receipt


def test_an_event_that_was_pushed_has_no_message_to_keep(monkeypatch):
    monkeypatch.setattr(aws, "client", None)
    extender({"messageId": "m", "receiptHandle": "", "eventSourceARN": ""})(60)


@pytest.mark.parametrize(
    "other",
    [
        {"receiptHandle": "b"},
        {"messageId": "n"},
        {"attributes": {"SentTimestamp": "2"}},  # it was pushed, and has no receipt
    ],
)
def test_every_delivery_has_a_name_of_its_own(other):
    record = {"messageId": "m", "receiptHandle": "a", "attributes": {"SentTimestamp": "1"}}
    assert receipt(record) == receipt(dict(record))
    assert receipt(record) != receipt(record | other)
