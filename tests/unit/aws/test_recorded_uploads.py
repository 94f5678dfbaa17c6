"""The record of an upload: complete after any crash, and written once by stages that race."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pipeline.aws.catalog import Catalog
from pipeline.core.errors import Superseded
from pipeline.core.events import Deletion, Upload, parse
from pipeline.core.media_info import Probe
from pipeline.core.settings import Settings
from tests.fakes import aws_events
from tests.fakes.memory import Faults, Killed, MemoryTable
from tests.fakes.rig import upload_of

SETTINGS = Settings()
PROBE = Probe(container="mov", duration_s=1, size_bytes=1)
STAGES = tuple(SETTINGS.topology.stages)
A, B, *OTHERS = STAGES
FIRST = upload_of(aws_events.created(sequencer="0A"))
SECOND = upload_of(aws_events.created(sequencer="0B", etag="other", key=FIRST.key))


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def catalog(faults: Faults) -> Catalog:
    return Catalog(MemoryTable(SETTINGS.topology, faults), STAGES)


def record(catalog: Catalog, upload: Upload, stage: str) -> Any:
    return catalog.record_upload(upload, patience_s=60, by=stage)


def pending(catalog: Catalog, upload: Upload) -> set[str]:
    """Return the stages of an upload that wait for their first claim, as people see it."""
    video = catalog.video(upload.video_id)
    if video is None or video.revision != upload.revision:
        return set()
    return {stage for stage, run in video.stages.items() if run.state == "pending"}


def processed(catalog: Catalog, upload: Upload) -> None:
    """Record an upload that all stages have claimed."""
    catalog.record_upload(upload, patience_s=60)
    for stage in STAGES:
        catalog.runs.claim(upload, stage, seen=None, event_id="e", lease_s=60)


def crashes(catalog: Catalog, faults: Faults, upload: Upload) -> Iterator[tuple[int, bool]]:
    """Kill stage A before and after each of its calls; the table is new each time."""
    assert isinstance(catalog._table, MemoryTable)
    before = dict(catalog._table.items)
    for nth in range(1, 50):
        for late in (False, True):
            catalog._table.items = dict(before)
            faults.arm("a", nth, late=late)
            faults.who = "a"
            try:
                record(catalog, upload, A)
            except Killed:
                faults.who = None
                yield nth, late
            else:
                assert nth > 1  # the video
                faults.who = None
                return


@pytest.mark.parametrize("earlier", [False, True])
def test_another_stage_completes_what_a_killed_one_has_begun(
    catalog: Catalog, faults: Faults, earlier: Any
):
    if earlier:
        processed(catalog, FIRST)
    for crash in crashes(catalog, faults, SECOND):
        record(catalog, SECOND, B)
        assert pending(catalog, SECOND) == set(STAGES), crash
        assert next(catalog.timeline.newest()).endswith(SECOND.video_id), crash


@pytest.mark.parametrize("earlier", [False, True])
def test_a_killed_stage_completes_its_record_at_the_next_delivery(
    catalog: Catalog, faults: Faults, earlier: Any
):
    if earlier:
        processed(catalog, FIRST)
    for crash in crashes(catalog, faults, SECOND):
        record(catalog, SECOND, A)
        record(catalog, SECOND, A)
        assert pending(catalog, SECOND) == set(STAGES), crash
        assert list(catalog.overdue(before=time.time() + 61)), crash


def meanwhile(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]
) -> None:
    """Let something happen after the next read of a video."""
    read = catalog._read

    def read_and_wait(*args: Any, **kwargs: Any) -> Any:
        rows = read(*args, **kwargs)
        monkeypatch.undo()
        happens()
        return rows

    monkeypatch.setattr(catalog, "_read", read_and_wait)


def test_of_stages_at_once_one_writes_the_video_and_each_can_claim(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
):
    table = catalog._table
    assert isinstance(table, MemoryTable)
    meanwhile(catalog, monkeypatch, lambda: record(catalog, FIRST, B))
    known = record(catalog, FIRST, A)
    assert known.untried
    assert [sk for _, sk, _ in table.updates] == ["video"]
    run = catalog.runs.claim(FIRST, A, seen=known.run, event_id="e", lease_s=60)
    assert (run.attempt, run.tries) == (1, 1)


def test_a_stage_that_records_an_upload_late_keeps_what_came_in_between(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
):
    def happens() -> None:
        record(catalog, FIRST, B)
        catalog.record_probe(FIRST, PROBE, {"title": "a"})

    meanwhile(catalog, monkeypatch, happens)
    record(catalog, FIRST, A)
    video = catalog.video(FIRST.video_id)
    assert video is not None
    assert (video.probe, video.metadata) == (PROBE, {"title": "a"})


def test_a_version_that_is_deleted_while_it_is_recorded_stays_deleted(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
):
    def happens() -> None:
        record(catalog, version, B)
        gone = {"key": version.key, "version_id": "v1", "sequencer": "0C"}
        catalog.record_deletion(parse(aws_events.deleted(**gone)))

    version = upload_of(aws_events.created(sequencer="0A", version_id="v1"))
    meanwhile(catalog, monkeypatch, happens)
    with pytest.raises(Superseded):
        record(catalog, version, A)
    video = catalog.video(version.video_id)
    assert video is not None
    assert video.deleted_at


def test_the_metadata_is_asked_for_once_and_recorded_with_the_upload(catalog: Catalog):
    asked: list[None] = []

    def metadata() -> dict[str, str]:
        asked.append(None)
        return {"title": "a"}

    for stage in (A, B):
        known = catalog.record_upload(FIRST, patience_s=60, by=stage, metadata=metadata)
        assert known.video.metadata == {"title": "a"}
    assert len(asked) == 1


@pytest.mark.parametrize(
    "later",
    [
        SECOND,
        parse(aws_events.deleted(sequencer="0B", key=FIRST.key)),
    ],
    ids=["upload", "deletion"],
)
def test_an_upload_that_is_replaced_while_it_is_recorded_leaves_nothing(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, later: Upload | Deletion
):
    def happens() -> None:
        if isinstance(later, Upload):
            record(catalog, later, B)
        else:
            catalog.record_deletion(later)

    meanwhile(catalog, monkeypatch, happens)
    with pytest.raises(Superseded):
        record(catalog, FIRST, A)
    assert pending(catalog, FIRST) == set()


@pytest.mark.parametrize("deleted", [False, True])
def test_an_upload_keeps_nothing_of_one_that_was_recorded_at_the_same_moment(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, deleted: Any
):
    def happens() -> None:
        record(catalog, FIRST, B)
        catalog.record_probe(FIRST, PROBE, {"title": "a"})
        if deleted:
            gone = parse(aws_events.deleted(sequencer="0A8", key=FIRST.key))
            catalog.record_deletion(gone)

    meanwhile(catalog, monkeypatch, happens)
    record(catalog, SECOND, A)
    video = catalog.video(SECOND.video_id)
    assert video is not None
    assert (video.revision, video.deleted_at) == (SECOND.revision, None)
    assert (video.probe, video.metadata) == (None, None)
    record(catalog, SECOND, B)


def test_a_late_event_of_an_older_upload_writes_nothing(catalog: Catalog):
    table = catalog._table
    assert isinstance(table, MemoryTable)
    record(catalog, SECOND, A)
    writes = len(table.updates)
    with pytest.raises(Superseded):
        record(catalog, FIRST, B)
    assert len(table.updates) == writes


def test_a_late_event_of_an_upload_that_we_deleted_writes_nothing(catalog: Catalog):
    table = catalog._table
    assert isinstance(table, MemoryTable)
    record(catalog, FIRST, A)
    video = catalog.video(FIRST.video_id)
    assert video is not None
    assert catalog.removal.mark(video, lease_s=60)
    writes = len(table.updates)
    with pytest.raises(Superseded):
        record(catalog, FIRST, B)
    assert len(table.updates) == writes


def test_a_run_of_the_earlier_upload_is_fenced_at_once(catalog: Catalog):
    record(catalog, FIRST, A)
    old = catalog.runs.claim(FIRST, A, seen=None, event_id="e", lease_s=60)
    known = record(catalog, SECOND, A)
    assert (known.run.state, known.run.revision, known.run.attempt) == (
        "pending",
        SECOND.revision,
        old.attempt,
    )
    assert not known.untried
