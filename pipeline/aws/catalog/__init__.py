"""The catalog: what is recorded about videos, in one DynamoDB table.

records   what there is: videos, stage runs, results
catalog   the videos, and the whole
runs      stage runs: leases, progress, current results
labels    the index of labels
timings   what runs have taken, for estimates
keys      secret keys that all hosts share
listing   newest first, a page at a time
table     DynamoDB as all of these use it
"""

from pipeline.aws.catalog.catalog import Catalog

__all__ = ["Catalog"]
