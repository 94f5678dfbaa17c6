"""Ranges that are due after others have ended, and the parts before them, by the plan."""

import pytest

from pipeline.core.media_info import Probe
from pipeline.core.ranges import MERGE, Plan, Range
from pipeline.core.records import Cost
from pipeline.runs.plan_file import PlanFile
from tests.fakes import aws_events
from tests.fakes.rig import upload_of

FIRST, SECOND = ("a-1", "a-2"), ("sound", "b-1")
PLAN = PlanFile(
    upload=upload_of(aws_events.created()),
    probe=Probe(container="mov", duration_s=90, size_bytes=1),
    plan=Plan(
        ranges=tuple(
            Range(name=name, start_s=0, end_s=60, phase=phase)
            for phase, group in ((0, FIRST), (3, SECOND))
            for name in group
        )
    ),
    params={},
    identity={},
    version="1",
    fingerprint="f",
    cost=Cost(seconds=0, cpu_seconds=0, media_seconds=90, bytes_in=0, bytes_out=0),
)


@pytest.mark.parametrize(
    ("ended", "due"),
    [
        ([], FIRST),
        (["a-2-7"], ["a-1"]),
        (["a-1-1", "a-2-1"], SECOND),
        (["a-1-1", "a-2-1", "sound-2"], ["b-1"]),
        (["a-1-1", "a-2-1", "sound-2", "b-1-1"], [MERGE]),
    ],
)
def test_the_ranges_of_a_phase_are_due_once_those_of_earlier_phases_have_ended(
    ended: list[str], due: list[str]
):
    assert PLAN.due(frozenset(ended)) == list(due)


@pytest.mark.parametrize(
    ("name", "ended", "complete"),
    [
        ("a-1", ["a-1-1"], False),
        ("a-1", ["a-1-1", "a-2-4"], True),
        ("sound", ["a-1-1", "a-2-4", "sound-1"], False),
        ("sound", ["a-1-1", "a-2-4", "sound-1", "b-1-1"], True),
    ],
)
def test_a_phase_is_complete_once_all_its_ranges_have_ended(
    name: str, ended: list[str], *, complete: bool
):
    assert PLAN.completes(name, frozenset(ended)) is complete


def test_a_range_reads_the_parts_of_earlier_phases_in_the_order_of_the_plan():
    ended = frozenset(["a-2-4", "a-1-1", "sound-1", "b-1-1"])
    assert PLAN.before(PLAN.range("a-1"), ended) == []
    assert PLAN.before(PLAN.range("b-1"), ended) == ["a-1-1", "a-2-4"]
    assert PLAN.before(PLAN.range(MERGE), ended) == ["a-1-1", "a-2-4", "sound-1", "b-1-1"]


def test_a_range_reads_only_the_parts_that_it_needs():
    needs = Range(name="b-2", start_s=0, end_s=60, phase=2, needs=("a-2",))
    assert PLAN.before(needs, frozenset(["a-1-1", "a-2-4", "sound-1"])) == ["a-2-4"]


def test_the_merge_is_a_range_of_the_whole_video_after_all_others():
    merge = PLAN.range(MERGE)
    assert (merge.start_s, merge.end_s, merge.phase) == (0, 90, 4)


def test_a_plan_of_an_earlier_version_is_read():
    assert PlanFile.model_validate(PLAN.model_dump(mode="json") | {"large": True}) == PLAN


@pytest.mark.parametrize("names", [(), ("a", "a"), (MERGE,)])
def test_a_plan_has_ranges_of_distinct_names(names: tuple[str, ...]):
    with pytest.raises(ValueError, match="distinct names"):
        Plan(ranges=tuple(Range(name=name, start_s=0, end_s=1) for name in names))
