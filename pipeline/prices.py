"""What a stage run costs on AWS, by a dated table of list prices (``prices.json``).

Each figure is computed from what was recorded of a run, as if Lambda, or the GPU instance assumed,
took as long as the machine that ran it. Not included: what viewers cost (requests, transfer), the
uploads' own storage, Lambda's disk beyond 512 MB, logs, and a GPU instance's disk, start and idle
time.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from pipeline.errors import MissingDependency

DEFAULT_PATH = Path(__file__).with_name("prices.json")

_MILLION = 1e6
_GIB = 2**30  # what AWS bills as a GB

# What a run asks of each service, as the code has it. The heartbeat comes every 20 s, and with
# each percent of progress, at most once a second.
_EVENTS = 1
_SQS_REQUESTS = 3  # sent, received, deleted; and one a heartbeat: it stays invisible
_PUTS = 1  # the manifest; and one a file
_GETS = 3  # the source's head, the source, and whether the result stands already
# A unit writes up to 1 KB. A run's record has about 3, and whenever its lease moves it is taken
# out of the index of leases and put there again.
_WRITES = 25  # claim 9, probe 4, result 3, end 6, labels and timings 3
_WRITES_A_BEAT = 9
_READS = 8  # a unit reads up to 4 KB


Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Service(_Frozen):
    """One service's prices.

    Attributes:
        source: the page they were read on.
        note: what else to know.
    """

    source: str
    note: str = ""


class Assumed(_Frozen):
    """Which of the prices apply.

    Attributes:
        architecture: of the Lambda functions.
        gpu_instance: the instance whose hour is paid while a GPU is held, whichever GPU it was.
        market: how it is bought; ``spot`` prices are only roughly known.
    """

    architecture: Literal["x86_64", "arm64"]
    gpu_instance: str
    market: Literal["on_demand", "spot"]


class Lambda(_Service):
    """AWS Lambda, by architecture."""

    gb_second: dict[Literal["x86_64", "arm64"], Price]
    million_requests: Price


class GpuInstances(_Service):
    """EC2 instances with one GPU: an hour's price, by type and market."""

    hour: dict[str, dict[Literal["on_demand", "spot"], Price]]


class S3(_Service):
    """S3 Standard."""

    gb_month: Price
    thousand_puts: Price
    thousand_gets: Price


class DynamoDB(_Service):
    """DynamoDB on demand, in request units."""

    million_writes: Price
    million_reads: Price


class SQS(_Service):
    """SQS standard queues."""

    million_requests: Price


class EventBridge(_Service):
    """EventBridge: events put on a bus of one's own."""

    million_events: Price


class Prices(_Frozen):
    """A price table.

    Attributes:
        note: what to know before believing it.
        region: AWS region.
        as_of: the month in which it was written down.
        currency: of every price.
        assumed: which of the prices apply.
    """

    note: str
    region: str
    as_of: str = Field(pattern=r"^\d{4}-\d{2}$")
    currency: Literal["USD"]
    assumed: Assumed
    lambda_: Lambda = Field(alias="lambda")
    gpu_instances: GpuInstances
    s3: S3
    dynamodb: DynamoDB
    sqs: SQS
    eventbridge: EventBridge

    @classmethod
    def read(cls, path: Path = DEFAULT_PATH) -> Self:
        """Read and check a price table.

        Raises:
            MissingDependency: ``bad_prices``: it cannot be read, or is no price table.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise MissingDependency(
                "bad_prices", f"VIDEODROP_PRICES: {path} is no price table: {error}"
            ) from error

    @model_validator(mode="after")
    def _has_what_is_assumed(self) -> Self:
        wanted = self.assumed
        if wanted.architecture not in self.lambda_.gb_second:
            raise ValueError(f"lambda has no gb_second for {wanted.architecture}")
        if wanted.market not in self.gpu_instances.hour.get(wanted.gpu_instance, {}):
            raise ValueError(f"gpu_instances has no hour of {wanted.gpu_instance}, {wanted.market}")
        return self

    @property
    def title(self) -> str:
        """What these are, with region and date, for a person."""
        return f"AWS list prices, {self.region}, {self.currency}, {self.as_of}"

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
        """USD for DynamoDB: 8 reads, and 25 writes + 9 a heartbeat."""
        writes = _WRITES + _WRITES_A_BEAT * _beats(seconds)
        return (
            _READS * self.dynamodb.million_reads + writes * self.dynamodb.million_writes
        ) / _MILLION


def _beats(seconds: float) -> float:
    """Heartbeats of a run, at most: seconds / 20 + min(seconds, 100)."""
    return seconds / 20 + min(seconds, 100)
