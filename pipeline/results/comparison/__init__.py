"""What became different between two results of a stage, and between many pairs of them.

Judged by what results hold, never by the stage's name: a stage nobody knows has its parameters,
models, warnings, files and cost compared, and more as soon as it leaves what others leave.

words        two transcripts, as a word error rate sees them
labels       what was seen, and when
renditions   what a player can choose from
diff         all of two results
total        many differences added up
"""

from pipeline.results.comparison.diff import VersionDiff, compare
from pipeline.results.comparison.total import Comparison

__all__ = ["Comparison", "VersionDiff", "compare"]
