"""The cost of an hour of video: computed, stored, and watched."""

from pydantic import BaseModel, ConfigDict

from pipeline.core.topology import StageSpec
from pipeline.costs.idle import host_hour
from pipeline.costs.lines import Line
from pipeline.costs.pace import Pace
from pipeline.costs.price_table import Market
from pipeline.costs.run_price import Prices
from pipeline.costs.workload import Workload

_GIB = 2**30
# A player requests a segment of video and one of audio every 6 s.
_REQUESTS_AN_HOUR = 2 * 3600 / 6


class StageHour(BaseModel):
    """The cost in USD of an hour of video in one stage.

    Attributes:
        stage: the stage.
        on_lambda: its time on Lambda.
        on_host: its time on a GPU host that is always busy, by market.
        requests: its requests to S3, SQS, EventBridge and DynamoDB, on any host.
        stored_month: its artifacts, stored for a month.
    """

    model_config = ConfigDict(frozen=True)

    stage: str
    on_lambda: float
    on_host: dict[Market, float]
    requests: float
    stored_month: float


def stage_hour(prices: Prices, spec: StageSpec, pace: Pace, work: Workload) -> StageHour:
    """Compute the cost of an hour of video, split into videos of the workload's length."""
    runs = 60 / work.minutes
    seconds = pace.cpu * work.media_seconds
    files = round(pace.files * work.media_seconds)
    a_run = prices.storage(files, 0) + prices.messages(seconds) + prices.records(seconds)
    return StageHour(
        stage=pace.stage,
        on_lambda=runs * prices.compute(spec.memory_mb, seconds, 0),
        on_host={market: pace.gpu * hour for market, hour in host_hour(prices).items()},
        requests=runs * a_run,
        stored_month=pace.bytes_out * 3600 / _GIB * prices.s3.gb_month,
    )


def kept_and_watched(prices: Prices, hours: list[StageHour], work: Workload) -> list[Line]:
    """Compute the cost of storing an hour of video for a month, and sending it to one viewer."""
    gib = work.gib_an_hour
    return [
        Line(
            what="the upload, kept a month",
            usd=gib * prices.s3.gb_month,
            note=f"{gib:.2f} GB at {work.mbps:g} Mbit/s",
        ),
        Line(
            what="its artifacts, kept a month",
            usd=sum(hour.stored_month for hour in hours),
            note="of all stages",
        ),
        Line(what="watched once", usd=watched(prices, work), note="by CloudFront, at that rate"),
    ]


def watched(prices: Prices, work: Workload) -> float:
    """Return the USD for an hour of video sent to one viewer, at the source's bit rate."""
    requests = _REQUESTS_AN_HOUR * prices.cloudfront.million_requests / 1e6
    return work.gib_an_hour * prices.cloudfront.gb_out + requests
