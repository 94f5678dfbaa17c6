"""The cost of the search index, and of a search."""

from pipeline.costs.lines import Line
from pipeline.costs.run_price import Prices

# An hour of speech has 9,000 words, of 1,900 terms. A unit writes up to 1 KB: the run writes 69
# rows of 88 KB. The merge writes a row a term and block; hours of one block share many terms.
_RUN_WRITES = 110
_MERGE_WRITES = 600
# A search of common words, over 100,000 videos: 4 KB a unit, read consistently. Recent videos 40,
# rows of terms 250, the rows of 32 videos 250, their pages 110.
_READS = 650


def indexed_hour(prices: Prices) -> float:
    """Return the USD for the index of an hour of speech."""
    return (_RUN_WRITES + _MERGE_WRITES) * prices.dynamodb.million_writes / 1e6


def lines(prices: Prices) -> list[Line]:
    """List the cost of the index of a thousand hours of speech, and of a thousand searches."""
    return [
        Line(
            what="a thousand hours of speech",
            usd=1000 * indexed_hour(prices),
            note=f"{_RUN_WRITES + _MERGE_WRITES} units written for each",
        ),
        Line(
            what="a thousand searches",
            usd=1000 * _READS * prices.dynamodb.million_reads / 1e6,
            note=f"{_READS} units read for each, at most; beside a query's price",
        ),
    ]
