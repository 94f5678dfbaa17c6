"""The price of a stage run on AWS, by a dated table of list prices (``prices.json``).

Each figure is computed from what was recorded of a run, as if Lambda, or the assumed GPU instance,
took as long as the machine that ran it. Not included: delivery to viewers (requests, transfer),
storage of uploads, Lambda's disk beyond 512 MB, logs, and a GPU instance's disk, start and idle
time.
"""

from pipeline.costs.price_table import PriceTable

_MILLION = 1e6
_GIB = 2**30  # bytes that AWS bills as a GB

# Requests of a run to each service, as coded. Heartbeats are sent every 20 s. Progress is written
# in steps of 5 %, at most every 5 s.
_EVENTS = 1
_SQS_REQUESTS = 3  # send, receive, delete; and one a heartbeat, to extend the visibility timeout
_PUTS = 1  # the manifest; and one a file
_GETS = 3  # head of the source, the source, and the check for an existing result
# A unit writes up to 1 KB. A run's record takes about 3. Each heartbeat also removes its keys from
# the index of leases and adds new ones.
_WRITES = 19  # claim 5, probe 2, result 3 and by content 2, end 4, labels and timings 3
_WRITES_A_BEAT = 5
_WRITES_A_STEP = 3  # of progress
_STEPS = 20
_STEP_S = 5  # between them, at least
_READS = 8  # a unit reads up to 4 KB


class Prices(PriceTable):
    """A price table that computes the price of a run."""

    def run(
        self, *, memory_mb: int, seconds: float, gpu_seconds: float, files: int, bytes_out: int
    ) -> float:
        """Return the USD for one stage run and a month of its artifacts.

        Args:
            memory_mb: of the stage's Lambda function, MiB.
            seconds: wall clock.
            gpu_seconds: part of it during which a GPU was held.
            files: number of artifacts.
            bytes_out: their size.
        """
        return (
            self.compute(memory_mb, seconds, gpu_seconds)
            + self.storage(files, bytes_out)
            + self.messages(seconds)
            + self.records(seconds)
        )

    def compute(self, memory_mb: int, seconds: float, gpu_seconds: float) -> float:
        """Return the USD for computing.

        With a GPU: gpu_seconds / 3600 * the instance's hour. Without: seconds * memory_mb / 1024
        * the GB-second, and one request.
        """
        instances = self.gpu_instances.hour[self.assumed.gpu_instance]
        usd = gpu_seconds / 3600 * instances[self.assumed.market]
        if (rest := seconds - gpu_seconds) > 0:
            gb_second = self.lambda_.gb_second[self.assumed.architecture]
            usd += rest * memory_mb / 1024 * gb_second + self.lambda_.million_requests / _MILLION
        return usd

    def storage(self, files: int, bytes_out: int) -> float:
        """Return the USD for S3: files + 1 PUTs, 3 GETs, and bytes_out / 2**30 GB for a month."""
        puts = (files + _PUTS) * self.s3.thousand_puts / 1000
        gets = _GETS * self.s3.thousand_gets / 1000
        return puts + gets + bytes_out / _GIB * self.s3.gb_month

    def messages(self, seconds: float) -> float:
        """Return the USD for the event of a run, and 3 SQS requests + one a heartbeat."""
        requests = _SQS_REQUESTS + _beats(seconds)
        return (
            _EVENTS * self.eventbridge.million_events + requests * self.sqs.million_requests
        ) / _MILLION

    def records(self, seconds: float) -> float:
        """Return the USD for DynamoDB: 8 reads, and the units of ``writes``."""
        return (
            _READS * self.dynamodb.million_reads + writes(seconds) * self.dynamodb.million_writes
        ) / _MILLION


def writes(seconds: float) -> float:
    """Return the units that DynamoDB writes for a run, at most.

    19, 5 a heartbeat, and 3 each time that progress is written.
    """
    steps = min(seconds / _STEP_S, _STEPS)
    return _WRITES + _WRITES_A_BEAT * _beats(seconds) + _WRITES_A_STEP * steps


def _beats(seconds: float) -> float:
    """Return the heartbeats of a run: one every 20 s."""
    return seconds / 20
