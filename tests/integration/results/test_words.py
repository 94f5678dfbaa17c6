"""The cost of comparing long transcripts."""

import subprocess
import sys


def test_hours_of_words_need_no_memory_for_every_pair_of_them():
    code = """
import random, resource
from pipeline.results.comparison.words import compare
from tests.unit.results.results import transcript
one, other = (transcript(*(
    " ".join(random.choices(["w%d" % n for n in range(3000)], k=100)) for _ in range(200)
)) for _ in range(2))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert compare(one, other).words == 20000
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    grown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(grown.stdout) < 100_000  # KiB; a table of all pairs has 400 million cells
