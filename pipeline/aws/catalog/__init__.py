"""The catalog: records of videos in one DynamoDB table.

records   videos, stage runs, results
catalog   videos, and the catalog as a whole
runs      stage runs: leases, progress, current results
labels    the index of labels
timings   run times, for estimates
keys      secret keys that all hosts share
listing   videos newest first, in pages
table     the operations on DynamoDB that all of these use
"""

from pipeline.aws.catalog.catalog import Catalog

__all__ = ["Catalog"]
