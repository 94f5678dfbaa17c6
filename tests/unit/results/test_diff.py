"""Comparison of two results of any stage, and of what they have in common."""

import pytest

from pipeline.core.stage import Notice
from pipeline.results.comparison import compare
from pipeline.results.comparison.labels import without
from tests.unit.results.results import cost, diff, result, seen, transcript

ODD, DULL = Notice(code="odd", message="3 errors."), Notice(code="dull", message="Dull.")


def rung(name, height, average=1000, codecs="avc1"):
    return {
        "name": name,
        "width": height * 16 // 9,
        "height": height,
        "fps": 25,
        "bandwidth": 2 * average,
        "average_bandwidth": average,
        "codecs": codecs,
        "copied": False,
    }


def test_equal_results_differ_in_nothing():
    one = result({"a.txt": ("text", b"a")}, labels=["cat"], summary=seen(cat=(1, 1, [(0, 1)])))
    found = diff(one, one).model_dump(exclude_none=True)
    assert not any(found[name] for name in ("params", "models", "artifacts", "warnings_gained"))
    assert found["labels"] == {"gained": [], "lost": [], "changed": []}
    assert found["seconds"]["ratio"] == 1
    assert "code_version" not in found


def test_what_made_a_result_is_compared_whatever_the_stage():
    before = result(params={"a": 1, "b": 2}, identity={"model": "x"}, version="1", cost=cost(2))
    after = result(
        params={"a": 1, "b": None, "c": [3]},
        identity={"model": "y", "engine": "z"},
        version="2",
        fingerprint="other",
        cost=cost(3, bytes_out=50),
    )
    found = diff(before, after)
    assert {name: (one.before, one.after) for name, one in found.params.items()} == {
        "b": (2, None),
        "c": (None, [3]),
    }
    assert {name: (one.before, one.after) for name, one in found.models.items()} == {
        "engine": (None, "z"),
        "model": ("x", "y"),
    }
    assert found.code_version is not None
    assert (found.code_version.before, found.code_version.after) == ("1", "2")
    assert (found.seconds.ratio, found.bytes.ratio) == (1.5, 0.5)
    assert (found.before, found.after) == ("toy-fingerprint", "other")
    assert (found.transcript, found.labels, found.renditions) == (None, None, None)


def test_a_cost_of_nothing_has_no_ratio():
    found = diff(result(cost=cost(0)), result(cost=cost(1)))
    assert found.seconds.ratio is None


def test_warnings_come_and_go_by_kind():
    found = diff(
        result(warnings=[ODD, DULL]),
        result(warnings=[ODD.model_copy(update={"message": "4 errors."})]),
    )
    assert (found.warnings_gained, found.warnings_lost) == ([], [DULL])
    back = diff(result(warnings=[ODD]), result(warnings=[ODD, DULL]))
    assert (back.warnings_gained, back.warnings_lost) == ([DULL], [])


def test_files_that_came_went_or_differ_are_told_with_their_size():
    before = result({"a": ("x", b"1"), "b": ("x", b"22"), "same": ("x", b"0"), "s": ("x", b"9")})
    after = result({"b": ("x", b"333"), "c": ("y", b"4"), "same": ("x", b"0"), "s": ("x", b"8")})
    found = [(one.name, one.role, one.before, one.after) for one in diff(before, after).artifacts]
    assert found == [("a", "x", 1, None), ("b", "x", 2, 3), ("c", "y", None, 1), ("s", "x", 1, 1)]


def test_a_transcript_is_found_by_its_role():
    files = {
        "old/speech.json": transcript("one two").model_dump_json().encode(),
        "new/other.json": transcript("one too").model_dump_json().encode(),
    }
    before = result({"speech.json": ("transcript_json", b"1")}, prefix="old/")
    after = result({"other.json": ("transcript_json", b"2")}, prefix="new/")
    found = compare(before, after, files.__getitem__)
    assert found.transcript is not None
    assert found.transcript.wer == 0.5
    assert compare(before, result(), files.__getitem__).transcript is None


def test_a_transcript_in_a_form_of_its_own_is_compared_as_a_file():
    files = {"speech.json": ("transcript_json", b"{}")}
    assert compare(result(files), result(files), lambda _: b"{}").transcript is None


# -- labels --------------------------------------------------------------------------------------


def test_labels_come_and_go_in_any_case():
    found = diff(result(labels=["Cat", "dog"]), result(labels=["cat", "owl"])).labels
    assert found is not None
    assert (found.gained, found.lost, found.changed) == (["owl"], ["dog"], [])


def test_a_label_that_is_seen_otherwise_tells_how_often_and_when():
    before = result(labels=["cat", "dog"], summary=seen(cat=(4, 1, [(0, 2)]), dog=(1, 1, [(0, 0)])))
    after = result(labels=["cat", "dog"], summary=seen(Cat=(6, 2, [(1, 3)]), dog=(1, 1, [(0, 0)])))
    found = diff(before, after).labels
    assert found is not None
    (cat,) = found.changed
    assert (cat.label, cat.frames_before, cat.frames_after) == ("cat", 4, 6)
    assert (cat.tracks_before, cat.tracks_after) == (1, 2)
    assert (cat.only_before, cat.only_after) == ([(0, 1)], [(2, 3)])


def test_labels_without_a_summary_of_a_known_form_are_still_compared():
    found = diff(
        result(labels=["cat"], summary={"labels": ["cat"]}),
        result(labels=["owl"], summary={"labels": {"owl": 3}}),
    ).labels
    assert found is not None
    assert (found.gained, found.lost, found.changed) == (["owl"], ["cat"], [])


@pytest.mark.parametrize(
    ("intervals", "others", "left"),
    [
        ([(0, 4)], [], [(0, 4)]),
        ([(0, 4)], [(1, 2), (3, 5)], [(0, 1), (2, 3)]),
        ([(0, 4)], [(3, 5), (-1, 1)], [(1, 3)]),
        ([(0, 4)], [(0, 4)], []),
        ([(0, 1), (2, 3)], [(0.5, 2.5)], [(0, 0.5), (2.5, 3)]),
        ([(0, 4)], [(4, 5), (-2, 0)], [(0, 4)]),
        ([(2, 2)], [], [(2, 2)]),
        ([(2, 2)], [(1, 3)], []),
        ([(2, 2)], [(0, 1)], [(2, 2)]),
        ([(0, 4)], [(2, 2)], [(0, 2), (2, 4)]),
        ([(0, 2)], [(0, 5), (1, 1)], []),
    ],
)
def test_what_others_do_not_cover_is_left(intervals, others, left):
    assert without(intervals, others) == left


# -- renditions ----------------------------------------------------------------------------------


def test_rungs_are_compared_by_name():
    before = result(summary={"renditions": [rung("a", 720), rung("b", 360), rung("c", 180)]})
    after = result(summary={"renditions": [rung("a", 720, 1500), rung("c", 180), rung("d", 90)]})
    found = diff(before, after).renditions
    assert found is not None
    assert [one.name for one in found.added] == ["d"]
    assert [one.name for one in found.removed] == ["b"]
    (changed,) = found.changed
    assert (changed.name, changed.before.average_bandwidth) == ("a", 1000)
    assert changed.after.average_bandwidth == 1500


def test_renditions_of_an_unknown_form_are_none():
    found = diff(result(summary={"renditions": 3}), result(summary={"renditions": ["a"]}))
    assert found.renditions is None
