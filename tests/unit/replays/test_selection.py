"""The videos that a replay selects."""

from datetime import timedelta
from typing import Any

import pytest

from pipeline.core.errors import BadInput, Lost
from pipeline.core.stage import Notice, Result
from pipeline.replays.request import Selection
from pipeline.replays.selection import walk
from tests.fakes import toystage
from tests.fakes.claims import claim_run
from tests.fakes.installation import WHEN, House, event_of, fail


def chosen(house: House, after: str | None = None, **wanted: Any) -> list[str]:
    """Return the names of the selected videos, in the order of the walk."""
    found = walk(house.catalog, Selection(**wanted), after=after)
    return [video.upload.name for _, video in found if video]


@pytest.fixture
def five(house: House) -> dict[str, str]:
    """Five videos an hour apart, each with something of its own; ids by name."""
    ids = {}
    for number, name in enumerate("abcde"):
        when = WHEN - timedelta(hours=number)
        house.toy.run_ = house.twin.run_ = toystage.run
        if name == "b":
            house.toy.run_ = fail(BadInput("no_video", "no"))
        if name == "c":
            house.toy.run_ = house.twin.run_ = fail(BadInput("no_video", "no"))
        if name == "d":
            house.toy.run_ = warned
        options = {"toy-text": "Dog"} if name == "e" else {}
        ids[name] = house.process(name, when=when, options=options)
    house.toy.run_ = house.twin.run_ = toystage.run
    return ids


def warned(*_: Any) -> Result:
    notice = Notice(code="odd", message="odd")
    return Result(artifacts=[], summary={}, labels=["Cat"], warnings=[notice])


@pytest.mark.usefixtures("five")
def test_an_empty_selection_selects_everything_newest_first(house: House):
    assert chosen(house) == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({"prefix": "videos/a"}, "a"),
        ({"prefix": "other/"}, ""),
        ({"uploaded_after": WHEN - timedelta(hours=1)}, "ab"),
        ({"uploaded_before": WHEN - timedelta(hours=1)}, "cde"),
        (
            {
                "uploaded_after": WHEN - timedelta(hours=3),
                "uploaded_before": WHEN - timedelta(hours=1),
            },
            "cd",
        ),
        ({"label": "cat"}, "d"),
        ({"label": "CAT"}, "d"),
        ({"label": "hello", "prefix": "videos/b"}, "b"),
        ({"label": "hello", "uploaded_before": WHEN}, "bde"),
        ({"status": "ready"}, "ae"),
        ({"status": "partial"}, "b"),
        ({"status": "failed"}, "c"),
        ({"status": "ready_with_warnings"}, "d"),
        ({"failure_class": "bad_input"}, "cb"),
        ({"failure_class": "bad_input", "status": "partial"}, "b"),
        ({"failure_class": "bad_input", "uploaded_after": WHEN - timedelta(hours=1)}, "b"),
        ({"failure_class": "lost"}, ""),
    ],
)
@pytest.mark.usefixtures("five")
def test_each_field_narrows_the_selection(house: House, wanted: dict[str, Any], names: str):
    assert chosen(house, **wanted) == list(names)


def test_ids_are_walked_in_order_once_without_unknown_ones(house: House, five: dict[str, str]):
    ids = [five["d"], "0" * 20, five["a"], five["d"]]
    assert chosen(house, videos=ids) == ["d", "a"]
    assert chosen(house, videos=ids, prefix="videos/a") == ["a"]


def test_of_named_videos_only_those_of_the_failure_class_are_selected(
    house: House, five: dict[str, str]
):
    ids = list(five.values())
    assert chosen(house, videos=ids, failure_class="bad_input") == ["b", "c"]


def test_a_deleted_video_is_never_selected(house: House, five: dict[str, str]):
    house.delete("c")
    assert "c" not in chosen(house)
    assert chosen(house, videos=[five["c"]]) == []
    assert chosen(house, failure_class="bad_input") == ["b"]


def test_a_video_is_selected_only_at_the_place_of_its_latest_upload(house: House):
    house.process("a", when=WHEN)
    stale = house.upload("b", when=WHEN - timedelta(hours=2))
    house.run("toy", stale)
    row = dict(house.table.items[event_of(stale).video_id, "label#toy#hello"])
    house.process("b", body=b"b again", when=WHEN - timedelta(hours=1))
    house.table.items[event_of(stale).video_id, "label#old#hello"] = row | {"sk": "label#old#hello"}
    assert chosen(house, label="hello") == ["a", "b"]
    assert len(list(walk(house.catalog, Selection(label="hello")))) == 3, "a leftover is passed"


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"label": "hello"},
        {"uploaded_before": WHEN},
        {"failure_class": "bad_input"},
        {"status": "ready"},
        {"videos": True},
    ],
    ids=str,
)
def test_a_walk_resumed_at_any_place_gives_exactly_the_rest(
    house: House, five: dict[str, str], wanted: dict[str, Any]
):
    if "videos" in wanted:
        wanted = {"videos": [*five.values(), five["b"]]}
    selection = Selection(**wanted)
    whole = [(place, video and video.video_id) for place, video in walk(house.catalog, selection)]
    assert whole
    for number, (place, _) in enumerate(whole):
        rest = walk(house.catalog, selection, after=place)
        assert [(p, v and v.video_id) for p, v in rest] == whole[number + 1 :]


def test_a_walk_reads_only_what_its_index_lists(house: House, five: dict[str, str]):
    for wanted, index in (
        ({"label": "cat"}, "labels"),
        ({"failure_class": "bad_input"}, "failures"),
        ({"uploaded_after": WHEN}, "uploads"),
    ):
        house.table.queries.clear()
        chosen(house, **wanted)
        assert {query.get("IndexName") for query in house.table.queries} == {index}
    house.table.queries.clear()
    chosen(house, videos=list(five.values()))
    assert house.table.queries == []


@pytest.mark.usefixtures("five")
def test_a_walk_through_a_window_of_time_ends_where_the_window_does(house: House):
    window = Selection(uploaded_after=WHEN - timedelta(hours=2), uploaded_before=WHEN)
    assert len(list(walk(house.catalog, window))) == 2


def test_of_two_stages_that_failed_the_later_one_is_the_place_of_their_video(house: House):
    vid = house.process("a", stages=())
    house.toy.run_ = fail(BadInput("one", "one"))
    body = house.upload("a", body=b"again")
    house.run("toy", body)
    run = claim_run(house.catalog.runs, event_of(body), "twin", event_id="e", lease_s=60)
    house.catalog.runs.end(vid, run, "failed", Lost("lost", "another class"))
    assert chosen(house, failure_class="bad_input") == ["a"]
    assert chosen(house, failure_class="lost") == ["a"]
    places = [place for place, _ in walk(house.catalog, Selection(failure_class="lost"))]
    assert len(places) == 1
