"""The measurement of two workers against one names what it misses."""

import pytest
from pydantic import BaseModel, Field

from benchmarks import two_workers

SIZE = 10_000_000


def report(**changes: float) -> dict:
    measured = {"wall_s": 100.0, "cpu_s": 105.0, "calls": 40, "made": {"GET": 40}}
    measured |= {"s3_mb": 30.0, "source_mb": 11.0}
    found = {
        "one": measured,
        "two": {**measured, "wall_s": 50.0} | changes,
        "one_pass": {"transcode": {"cpu_s": 100.0, "wall_s": 100.0}},
        "ranges": {"transcode": 20},
        "params": {},
        "load": (0.5, 0.4, 0.3),
    }
    return found | {"bars": two_workers._bars(found, SIZE, ["transcode"])}


def test_bars_are_met_up_to_their_limits():
    assert all(bar["passed"] for bar in report()["bars"])


@pytest.mark.parametrize(
    ("changes", "missed"),
    [
        ({"wall_s": 60.0}, "one worker : two, duration"),
        ({"cpu_s": 109.0}, "CPU of ranges : one pass"),
        ({"source_mb": 11.6}, "bytes read of the source : source, a stage"),
    ],
)
def test_a_missed_bar_is_named(changes, missed):
    found = report(**changes)
    assert [bar["name"] for bar in found["bars"] if not bar["passed"]] == [missed]
    assert "**missed**" in two_workers.table(found)


def test_calls_are_counted_a_range():
    assert "GET 2.0" in two_workers.table(report())


def test_one_range_is_as_long_as_the_stage_allows():
    class Limited(BaseModel):
        range_s: float = Field(60, ge=6, le=7200)

    class Free(BaseModel):
        range_s: float = 60

    class Undivided(BaseModel):
        crf: int = 23

    class Module:
        Params: type[BaseModel] = Limited

    assert two_workers._in_one_range(Module()) == {"range_s": 7200}
    Module.Params = Free
    assert two_workers._in_one_range(Module()) == {"range_s": 86400}
    Module.Params = Undivided
    assert two_workers._in_one_range(Module()) == {}
