"""What a stage run costs on AWS, by a dated table of list prices (``prices.json``).

Each figure is computed from what was recorded of a run, as if Lambda, or the GPU instance assumed,
took as long as the machine that ran it. Not included: what viewers cost (requests, transfer), the
uploads' own storage, Lambda's disk beyond 512 MB, logs, and a GPU instance's disk, start and idle
time.
"""

from pipeline.costs.price_table import PriceTable

_MILLION = 1e6
_GIB = 2**30  # what AWS bills as a GB

# What a run asks of each service, as the code has it. The heartbeat comes every 20 s, and with
# each percent of progress, at most once a second.
_EVENTS = 1
_SQS_REQUESTS = 3  # sent, received, deleted; and one a heartbeat: it stays invisible
_PUTS = 1  # the manifest; and one a file
_GETS = 3  # the source's head, the source, and whether the result stands already
# A unit writes up to 1 KB. A run's record has about 3, and whenever its lease moves its keys are
# taken out of the index of leases and put there again.
_WRITES = 17  # claim 5, probe 2, result 3, end 4, labels and timings 3
_WRITES_A_BEAT = 5
_READS = 8  # a unit reads up to 4 KB


class Prices(PriceTable):
    """A price table that knows what a run asks of each service."""

    def run(
        self, *, memory_mb: int, seconds: float, gpu_seconds: float, files: int, bytes_out: int
    ) -> float:
        """USD for one stage run and a month of its artifacts.

        Args:
            memory_mb: of the stage's Lambda function, MiB.
            seconds: wall clock.
            gpu_seconds: how many of those a GPU was held.
            files: how many artifacts.
            bytes_out: their size.
        """
        return (
            self.compute(memory_mb, seconds, gpu_seconds)
            + self.storage(files, bytes_out)
            + self.messages(seconds)
            + self.records(seconds)
        )

    def compute(self, memory_mb: int, seconds: float, gpu_seconds: float) -> float:
        """USD for computing.

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
        """USD for S3: files + 1 PUTs, 3 GETs, and bytes_out / 2**30 GB for a month."""
        puts = (files + _PUTS) * self.s3.thousand_puts / 1000
        gets = _GETS * self.s3.thousand_gets / 1000
        return puts + gets + bytes_out / _GIB * self.s3.gb_month

    def messages(self, seconds: float) -> float:
        """USD for one event that asks for the run, and 3 SQS requests + one a heartbeat."""
        requests = _SQS_REQUESTS + _beats(seconds)
        return (
            _EVENTS * self.eventbridge.million_events + requests * self.sqs.million_requests
        ) / _MILLION

    def records(self, seconds: float) -> float:
        """USD for DynamoDB: 8 reads, and what ``writes`` says."""
        return (
            _READS * self.dynamodb.million_reads + writes(seconds) * self.dynamodb.million_writes
        ) / _MILLION


def writes(seconds: float) -> float:
    """Units that DynamoDB writes for a run: 17, and 5 a heartbeat."""
    return _WRITES + _WRITES_A_BEAT * _beats(seconds)


def _beats(seconds: float) -> float:
    """Heartbeats of a run, at most: seconds / 20 + min(seconds, 100)."""
    return seconds / 20 + min(seconds, 100)
