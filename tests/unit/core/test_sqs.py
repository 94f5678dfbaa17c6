"""What handlers do with the messages that brought their events."""

from pipeline import aws
from pipeline.sqs import extender


def test_an_event_that_was_pushed_has_no_message_to_keep(monkeypatch):
    monkeypatch.setattr(aws, "client", None)
    extender({"messageId": "m", "receiptHandle": "", "eventSourceARN": ""})(60)
