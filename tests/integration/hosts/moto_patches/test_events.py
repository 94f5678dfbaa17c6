"""The delivery of events to the targets of a rule, over HTTP."""

import json

import pytest

MISSING_QUEUE = "arn:aws:sqs:us-east-1:123456789012:there-is-no-such-queue"


@pytest.mark.parametrize(
    "fields", [{"State": "DISABLED"}, {"EventPattern": "", "ScheduleExpression": "rate(1 day)"}]
)
def test_a_rule_that_should_not_fire_does_not(bench, fields):
    bench.rule(**fields)
    bench.put()
    assert bench.received() == []


def test_a_failing_target_stops_neither_other_targets_nor_later_rules(bench):
    bench.rule(MISSING_QUEUE, bench.arn)
    bench.rule()
    bench.put()
    assert len(bench.received()) == 2


def test_each_target_gets_the_whole_event(bench):
    queue, arn = bench.new_queue()
    bench.rule(bench.arn, arn)
    bench.put()
    assert bench.received() == bench.received(queue) != []


def test_an_archive_does_not_stop_delivery(bench):
    bench.events.create_archive(
        ArchiveName=f"a{bench.name}",
        EventSourceArn="arn:aws:events:us-east-1:123456789012:event-bus/default",
        EventPattern=json.dumps(bench.pattern),
    )
    bench.rule()
    bench.put()
    assert len(bench.received()) == 1
    bench.events.delete_archive(ArchiveName=f"a{bench.name}")


def test_input_transformers_work_for_s3_events(bench):
    transformer = {"InputPathsMap": {"k": "$.detail.object.key"}, "InputTemplate": '{"key": "<k>"}'}
    bench.rule({"Arn": bench.arn, "InputTransformer": transformer})
    bench.put("it")
    assert bench.received() == [{"key": "it"}]


def test_our_own_events_carry_no_ingestion_time(bench):
    bench.rule(EventPattern=json.dumps({"source": [bench.name]}))
    entry = {"Source": bench.name, "DetailType": "T", "Detail": "{}"}
    bench.events.put_events(Entries=[entry])
    (event,) = bench.received()
    assert "ingestion-time" not in event
