"""The AWS calls of a run: each costs time and money, so their numbers are limited here."""

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from pipeline import bootstrap
from pipeline.aws.catalog.revisions import Revisions
from pipeline.core.settings import Settings
from pipeline.core.stage import Report, Result, Source
from pipeline.core.topology import Topology
from pipeline.results.search.query import Query
from pipeline.runs import heartbeat
from pipeline.runs.delivery import Delivery, Outcome
from pipeline.runs.runner import Runner
from tests.conftest import topology_with
from tests.fakes import aws_events, toystage
from tests.fakes.calls import counted
from tests.fakes.library import transcript
from tests.fakes.rig import FakeStage, Rig, upload_of

STAGES = tuple(Topology.read().stages)
LABELLED = "detect"
FILES = Counter(GetObject=1, PutObject=2)  # the source, a file and the manifest


def unlabelled(source: Source, params: toystage.Params, work: Path, report: Report) -> Result:
    made = toystage.run(source, params, work, report)
    return made.model_copy(update={"labels": []})


def pictured(source: Source, params: toystage.Params, work: Path, report: Report) -> Result:
    made = unlabelled(source, params, work, report)
    files = [file.model_copy(update={"role": "poster"}) for file in made.artifacts]
    return made.model_copy(update={"artifacts": files})


def spoken(source: Source, params: toystage.Params, work: Path, report: Report) -> Result:
    made = unlabelled(source, params, work, report)
    (work / "toy.txt").write_text(json.dumps(transcript("one two three")))
    files = [file.model_copy(update={"role": "transcript_json"}) for file in made.artifacts]
    return made.model_copy(update={"artifacts": files})


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch, config: Settings, tmp_path: Path) -> Settings:
    """Settings with the names of the project's own stages, each a toy."""
    modules = dict.fromkeys(STAGES, "tests.fakes.toystage")
    path = topology_with(modules, tmp_path / "topology.json", only=True)
    monkeypatch.setenv("VIDEODROP_TOPOLOGY", str(path))
    return config.model_copy(update={"topology_path": path})


def runner(rig: Rig, stage: str, run: Callable[..., Result] | None = None) -> Runner:
    return Runner(
        stage,
        FakeStage(run_=run or (toystage.run if stage == LABELLED else unlabelled)),
        catalog=rig.catalog,
        artifacts=rig.artifacts,
        settings=rig.config,
    )


@pytest.fixture
def run(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Counter[str]]:
    """Run a stage, and return the calls that it made beside those of its files."""
    monkeypatch.setattr(heartbeat, "_TICK_S", 60)  # no progress, however slow this machine is
    runners = {stage: runner(rig, stage) for stage in STAGES}
    # The first upload of an installation writes the month, which later ones find.
    runners[STAGES[0]].handle(rig.put(key="videos/first.mp4"), Delivery(60))

    def run_stage(stage: str, body: str) -> Counter[str]:
        with counted() as calls:
            assert runners[stage].handle(body, Delivery(60)) is Outcome.SUCCEEDED
        assert calls >= FILES
        return calls - FILES

    return run_stage


# Read; claim and end; the result with its labels and its cost, by its content too; the event.
EVERY = Counter(BatchGetItem=1, UpdateItem=2, BatchWriteItem=1, PutEvents=1)
FIRST = Counter(UpdateItem=1)  # the video


def test_the_first_stage_of_an_upload_records_it_for_all(rig: Rig, run):
    assert run(STAGES[0], rig.put()) == EVERY + FIRST


def test_a_second_stage_of_a_known_video_makes_no_call_that_the_first_has_made(rig: Rig, run):
    body = rig.put()
    run(STAGES[0], body)
    assert run(STAGES[1], body) == EVERY


def test_a_short_video_through_all_stages_makes_few_calls(rig: Rig, run):
    body = rig.put()
    total = sum((run(stage, body) for stage in STAGES), Counter())
    every = Counter({name: len(STAGES) * n for name, n in EVERY.items()})
    assert total == every + FIRST
    manifests, deletions = len(STAGES), len(STAGES)  # of messages; Lambda deletes them itself
    assert total.total() + manifests + deletions == 29


@pytest.mark.parametrize("made", [pictured, spoken])
def test_the_index_of_a_result_takes_no_call(rig: Rig, run, made):
    body = rig.put()
    run(STAGES[0], body)
    with counted() as calls:
        assert runner(rig, STAGES[1], made).handle(body, Delivery(60)) is Outcome.SUCCEEDED
    assert calls - FILES == EVERY
    (hit,) = bootstrap.search(rig.config).find(Query("a"), limit=5).hits
    assert hit.indexed.video_id == upload_of(body).video_id


@pytest.mark.usefixtures("run")
def test_of_stages_that_begin_at_once_one_records_the_upload(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    body, read, all_have_read = rig.put(), Revisions._read, Barrier(len(STAGES))

    def together(*args: Any, **options: Any) -> Any:
        rows = read(*args, **options)
        all_have_read.wait(10)
        return rows

    monkeypatch.setattr(Revisions, "_read", together)
    with counted() as calls, ThreadPoolExecutor(len(STAGES)) as pool:
        ended = [pool.submit(runner(rig, stage).handle, body, Delivery(60)) for stage in STAGES]
        assert {one.result() for one in ended} == {Outcome.SUCCEEDED}
    every = Counter({name: len(STAGES) * n for name, n in (EVERY + FIRST + FILES).items()})
    assert calls == every + Counter(GetItem=len(STAGES) - 1)  # of those whose write came too late


def test_the_calls_of_a_video_do_not_grow_with_the_catalog(rig: Rig, run):
    few = run(STAGES[0], rig.put(key="videos/few.mp4"))
    for number in range(20):
        rig.catalog.record_upload(upload_of(rig.put(key=f"videos/{number}.mp4")), patience_s=60)
    assert run(STAGES[0], rig.put(key="videos/many.mp4")) == few


def test_a_replay_of_a_stage_looks_for_a_result_to_use_again(rig: Rig, run):
    body = rig.put()
    run(STAGES[1], body)
    again = aws_events.reprocess(upload_of(body).video_id, STAGES[1], {"text": "b"}, event_id="x")
    # One look is for a result of this video, the other for one of another video.
    assert run(STAGES[1], again) == EVERY + Counter(HeadObject=1, GetItem=2, Query=1)


def test_the_same_bytes_under_another_key_cost_two_reads_and_copies(rig: Rig, run):
    run(STAGES[1], rig.put(b"the same"))
    body = rig.put(b"the same", key="videos/again.mp4")
    with counted() as calls:
        assert runner(rig, STAGES[1]).handle(body, Delivery(60)) is Outcome.REUSED
    found = Counter(GetItem=2)  # the video that has it, and its result
    # The manifest, a file, its own manifest.
    source = Counter(GetObject=1)  # which also tells its metadata
    files = Counter(GetObject=1, CopyObject=1, PutObject=1)
    assert calls == EVERY + FIRST + found + source + files
