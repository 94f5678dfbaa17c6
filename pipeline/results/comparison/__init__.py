"""Comparison of two results of a stage, and totals over many pairs.

It depends on what the results contain, not on the stage's name. Of any stage it compares
parameters, models, warnings, files and cost; of those with transcripts, labels or renditions, these
as well.

words        two transcripts, by word error rate
labels       labels, and the times at which they are in view
renditions   renditions of two ladders
diff         all of two results
total        a sum of many differences
"""

from pipeline.results.comparison.diff import VersionDiff, compare
from pipeline.results.comparison.total import Comparison

__all__ = ["Comparison", "VersionDiff", "compare"]
