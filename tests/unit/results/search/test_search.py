"""Pages, filters, snippets and counts; at most twelve calls; common prefixes."""

from typing import Any

import pytest

from pipeline.aws.catalog import search_rows
from pipeline.aws.catalog.search_rows import RECENT, STATE
from pipeline.results.search import candidates
from pipeline.results.search.query import Query
from tests.fakes.library import Library


@pytest.fixture
def library() -> Library:
    return Library()


def test_a_snippet_has_the_words_around_a_moment_with_marks(library: Library):
    library.say(
        library.upload("a.mp4"), "one two three, four five six seven\nHeart  <b>attacks!</b>"
    )
    (hit,) = library.find("heart attack").hits
    assert hit.snippet
    text, marks = hit.snippet.text, hit.snippet.marks
    assert text == "… two three, four five six seven Heart  <b>attacks!</b"
    assert [text[mark.start : mark.end] for mark in marks] == ["Heart", "attacks"]
    assert (hit.moment.start, hit.end) == (3500, 4900)


def test_the_pages_have_each_moment_once_in_the_order_of_rank(library: Library):
    for number in range(30):
        far = " and" * (number % 5)
        library.say(library.upload(f"{number}.mp4"), f"a heart{far} attack")
    query = Query("heart attack")
    scores, cursor = [], None
    while True:
        page = library.search.find(query, cursor=cursor, limit=7)
        scores += [hit.moment.spread for hit in page.hits]
        if (cursor := page.next_cursor) is None:
            break
    assert len(scores) == 30
    assert scores == sorted(scores)


def test_counts_say_whether_they_are_complete(library: Library):
    for number in range(120):
        upload = library.upload(f"{number}.mp4")
        library.say(upload, "heart", language="en" if number % 2 else "de")
    first = library.find("heart")
    assert not first.facets.complete
    assert {one.value for one in first.facets.languages} == {"en", "de"}
    assert len(library.all(Query("heart"))) == 120
    few = library.find("heart", language="de").facets
    assert [one.value for one in few.languages] == ["de"]


def test_status_and_one_video_are_filters(library: Library):
    done, busy = library.upload("done.mp4"), library.upload("busy.mp4")
    for upload in (done, busy):
        library.say(upload, "heart and heart")
    library.show(done, {})
    assert [hit.indexed.video_id for hit in library.find("heart", status="ready").hits] == [
        done.video_id
    ] * 2
    assert len(library.find("heart", video_id=busy.video_id).hits) == 2
    assert library.find("heart", video_id="0" * 20).hits == []


@pytest.mark.parametrize("merged", [False, True])
def test_a_common_prefix_is_decided_by_the_pages(
    library: Library, monkeypatch: Any, *, merged: bool
):
    monkeypatch.setattr(search_rows, "_MANY", 3)
    monkeypatch.setattr(search_rows, "_FIRST_ROWS", 2)
    for number in range(20):
        upload = library.upload(f"{number}.mp4")
        library.say(upload, f"heart{number} lung")
        library.show(upload, {})
    library.say(library.upload("other.mp4"), "nothing of the kind")
    if merged:
        assert library.merge() == 20
    assert len(library.all(Query("hear*"))) == 20
    assert len(library.all(Query("hear* lung"))) == 20


def test_a_word_in_some_videos_only_is_found_beyond_the_first_blocks(
    library: Library, monkeypatch: Any
):
    monkeypatch.setattr(candidates, "_LED", (1, 2))
    for number in range(60):
        upload = library.upload(f"{number}.mp4")
        library.say(upload, "rare heart" if number % 9 == 0 else "heart")
        library.show(upload, {})
        if number % 4 == 3:
            library.merge()
    assert library.table.items[RECENT, STATE]["blocks"] == 15
    assert len(library.all(Query("rare heart"))) == 7
    assert len(library.all(Query("rare* heart"))) == 7
    assert len(library.all(Query("heart"))) == 60
