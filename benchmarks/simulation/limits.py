"""The limits of AWS that the simulation keeps, and where each is documented."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, Self

from pipeline.costs.installation import LIVE_CONCURRENCY

_NONE: Final = math.inf


class Fact(NamedTuple):
    """A documented limit.

    Attributes:
        text: what is documented.
        source: the page.
    """

    text: str
    source: str


FACTS: Final = (
    Fact(
        "An event source mapping of a standard queue starts with 5 concurrent calls and adds up to "
        "300 a minute; maximum concurrency ends at 1,000.",
        "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html",
    ),
    Fact(
        "An account has 1,000 concurrent executions, more on request; a call lasts 15 minutes at "
        "most; memory is 10,240 MB at most.",
        "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
    ),
    Fact(
        "A function gets 1,000 more execution environments every 10 s, refilled continuously.",
        "https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html",
    ),
    Fact(
        "1,769 MB of memory have the equivalent of one vCPU.",
        "https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html",
    ),
    Fact(
        "The initialisation of an environment is billed like its calls, and lasts 10 s at most.",
        "https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase",
    ),
    Fact(
        "A partition of a table serves 1,000 write units and 3,000 read units a second.",
        "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html",
    ),
    Fact(
        "S3 serves 3,500 PUT and 5,500 GET requests a second for each partitioned prefix; small "
        "requests take 100 to 200 ms.",
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html",
    ),
    Fact(
        "A group of a fair queue is noisy with more than 10 % of the messages in flight and at "
        "least 30 of its own, or with more than 10 % of the recent processing time, until its "
        "backlog is gone. Messages of quiet groups then come first. A message without a group is a "
        "group of its own.",
        "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html",
    ),
)

_ASSUMED: Final = """
A vCPU of Lambda is as fast as a core of the machine that measured.

Reading, computing and writing of a range follow each other.

The number of concurrent calls of a mapping grows by 5 each second while messages wait for it, and
falls by as much while none waits.

Calls that the account's concurrency stops wait in order, without the pauses of retries.

An idle environment stays for 10 minutes; models stay loaded as long.

All items of a video lie in one partition, and each of the 16 keys of the index of leases in one.
There is no burst or adaptive capacity.

All objects share one S3 partition: S3 does not split it.

The bandwidth of a function is 75 MB/s. AWS documents none; others measured 400 to 700 Mbit/s.

A failed attempt takes as long as a complete one; attempts fail independently.

A failed range returns after 10 s, that of a killed process after the lease of 60 s.

Recent processing time, by which a group of a fair queue becomes noisy, decays over 300 s.

The serial worker is one warm process without a time limit, with the memory of each stage in turn.

Prices do not include storage, delivery to viewers, logs and alarms.
"""

ASSUMPTIONS: Final = tuple(text.replace("\n", " ") for text in _ASSUMED.strip().split("\n\n"))


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of an installation, and rates of failures.

    Attributes:
        account: concurrent executions of all functions.
        mapping: maximum concurrency of a stage's queue.
        pollers_first: concurrent calls with which a mapping starts.
        pollers_a_second: concurrent calls that it adds.
        starts: new environments of a function at once, and in 10 s.
        cold: whether new environments take time to start.
        partition_writes: units a second of a DynamoDB partition.
        partition_reads: units a second of a DynamoDB partition.
        puts: requests a second of an S3 prefix.
        gets: requests a second of an S3 prefix.
        bandwidth: bytes a second of a function.
        timeouts: whether a call ends after its stage's timeout.
        fails: probability that an attempt at a range fails.
        killed: probability that its process is killed.
        attempts: claims before a run fails.
        fair: whether queues are fair.
    """

    account: float = 1000
    mapping: float = LIVE_CONCURRENCY
    pollers_first: float = 5
    pollers_a_second: float = 5
    starts: float = 1000
    cold: bool = True
    partition_writes: float = 1000
    partition_reads: float = 3000
    puts: float = 3500
    gets: float = 5500
    bandwidth: float = 75e6
    timeouts: bool = True
    fails: float = 0.002
    killed: float = 0.0005
    attempts: int = 3
    fair: bool = True

    @classmethod
    def of_workers(cls, workers: int) -> Self:
        """Return the limits of an account with so many executions for all stages together."""
        return cls(account=workers, mapping=workers)

    def ready(self) -> Self:
        """Return these limits with workers that are there and warm, as on hosts of one's own."""
        return replace(self, pollers_first=_NONE, starts=_NONE, cold=False)


RELAXED: Final[Mapping[str, Mapping[str, Any]]] = {
    "maximum concurrency of a queue": {"mapping": _NONE},
    "concurrency of the account": {"account": _NONE},
    "growth of the mappings": {"pollers_first": _NONE},
    "new environments in 10 s": {"starts": _NONE},
    "cold starts": {"cold": False},
    "DynamoDB partition": {"partition_writes": _NONE, "partition_reads": _NONE},
    "S3": {"puts": _NONE, "gets": _NONE},
    "bandwidth": {"bandwidth": _NONE},
    "failures": {"fails": 0.0, "killed": 0.0},
}
"""Limits that are lifted, to see which of them counts; names of resources begin with these."""
