"""Stored results against another run that stores the same one."""

from pipeline.aws.catalog.results import Results
from pipeline.core.topology import Topology
from tests.fakes import timing
from tests.fakes.memory import Faults, MemoryTable


def test_a_result_that_was_stored_again_is_not_taken_up_as_it_was_read():
    results = Results(MemoryTable(Topology.read(), Faults()))
    read = timing.result(1, 1).model_copy(update={"prefix": "artifacts/1/"})
    results.put("video", read)
    results.put("video", read.model_copy(update={"prefix": "artifacts/2/"}))
    assert not results.take("video", read, "promotion")
    (now,) = results.all("video")
    assert (now.prefix, now.taken_by) == ("artifacts/2/", "")
