"""The waits until a message is delivered again are those that SQS takes."""

from pipeline.core.errors import Busy
from pipeline.core.settings import Settings
from pipeline.core.topology import Topology
from pipeline.runs import waits
from pipeline.runs.delivery import Delivery

QUEUES = Topology.read().queues
LONGEST_S = 12 * 3600  # that SQS hides a received message


def test_the_looks_at_a_spread_run_cover_hours_and_sqs_takes_each_wait():
    busy = Busy(60, spread=True)
    found = [
        waits.busy_s(busy, Delivery(60, receives=count), Settings())
        for count in range(1, QUEUES.max_receive_count + 1)
    ]
    assert sum(found[:-1]) > 7 * 3600
    assert max(found) <= LONGEST_S / 2
    assert found == sorted(found)
