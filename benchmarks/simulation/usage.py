"""The resources that a simulated installation used, and their price."""

from collections import defaultdict
from dataclasses import dataclass, field

from pipeline.costs.run_price import Prices

_MILLION = 1e6


@dataclass(slots=True)
class Usage:
    """Amounts that are billed.

    Attributes:
        seconds: of calls and starts, by memory in MB.
        calls: of functions.
        writes: DynamoDB units written.
        reads: DynamoDB units read.
        puts: S3 requests that write.
        gets: S3 requests that read.
        read_bytes: read from S3.
        sqs: requests.
        fair: requests for messages with a group.
        events: of EventBridge.
    """

    seconds: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))
    calls: int = 0
    writes: float = 0.0
    reads: float = 0.0
    puts: float = 0.0
    gets: float = 0.0
    read_bytes: float = 0.0
    sqs: float = 0.0
    fair: float = 0.0
    events: int = 0

    def usd(self, prices: Prices) -> dict[str, float]:
        """Return the USD by service."""
        gb_second = prices.lambda_.gb_second[prices.assumed.architecture]
        gigabyte_seconds = sum(mb / 1024 * seconds for mb, seconds in self.seconds.items())
        return {
            "Lambda": gigabyte_seconds * gb_second
            + self.calls * prices.lambda_.million_requests / _MILLION,
            "S3 requests": self.puts * prices.s3.thousand_puts / 1000
            + self.gets * prices.s3.thousand_gets / 1000,
            "DynamoDB": (
                self.writes * prices.dynamodb.million_writes
                + self.reads * prices.dynamodb.million_reads
            )
            / _MILLION,
            "SQS": (
                self.sqs * prices.sqs.million_requests
                + self.fair * prices.sqs.million_fair_requests
            )
            / _MILLION,
            "EventBridge": self.events * prices.eventbridge.million_events / _MILLION,
        }
