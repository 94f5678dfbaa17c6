"""The index follows the current results: atomically, after any crash, and never a shadow."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.aws.catalog import search_lease, search_merge
from pipeline.aws.catalog.index import Unindexed
from pipeline.aws.catalog.search_lease import MergeLease
from pipeline.aws.catalog.search_merge import Merge
from pipeline.aws.catalog.search_rows import member
from pipeline.aws.catalog.search_settle import Settle
from pipeline.core.errors import LeaseLost
from pipeline.core.events import Upload
from pipeline.results.search.query import Query
from pipeline.results.search.reindex import reindex
from tests.fakes.library import Library, Rows
from tests.fakes.memory import Killed

OLD = "one heart two"  # heart at 0.5 s
NEW = "the second text says heart"  # heart at 2 s


@pytest.fixture
def library() -> Library:
    return Library()


def test_words_and_objects_are_found_with_their_times(library: Library):
    upload = library.upload("talk.mp4")
    library.say(upload, OLD)
    library.show(upload, {"cat": [(3.0, 4.0, 0.9)]})
    assert library.starts("hearts") == [0.5]
    assert library.starts(labels=("cat",)) == [3.0]
    assert library.starts("heart", labels=("cat",), within_s=2.6) == [0.5]
    assert library.starts("heart", labels=("cat",), within_s=2.4) == []
    assert library.starts("heart", labels=("cat",), min_confidence=0.95) == []


def test_a_new_result_takes_the_place_of_the_old_one(library: Library):
    upload = library.upload("talk.mp4")
    library.say(upload, OLD)
    library.say(upload, NEW)
    assert library.starts("heart") == [2.0]
    assert library.starts("two") == []


def test_a_promoted_result_is_found_and_a_rollback_finds_the_former(library: Library):
    upload = library.upload("talk.mp4")
    first = library.say(upload, OLD)
    library.say(upload, NEW)
    run = library.catalog.runs.get(upload.video_id, "transcribe")
    assert run
    library.catalog.promote(upload.video_id, run, first)
    assert library.starts("heart") == [0.5]
    library.catalog.undo_promotion(upload.video_id, run)
    assert library.starts("heart") == [2.0]


def test_a_shadow_result_is_never_found(library: Library):
    upload = library.upload("talk.mp4")
    library.say(upload, OLD)
    before = library.snapshot()
    run = library.claim(upload, "transcribe", shadow=True)
    library.catalog.shadows.succeed(upload.video_id, run, library.result(upload, run, NEW))
    assert library.starts("heart") == [0.5]
    assert [key for key in library.index_rows() if key not in before] == []


def test_nothing_of_a_deleted_video_is_left(library: Library):
    other = library.upload("other.mp4")
    library.say(other, NEW)
    before = library.index_rows()
    upload = library.upload("talk.mp4")
    library.say(upload, OLD)
    library.show(upload, {"cat": [(3.0, 4.0, 0.9)]})
    library.delete(upload)
    assert library.index_rows() == before
    assert library.starts("heart") == [2.0]
    assert library.starts(labels=("cat",)) == []


def test_a_video_that_is_uploaded_again_is_found_by_its_new_words_only(library: Library):
    library.say(library.upload("talk.mp4"), OLD)
    again = library.upload("talk.mp4", at=datetime(2026, 2, 1, tzinfo=UTC))
    assert library.starts("two") == [], "its times are those of another file"
    library.say(again, NEW)
    assert library.starts("heart") == [2.0]
    assert library.starts("heart", after=datetime(2026, 2, 1, tzinfo=UTC)) == [2.0]


def test_a_deleted_video_can_be_uploaded_again(library: Library):
    upload = library.upload("talk.mp4")
    library.say(upload, OLD)
    library.delete(upload)
    library.say(library.upload("talk.mp4"), NEW)
    assert library.starts("heart") == [2.0]
    assert library.starts("talk") == [0.0]


def test_a_name_is_found_without_words(library: Library):
    library.show(library.upload("My_Holiday-2026.mp4"), {})
    assert library.starts("holiday") == [0.0]
    assert library.starts("holid* 2026") == [0.0]
    assert library.starts("mp4") == []


def test_a_worker_that_was_taken_over_does_not_show_its_result(library: Library):
    upload = library.upload("talk.mp4")
    late = library.claim(upload, "transcribe")
    result = library.result(upload, late, OLD)
    for item in library.table.items.values():
        if item.get("sk") == "stage#transcribe":
            item["lease_until"] = "0000000001.000"
    library.say(upload, NEW)
    with pytest.raises(LeaseLost):
        library.catalog.succeed(upload.video_id, late, result, upload=upload)
    assert library.starts("heart") == [2.0]
    assert library.starts("two") == []


def test_a_query_finds_a_label_by_its_words_as_well_as_what_is_said(library: Library):
    upload = library.upload("clip.mp4")
    library.say(upload, "a heart and a light")  # heart at 0.5 s
    library.show(upload, {"heart": [(9.0, 9.5, 0.9)], "traffic lights": [(4.0, 5.0, 0.6)]})
    assert library.starts("hearts") == [0.5, 9.0]
    assert library.starts('"traffic light"') == [4.0]
    assert library.starts("traff*") == [4.0]
    assert library.starts("traffic", min_confidence=0.7) == []
    assert library.starts("heart traffic", within_s=4) == [0.5, 9.0]
    assert library.starts("heart traffic", within_s=3.6) == [0.5]
    assert library.starts("heart -traffic") == []


def crashes(library: Library, act: Callable[[], None]) -> Iterator[tuple[int, bool]]:
    """Kill a process before and after each of its calls; the table is new each time."""
    before: Rows = library.snapshot()
    for nth in range(1, 500):
        for late in (False, True):
            library.restore(before)
            library.faults.arm("a", nth, late=late)
            library.faults.who = "a"
            try:
                act()
            except Killed:
                library.faults.who = None
                yield nth, late
            else:
                library.faults.who = None
                assert nth > 5
                return


def test_a_crash_between_any_two_writes_leaves_the_old_or_the_new_index(library: Library):
    upload = library.upload("talk.mp4")
    library.say(upload, OLD)
    library.show(upload, {"cat": [(0.0, 1.0, 0.9)]})
    library.merge()
    claimed = library.claim(upload, "transcribe")
    result = library.result(upload, claimed, NEW)
    seen = set()

    def act() -> None:
        library.catalog.succeed(upload.video_id, claimed, result, upload=upload)

    for crash in crashes(library, act):
        starts = library.starts("heart")
        assert starts in ([0.5], [2.0]), crash
        assert library.starts("second") == ([0.5] if starts == [2.0] else []), crash
        seen.add(starts[0])
        run = library.catalog.runs.get(upload.video_id, "transcribe")
        if run and run.state == "running":  # delivered again
            act()
        assert library.starts("heart") == [2.0], crash
        library.age()
        library.merge()
        assert library.starts("heart") == [2.0], crash
        assert library.terms() - {"*", "@cat"} == {
            *("cat", "talk", "heart", "the", "second", "text", "say", "says")
        }, crash
    assert seen == {0.5, 2.0}


MERGED = [("first.mp4", "one heart"), ("second.mp4", "a heart"), ("third.mp4", "two more")]


def filled(library: Library) -> list[Upload]:
    uploads = []
    for name, text in MERGED:
        uploads.append(library.upload(name))
        library.say(uploads[-1], text)
        library.show(uploads[-1], {"cat": [(0.0, 1.0, 0.9)]})
    return uploads


def check_gone(library: Library, upload: Upload) -> None:
    assert not any(upload.video_id in pk + sk for pk, sk in library.index_rows())
    terms = [row for (pk, _), row in library.table.items.items() if pk.startswith("#terms#")]
    assert not any(member(upload.video_id) in row["videos"] for row in terms)


def found(library: Library) -> list[set[tuple[str, float]]]:
    labels = ("cat",)
    queries = [Query("heart"), Query("tw* more"), Query("first"), Query("heart", labels=labels)]
    return [library.all(one) for one in [*queries, Query("", labels=labels)]]


def test_a_merge_finds_the_same_and_leaves_nothing_recent(library: Library):
    filled(library)
    before = found(library)
    assert [len(one) for one in before] == [2, 1, 1, 2, 3]
    assert library.merge() == 3
    assert found(library) == before
    assert not any(pk == "#recent" for pk, _ in library.index_rows())
    assert library.merge() == 0


def test_a_crash_while_a_block_is_written_changes_no_answer(library: Library):
    filled(library)
    before = found(library)

    def act() -> None:
        library.merge()

    for crash in crashes(library, act):
        assert found(library) == before, crash
        library.age()
        library.say(library.upload("another.mp4"), "of another block")
        library.merge()
        assert found(library) == before, crash
        assert library.starts("another") == [0.5], crash


def test_a_crash_while_a_block_is_changed_changes_no_answer(library: Library):
    first, second, third = filled(library)
    library.merge()
    library.say(first, "one more heart")
    library.show(second, {"dog": [(0.0, 1.0, 0.9)]})
    library.delete(third)
    before = [*found(library), library.all(Query("one more")), library.all(Query("dog"))]
    assert [len(one) for one in before] == [2, 0, 1, 1, 1, 1, 1]
    library.age()

    def act() -> None:
        library.merge()

    for crash in crashes(library, act):
        for _ in range(2):
            now = [*found(library), library.all(Query("one more")), library.all(Query("dog"))]
            assert now == before, crash
            library.age()
            library.merge()
        assert library.terms() == {
            *("*", "first", "second", "one", "more", "heart", "a", "cat", "@cat", "dog", "@dog")
        }, crash
        assert not any(pk == "#recent" for pk, _ in library.index_rows())


def test_of_two_merges_one_writes(library: Library, monkeypatch: pytest.MonkeyPatch):
    filled(library)
    other = Merge(library.table, library.standings, at_once=1, fewest=1)
    write = Merge._put

    def meanwhile(merge: Merge, rows: Any) -> None:
        if merge is not other:
            assert other.merge(within_s=60) == 0
        write(merge, rows)

    monkeypatch.setattr(Merge, "_put", meanwhile)
    assert library.merge() == 3


def test_a_merge_that_has_lost_its_lease_ends_no_block(library: Library):
    lease, other = MergeLease(library.table), MergeLease(library.table)
    assert lease.take()
    assert not other.take()
    library.age()
    assert other.take()
    assert not lease.end_block(0, ())
    lease.give_back()
    assert other.end_block(0, ())
    assert not other.end_block(0, ())


def test_a_merge_that_loses_its_lease_before_its_block_counts_keeps_what_is_recent(
    library: Library, monkeypatch: pytest.MonkeyPatch
):
    filled(library)
    before = found(library)
    monkeypatch.setattr(MergeLease, "end_block", lambda *_: False)
    assert library.merge() == 0
    assert found(library) == before


def test_a_process_that_slept_stops_before_its_lease_ends(
    library: Library, monkeypatch: pytest.MonkeyPatch
):
    filled(library)
    before = found(library)
    monkeypatch.setattr(search_lease, "_WORK_S", -1)
    assert library.merge() == 0
    assert library.terms() == set()
    assert found(library) == before


def test_a_merge_begins_nothing_after_its_time(library: Library, monkeypatch: pytest.MonkeyPatch):
    filled(library)
    monkeypatch.setattr(search_merge, "_MOST_TERMS", 1)
    monkeypatch.setattr(search_merge, "_VIDEOS", 1)
    moments = iter([0.0, 1.0, 61.0])  # the second block is not begun
    clock = SimpleNamespace(monotonic=lambda: next(moments), time=time.time)
    monkeypatch.setattr(search_merge, "time", clock)
    assert library.index.merge(within_s=60) == 1


def test_a_video_in_work_waits_for_its_other_results(library: Library):
    upload = library.upload("talk.mp4")
    library.say(upload, OLD)
    assert library.merge() == 0
    library.show(upload, {})
    assert library.merge() == 1


def test_a_result_that_may_become_current_is_not_removed(library: Library):
    upload = library.upload("talk.mp4")
    library.say(upload, OLD)
    library.show(upload, {})
    library.merge()
    run = library.claim(upload, "transcribe")
    result = library.result(upload, run, NEW)
    indexed = library.index.of(upload.video_id, result, revision=upload.revision, upload=upload)
    library.table.write(puts=indexed.rows)
    library.show(upload, {"dog": [(0.0, 1.0, 0.9)]})
    assert library.merge() == 1
    library.catalog.runs.succeed(upload.video_id, run, result, indexed=indexed.about)
    assert library.starts("heart") == [2.0]
    assert library.starts("dog heart") == [2.0]


def test_a_crash_during_a_deletion_hides_the_video_and_is_mended(library: Library):
    upload = library.upload("talk.mp4")
    library.say(upload, OLD)
    library.show(upload, {"cat": [(0.0, 1.0, 0.9)]})
    library.merge()
    library.say(upload, NEW)

    def act() -> None:
        library.delete(upload)

    for crash in crashes(library, act):
        deleted = library.catalog.video(upload.video_id)
        assert deleted
        if not deleted.deleted_at:
            continue
        assert library.starts("heart") == [], crash
        library.delete(upload)  # its message is delivered again
        assert library.index_rows() == [], crash


@pytest.mark.parametrize("merged", [False, True])
def test_a_video_deleted_while_a_result_is_written_leaves_nothing(
    library: Library, *, merged: bool
):
    upload = library.upload("talk.mp4")
    library.show(upload, {})
    run = library.claim(upload, "transcribe")
    result = library.result(upload, run, OLD)
    if merged:
        library.catalog.runs.end(upload.video_id, run, "skipped")
        library.merge()
    indexed = library.index.of(upload.video_id, result, revision=upload.revision, upload=upload)
    library.delete(upload)
    library.table.write(puts=indexed.rows)
    assert library.starts("heart") == []
    library.merge()
    assert library.index_rows() == []


@pytest.mark.parametrize("before", [1, 2], ids=["its row", "its terms"])
def test_a_deletion_during_a_merge_leaves_nothing(
    library: Library, monkeypatch: pytest.MonkeyPatch, before: int
):
    first, *_ = filled(library)
    put, calls = Merge._put, []

    def deleted(*args: Any) -> None:
        calls.append(args)
        if len(calls) == before:
            library.delete(first)
        put(*args)

    monkeypatch.setattr(Merge, "_put", deleted)
    library.merge()
    assert library.starts("first") == []
    check_gone(library, first)


def test_a_deletion_while_a_known_video_is_renewed_leaves_nothing(
    library: Library, monkeypatch: pytest.MonkeyPatch
):
    first, *_ = filled(library)
    library.merge()
    library.say(first, NEW)
    monkeypatch.setattr(MergeLease, "check", lambda _: library.delete(first))
    library.merge()
    check_gone(library, first)


@pytest.mark.parametrize("merged", [False, True])
def test_a_deletion_that_pauses_at_its_end_leaves_the_row_of_a_later_upload(
    library: Library, monkeypatch: pytest.MonkeyPatch, *, merged: bool
):
    first, *_ = filled(library)
    if merged:
        library.merge()
    drop = Settle.drop

    def paused(*given: Any) -> None:
        monkeypatch.setattr(Settle, "drop", drop)
        again = library.upload(MERGED[0][0])
        library.say(again, NEW)
        library.show(again, {})
        library.merge()
        drop(*given)

    monkeypatch.setattr(Settle, "drop", paused)
    library.delete(first)
    assert library.starts("second text")
    assert (first.video_id, "index") in library.index_rows()


def test_results_of_earlier_versions_are_indexed_later_and_once(library: Library):
    upload: Upload = library.upload("talk.mp4")
    kept = library.catalog._search
    library.catalog._search = Unindexed()
    library.say(upload, OLD)
    library.catalog._search = kept
    assert library.starts("heart") == []
    video = library.catalog.video(upload.video_id)
    assert video
    assert reindex(library.catalog, library.standings, video) == 1
    assert library.starts("heart") == [0.5]
    assert library.starts("talk") == [0.0]
    assert reindex(library.catalog, library.standings, video) == 0


def test_a_run_that_ends_while_its_former_result_is_indexed_is_not_undone(library: Library):
    upload = library.upload("talk.mp4")
    library.say(upload, OLD)
    video = library.catalog.video(upload.video_id)
    assert video
    library.say(upload, NEW)
    run = video.stages["transcribe"]
    assert run.result
    assert not library.catalog.index(upload.video_id, run, run.result)
    assert library.starts("heart") == [2.0]


def test_a_transcript_that_cannot_be_read_does_not_fail_the_run(library: Library):
    upload = library.upload("talk.mp4")
    run = library.claim(upload, "transcribe")
    result = library.result(upload, run, OLD)
    library.files = dict.fromkeys(library.files, b'"hello"')
    library.catalog.succeed(upload.video_id, run, result)
    assert library.starts("heart") == []
    assert library.starts("talk") == [0.0]


def test_a_file_that_is_at_hand_is_not_read(library: Library):
    upload = library.upload("talk.mp4")
    run = library.claim(upload, "transcribe")
    result = library.result(upload, run, OLD)
    (content,) = library.files.values()
    library.files = {}
    files = {result.artifacts[0].name: content}
    library.catalog.succeed(upload.video_id, run, result, upload=upload, files=files)
    assert library.starts("heart") == [0.5]
