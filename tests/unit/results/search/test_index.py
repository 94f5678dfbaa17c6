"""The index follows the current results: atomically, after any crash, and never a shadow."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.core.errors import LeaseLost
from pipeline.core.events import Upload
from tests.fakes.library import Library, Rows
from tests.fakes.memory import Killed

OLD = "one heart two"  # heart at 0.5 s
NEW = "the second text says heart"  # heart at 2 s


@pytest.fixture
def library() -> Library:
    return Library()


def expire(library: Library) -> None:
    """Let the leases of writers expire."""
    for item in library.table.items.values():
        if "generation" in item and "lease_until" in item:
            item["lease_until"] = "0000000001.000"


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
    assert not any("two#" in sk for _, sk in library.index_rows())


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
    written = library.index.write(upload.video_id, result, attempt=late.attempt)
    for item in library.table.items.values():
        if item.get("sk") == "stage#transcribe":
            item["lease_until"] = "0000000001.000"
    library.say(upload, NEW)
    with pytest.raises(LeaseLost):
        library.catalog.runs.succeed(upload.video_id, late, result)
    library.index.show(written, attempt=late.attempt, revision=upload.revision)
    assert library.starts("heart") == [2.0]
    assert library.starts("two") == []
    assert not any("two#" in sk for _, sk in library.index_rows())


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
                assert nth > 10
                return


def test_a_crash_between_any_two_writes_leaves_the_old_or_the_new_index(library: Library):
    upload = library.upload("talk.mp4")
    library.say(upload, OLD)
    library.show(upload, {"cat": [(0.0, 1.0, 0.9)]})
    other = library.upload("other.mp4")
    library.say(other, "two more")
    claimed = library.claim(upload, "transcribe")
    result = library.result(upload, claimed, NEW)
    seen = set()

    def act() -> None:
        library.catalog.succeed(upload.video_id, claimed, result, upload=upload)

    for crash in crashes(library, act):
        starts = library.starts("heart")
        assert starts in ([0.5], [2.0]), crash
        assert library.starts("second") == ([1 * 0.5] if starts == [2.0] else []), crash
        seen.add(starts[0])
        run = library.catalog.runs.get(upload.video_id, "transcribe")
        expire(library)
        library.index.mend_overdue()
        current = run and run.current_result and run.current_result.fingerprint
        assert library.starts("heart") == ([2.0] if current == result.fingerprint else [0.5]), crash
        wanted = {"says", "second", "text"} if current == result.fingerprint else {"one"}
        terms = {sk.partition("#")[0] for pk, sk in library.index_rows() if "words" in pk}
        assert terms - {"heart", "talk", "two", "other", "more", "@cat", "the", "say"} == wanted
        assert library.starts("more") == [0.5], crash
        if run and run.state == "running":  # delivered again
            library.catalog.succeed(upload.video_id, claimed, result, upload=upload)
            assert library.starts("heart") == [2.0], crash
    assert seen == {0.5, 2.0}


def test_a_crash_during_a_deletion_hides_the_video_and_is_mended(library: Library):
    upload = library.upload("talk.mp4")
    library.say(upload, OLD)

    def act() -> None:
        library.delete(upload)

    for crash in crashes(library, act):
        deleted = library.catalog.video(upload.video_id)
        assert deleted
        if not deleted.deleted_at:
            continue
        assert library.starts("heart") == [], crash
        expire(library)
        library.delete(upload)  # its message is delivered again
        expire(library)
        library.index.mend_overdue()
        assert [key for key in library.index_rows() if key[0] != "#search"] == [], crash


def test_a_deletion_while_a_result_is_written_leaves_nothing(library: Library):
    upload = library.upload("talk.mp4")
    library.show(upload, {})
    run = library.claim(upload, "transcribe")
    result = library.result(upload, run, OLD)
    written = library.index.write(upload.video_id, result, attempt=run.attempt)
    library.delete(upload)
    library.catalog.runs.succeed(upload.video_id, run, result)
    library.index.show(written, attempt=run.attempt, revision=upload.revision)
    assert library.starts("heart") == []
    assert [key for key in library.index_rows() if key[0] != "#search"] == []


@pytest.mark.parametrize("killed", [False, True])
def test_a_video_deleted_while_a_result_is_written_is_found_when_uploaded_again(
    library: Library, monkeypatch: pytest.MonkeyPatch, *, killed: bool
):
    upload = library.upload("talk.mp4")
    library.show(upload, {})
    run = library.claim(upload, "transcribe")
    result = library.result(upload, run, OLD)
    read = library.index._stream

    def deleted(key: str) -> Iterable[bytes]:
        library.delete(upload)
        if killed:
            raise Killed
        return read(key)

    with monkeypatch.context() as patch, suppress(Killed):
        patch.setattr(library.index, "_stream", deleted)
        library.catalog.succeed(upload.video_id, run, result, upload=upload)
    if not killed:
        assert [key for key in library.index_rows() if key[0] != "#search"] == []
    library.say(library.upload("talk.mp4"), NEW)
    assert library.starts("heart") == [2.0]


def test_a_video_deleted_before_it_has_a_number_leaves_nothing(
    library: Library, monkeypatch: pytest.MonkeyPatch
):
    upload = library.upload("talk.mp4")
    names = library.index._writes.names
    name = names.name

    def deleted(*args: Any, **options: Any) -> bool:
        library.delete(upload)
        return name(*args, **options)

    monkeypatch.setattr(names, "name", deleted)
    library.say(upload, OLD)
    assert [key for key in library.index_rows() if key[0] != "#search"] == []


def test_results_of_earlier_versions_are_indexed_later_and_once(library: Library):
    upload: Upload = library.upload("talk.mp4")
    kept = library.catalog._search
    library.catalog._search = type(library.catalog)(library.table, ())._search
    library.say(upload, OLD)
    library.catalog._search = kept
    assert library.starts("heart") == []
    video = library.catalog.video(upload.video_id)
    assert video
    assert library.index.rewrite(video) == 1
    assert library.starts("heart") == [0.5]
    assert library.starts("talk") == [0.0]
    assert library.index.rewrite(video) == 0


def test_a_writer_that_slept_longer_than_its_lease_writes_again(library: Library):
    upload = library.upload("talk.mp4")
    run = library.claim(upload, "transcribe")
    result = library.result(upload, run, OLD)
    written = library.index.write(upload.video_id, result, attempt=run.attempt)
    expire(library)
    library.index.mend_overdue()
    library.catalog.runs.succeed(upload.video_id, run, result)
    library.index.show(written, attempt=run.attempt, revision=upload.revision)
    assert library.starts("heart") == [0.5]


def test_a_crash_while_a_new_video_is_indexed_is_mended_by_the_next_delivery(library: Library):
    upload = library.upload("new talk.mp4")
    claimed = library.claim(upload, "transcribe")
    result = library.result(upload, claimed, OLD)

    def act() -> None:
        library.catalog.succeed(upload.video_id, claimed, result, upload=upload)

    for crash in crashes(library, act):
        assert library.starts("heart") in ([], [0.5]), crash
        run = library.catalog.runs.get(upload.video_id, "transcribe")
        if run and run.state == "running":
            act()
        expire(library)
        library.index.mend_overdue()
        assert library.starts("heart") == [0.5], crash
        assert library.starts("new talk") == [0.0], crash
        library.delete(upload)
        assert [key for key in library.index_rows() if key[0] != "#search"] == [], crash


def test_a_transcript_that_cannot_be_read_does_not_fail_the_run(library: Library):
    upload = library.upload("talk.mp4")
    run = library.claim(upload, "transcribe")
    result = library.result(upload, run, OLD)
    library.files = dict.fromkeys(library.files, b'"hello"')
    library.catalog.succeed(upload.video_id, run, result)
    assert library.starts("heart") == []
    assert library.starts("talk") == [0.0]
