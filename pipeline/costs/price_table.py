"""A dated table of list prices, read from ``prices.json`` and checked."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    ValidationError,
    model_validator,
)

from pipeline.core.errors import InvalidSettings
from pipeline.core.settings import PRICES as DEFAULT_PATH

Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Architecture = Literal["x86_64", "arm64"]
Market = Literal["on_demand", "spot"]
MARKETS: dict[Market, str] = {"on_demand": "On-Demand", "spot": "Spot"}


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Checked(_Frozen):
    """Another page that has the same price.

    Attributes:
        as_of: the month, or the year, in which it had it.
        source: the page.
    """

    as_of: str = Field(pattern=r"^\d{4}(-\d{2})?$")
    source: str


class _Service(_Frozen):
    """The prices of one service.

    Attributes:
        source: the page that has them.
        note: remarks.
        checked: pages that confirm a price, by its name: ``hour.g5.xlarge.on_demand``.
    """

    source: str
    note: str = ""
    checked: dict[str, Checked] = {}

    @model_validator(mode="after")
    def _has_what_is_checked(self) -> Self:
        if unknown := self.checked.keys() - self.amounts().keys():
            raise ValueError(f"checked has no price for {', '.join(sorted(unknown))}")
        return self

    def amounts(self) -> dict[str, float]:
        """Return the prices by their names."""
        return dict(_amounts(self.model_dump(exclude={"checked"})))


def _amounts(tree: object, name: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(tree, dict):
        for key, below in tree.items():
            yield from _amounts(below, f"{name}.{key}" if name else key)
    elif isinstance(tree, float):
        yield name, tree


class PriceLine(_Frozen):
    """A price, and what it rests on.

    Attributes:
        what: service and price.
        usd: the price.
        as_of: month or year.
        source: the page that confirms it; None if nobody has checked it.
    """

    what: str
    usd: float
    as_of: str
    source: str | None


class Assumed(_Frozen):
    """The choice of prices that apply.

    Attributes:
        architecture: of the stages' Lambda functions.
        gpu_instance: the instance type billed while a GPU is held, whatever the actual GPU.
        market: purchase option; ``spot`` prices are only roughly known.
    """

    architecture: Architecture
    gpu_instance: str
    market: Market


class Lambda(_Service):
    """AWS Lambda, by architecture.

    Attributes:
        gb_second: while it runs.
        provisioned_gb_second: while an execution is kept initialised.
        snapstart_gb_second: while a version's snapshot is stored.
        million_requests: a million executions.
    """

    gb_second: dict[Architecture, Price]
    provisioned_gb_second: dict[Architecture, Price]
    snapstart_gb_second: Price
    million_requests: Price


class GpuInstances(_Service):
    """EC2 instances with one GPU, by type: an hour's price by market, and vCPUs."""

    hour: dict[str, dict[Market, Price]]
    vcpus: dict[str, PositiveInt]


class Ebs(_Service):
    """EBS gp3 volumes."""

    gb_month: Price


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
    """SQS standard queues.

    Attributes:
        million_requests: a million requests.
        million_fair_requests: surcharge for a million requests of messages with a group, which make
            a queue fair.
    """

    million_requests: Price
    million_fair_requests: Price = 0


class EventBridge(_Service):
    """EventBridge: events put on a custom bus, and scheduled invocations."""

    million_events: Price
    million_scheduled: Price


class ApiGateway(_Service):
    """API Gateway's HTTP APIs."""

    million_requests: Price


class CloudFront(_Service):
    """CloudFront, to viewers in its cheapest regions."""

    gb_out: Price
    million_requests: Price


class CloudWatch(_Service):
    """CloudWatch: alarms by metric watched, dashboards, custom metrics, logs ingested."""

    alarm_month: Price
    dashboard_month: Price
    metric_month: Price
    log_gb: Price


class XRay(_Service):
    """X-Ray: sampled traces."""

    million_traces: Price


class Ecr(_Service):
    """Container images in ECR."""

    gb_month: Price


class Managed(_Service):
    """A managed service that replaces some of our stages.

    Attributes:
        name: of the service.
        stages: the stages that it replaces.
        minute: for a minute of video processed, with all the renditions of our ladder.
        minute_stored_month: for a minute stored a month, if the service stores it.
        minute_watched: for a minute sent to a viewer, if the service sends it.
    """

    name: str
    stages: list[str]
    minute: Price
    minute_stored_month: Price | None = None
    minute_watched: Price | None = None


class PriceTable(_Frozen):
    """The price table.

    Attributes:
        note: caveats.
        region: AWS region.
        as_of: the month of the prices.
        currency: of every price.
        assumed: the choice of prices that apply.
        managed: managed services that replace some of our stages.
    """

    note: str
    region: str
    as_of: str = Field(pattern=r"^\d{4}-\d{2}$")
    currency: Literal["USD"]
    assumed: Assumed
    lambda_: Lambda = Field(alias="lambda")
    gpu_instances: GpuInstances
    ebs: Ebs
    s3: S3
    dynamodb: DynamoDB
    sqs: SQS
    eventbridge: EventBridge
    api_gateway: ApiGateway
    cloudfront: CloudFront
    cloudwatch: CloudWatch
    xray: XRay
    ecr: Ecr
    managed: list[Managed]

    @classmethod
    def read(cls, path: Path = DEFAULT_PATH) -> Self:
        """Read and check a price table.

        Raises:
            InvalidSettings: ``bad_prices``: it cannot be read, or is not a price table.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise InvalidSettings(
                "bad_prices",
                f"VIDEODROP_PRICES or --prices: {path} is not a price table: {error}",
            ) from error

    @model_validator(mode="after")
    def _has_what_is_assumed(self) -> Self:
        wanted, instances = self.assumed, self.gpu_instances
        for name in ("gb_second", "provisioned_gb_second"):
            # query, janitor and replays run on arm64.
            for architecture in {wanted.architecture, "arm64"} - getattr(self.lambda_, name).keys():
                raise ValueError(f"lambda has no {name} for {architecture}")
        if wanted.market not in instances.hour.get(wanted.gpu_instance, {}):
            raise ValueError(f"gpu_instances has no hour of {wanted.gpu_instance}, {wanted.market}")
        if wanted.gpu_instance not in instances.vcpus:
            raise ValueError(f"gpu_instances has no vcpus of {wanted.gpu_instance}")
        return self

    def lines(self) -> list[PriceLine]:
        """Return every price with what it rests on."""
        services = {name.strip("_"): one for name, one in self if isinstance(one, _Service)}
        services |= {one.name: one for one in self.managed}
        return [
            PriceLine(
                what=f"{name}: {price}",
                usd=usd,
                as_of=found.as_of if (found := one.checked.get(price)) else self.as_of,
                source=found.source if found else None,
            )
            for name, one in services.items()
            for price, usd in one.amounts().items()
        ]

    @property
    def title(self) -> str:
        """Return region, currency and date of the prices, and how many are checked."""
        lines = self.lines()
        checked = sum(line.source is not None for line in lines)
        where = f"AWS list prices, {self.region}, {self.currency}, {self.as_of}"
        return f"{where}, {checked} of {len(lines)} confirmed"
