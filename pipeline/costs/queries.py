"""The cost of a million requests to the query API."""

from pipeline.costs import installation
from pipeline.costs.lines import Line
from pipeline.costs.run_price import Prices

# A request for one video, with a warm function: its duration, units read (one partition,
# consistently), response, and lines in the two logs. X-Ray's default rule samples 5 %.
SECONDS = 0.05
_READS = 5
_ANSWER_BYTES = 10_000
_LOG_BYTES = 1_500
_TRACED = 0.05


def million(prices: Prices) -> list[Line]:
    """List the cost of a million requests, delivered by CloudFront."""
    gb = installation.QUERY_MEMORY_MB / 1024
    duration = SECONDS * gb * prices.lambda_.gb_second[installation.ZIP_ARCHITECTURE] * 1e6
    return [
        Line(what="API Gateway", usd=prices.api_gateway.million_requests),
        Line(
            what="Lambda",
            usd=duration + prices.lambda_.million_requests,
            note=f"{SECONDS * 1000:.0f} ms of {gb:.2f} GB, {installation.ZIP_ARCHITECTURE}",
        ),
        Line(
            what="DynamoDB",
            usd=_READS * prices.dynamodb.million_reads,
            note=f"{_READS} units read",
        ),
        Line(
            what="CloudFront",
            usd=prices.cloudfront.million_requests
            + _ANSWER_BYTES * 1e6 / 2**30 * prices.cloudfront.gb_out,
            note=f"answers of {_ANSWER_BYTES / 1000:.0f} kB",
        ),
        Line(
            what="logs",
            usd=_LOG_BYTES * 1e6 / 2**30 * prices.cloudwatch.log_gb,
            note=f"{_LOG_BYTES / 1000:g} kB",
        ),
        Line(
            what="X-Ray",
            usd=_TRACED * prices.xray.million_traces,
            note=f"{_TRACED:.0%} are traced",
        ),
    ]
