"""The catalog: records of videos in one DynamoDB table.

catalog     the writes to a video, and the entry to the rest
revisions   the uploads to a key, and the writes of each
videos      videos as they are read, with their stages
runs        stage runs as they are read and claimed
run_writes  the fenced writes to a stage run that was read or claimed
ranges      the ranges of runs whose work is spread
results     stored results, current or not
labels      the index of labels
timings     recorded run times, for estimates
keys        secret keys that all hosts share
listing     newest first, a page at a time
schema      the table and its indexes
table       the DynamoDB operations that all of these use
"""

from pipeline.aws.catalog.catalog import Catalog
from pipeline.aws.catalog.videos import Known

__all__ = ["Catalog", "Known"]
