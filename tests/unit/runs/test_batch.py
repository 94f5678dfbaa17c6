"""A message that cannot be handled comes again after seconds, whatever its queue's settings are."""

from errno import ENOSPC
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from pipeline.core.errors import BadInput, DependencyFailed, NotAnnounced
from pipeline.core.topology import Topology
from pipeline.runs import batch
from pipeline.runs.delivery import Retry
from tests.fakes import lambda_events

TRIES = Topology.read().queues.max_receive_count


@pytest.fixture
def hidden(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Messages, and the seconds for which they are hidden."""
    found: list[tuple[str, int]] = []

    def extender(record: dict[str, Any]) -> Any:
        return lambda seconds: found.append((record["body"], seconds))

    monkeypatch.setattr(batch, "extender", extender)
    return found


def failing(error: Exception) -> Any:
    def handle(_: Any) -> None:
        raise error

    return handle


def delivered(error: Exception) -> None:
    """Deliver a message as often as SQS does."""
    for receives in range(1, TRIES):
        event = lambda_events.sqs("a", ApproximateReceiveCount=str(receives))
        answer = batch.handled(event, failing(error))
        assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}


@pytest.mark.parametrize("error", [ValueError("a defect"), BadInput("bad_event", "not ours")])
def test_a_poison_message_is_dead_lettered_after_minutes(hidden, error: Exception):
    delivered(error)
    assert [seconds for _, seconds in hidden] == [10, 20, 40, 80]


@pytest.mark.parametrize(
    "error",
    [
        DependencyFailed("not_sent", "SQS took none."),
        NotAnnounced("not_announced", "The bus did not take it."),
        ConnectionClosedError(endpoint_url="http://dynamodb"),
        ConnectionResetError("the other side closed it"),
        OSError(ENOSPC, "no space left on the device"),
    ],
)
def test_an_outage_is_outwaited(hidden, error: Exception):
    delivered(error)
    assert [seconds for _, seconds in hidden] == [20, 80, 320, 900]


def test_a_retry_waits_as_long_as_it_says(hidden):
    batch.handled(lambda_events.sqs("a"), failing(Retry(7.9, "busy")))
    assert hidden == [("a", 7)]


def test_a_message_that_fails_does_not_delay_the_others(hidden):
    def handle(record: dict[str, Any]) -> None:
        if record["body"] == "b":
            raise ValueError

    answer = batch.handled(lambda_events.sqs("a", "b", "c"), handle)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert hidden == [("b", 10)]
