"""The waits until a message is delivered again."""

from pipeline.aws import clients as aws
from pipeline.core.errors import Busy, DependencyFailed, NotAnnounced
from pipeline.core.settings import Settings
from pipeline.runs.delivery import Delivery

FIRST_RETRY_S = 5.0
# Retries outlast an outage of AWS itself: with each delivery the wait is four times as long, up to
# SQS's limit on how often a message is delivered at all (about half an hour in all).
_OUTAGE_FACTOR, _LONGEST_RETRY_S = 4, 900.0
_SPREAD_WAIT_S = 300.0
_LONGEST_SPREAD_WAIT_S = 6 * 3600.0  # SQS hides a message for 12 hours at most


def outage_s(receives: int) -> float:
    """Return the seconds until the next try while AWS does not answer.

    Args:
        receives: how often the message was delivered so far.
    """
    return min(_LONGEST_RETRY_S, FIRST_RETRY_S * float(_OUTAGE_FACTOR**receives))


def unhandled_s(error: Exception, receives: int) -> float:
    """Return the seconds until the next try of a message that could not be handled.

    An outage, a broken connection or a full disk is outwaited. A defect, or an event that is none
    of ours, gets ten seconds, then twice as long each time: after two and a half minutes it is in
    the dead-letter queue.

    Args:
        error: why.
        receives: how often the message was delivered so far.
    """
    if isinstance(error, (DependencyFailed, NotAnnounced, OSError, *aws.ERRORS)):
        return outage_s(receives)
    return FIRST_RETRY_S * float(2**receives)


def busy_s(busy: Busy, delivery: Delivery, settings: Settings) -> float:
    """Return the seconds until the next look at a run that another worker holds.

    A worker that died is replaced as soon as its lease expires. One that still works at the
    second look may need its host's whole time. A queue delivers a message only so often before
    it counts as undeliverable: the looks that are left share that time. A run whose work is
    spread may wait in a long queue: the looks at it cover seven hours.
    """
    if busy.spread:
        wait = _SPREAD_WAIT_S * float(_OUTAGE_FACTOR ** (delivery.receives - 1))
        return min(_LONGEST_SPREAD_WAIT_S, wait)
    wait = busy.seconds + 1
    if delivery.receives == 1:
        return wait
    left = settings.topology.queues.max_receive_count - delivery.receives
    return max(wait, busy.longest_s / max(1, left))
