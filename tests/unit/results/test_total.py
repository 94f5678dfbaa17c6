"""Sums of many differences: their content, and their bounded size."""

import json

import pytest

from pipeline.results.comparison import Comparison, compare
from tests.unit.results.results import cost, diff, result, transcript
from tests.unit.results.test_diff import DULL, rung


def heard(before: str, after: str, *, seconds=(1, 1)):
    files = {"a/t": transcript(before), "b/t": transcript(after)}
    return compare(
        result({"t": ("transcript_json", b"1")}, prefix="a/", cost=cost(seconds[0])),
        result({"t": ("transcript_json", b"2")}, prefix="b/", cost=cost(seconds[1])),
        lambda key: files[key].model_dump_json().encode(),
    )


def labelled(before: str, after: str, stage: str = "toy"):
    return diff(
        result(labels=before.split(), stage=stage), result(labels=after.split(), stage=stage)
    )


def total(*diffs) -> Comparison:
    found = Comparison()
    for one in diffs:
        found = found.add(one)
    return found


def test_the_error_rate_is_over_all_words_together():
    found = total(heard("a b c d e f g h i", "a b c d e f g h x"), heard("a", "b c"))
    assert (found.words, found.edits) == (10, 3)
    assert found.wer == pytest.approx(0.3)


def test_labels_are_counted_in_all_and_by_name():
    found = total(labelled("cat dog", "cat owl"), labelled("", "owl"), labelled("owl", ""))
    assert (found.labels_gained, found.labels_lost) == (2, 2)
    assert {name: (one.gained, one.lost) for name, one in found.labels.items()} == {
        "owl": (2, 1),
        "dog": (0, 1),
    }


def test_results_of_all_stages_are_counted():
    found = total(*(labelled("", "", stage) for stage in ("detect", "detect", "toy")))
    assert found.results == 3
    assert {name: one.results for name, one in found.stages.items()} == {"detect": 2, "toy": 1}


def test_renditions_and_warnings_are_counted():
    found = total(
        diff(
            result(summary={"renditions": [rung("a", 90)]}, warnings=[DULL]),
            result(summary={"renditions": [rung("b", 90), rung("c", 90)]}),
        ),
        diff(result(), result(warnings=[DULL])),
    )
    assert (found.renditions_added, found.renditions_removed) == (2, 1)
    assert (found.warnings_gained, found.warnings_lost) == (1, 1)


def test_it_is_small_however_many_labels_there_are_and_counts_them_all():
    many = " ".join(f"label-{n}" for n in range(500))
    found = total(*[labelled("", many)] * 20, labelled("label-0", "label-400"))
    assert (found.labels_gained, found.labels_lost) == (10_001, 1)
    assert len(found.labels) == 50
    assert (found.labels["label-0"].gained, found.labels["label-0"].lost) == (20, 1)
    assert len(found.model_dump_json()) < 4000


def test_it_comes_back_from_json_as_it_was():
    found = total(heard("a b", "a c", seconds=(0.1, 0.2)), labelled("cat", "owl"))
    stored = json.loads(json.dumps(found.model_dump()))
    assert Comparison.model_validate(stored) == found
    assert (stored["results"], stored["wer"]) == (2, 0.5)


def test_sentences_use_singular_and_plural():
    found = total(
        *[heard("a " * 999 + "b", "a " * 999 + "c", seconds=(1, 1.8))] * 31,
        labelled(" ".join(f"l{n}" for n in range(15)), " ".join(f"g{n}" for n in range(412))),
    )
    assert (
        found.sentences()
        == [
            "32 results compared",
            "WER against current 0.1 %",
            "412 labels gained, 15 lost",
            "toy: 1.7\N{MULTIPLICATION SIGN} time, 1.6\N{MULTIPLICATION SIGN} bytes",
        ]
        or found.sentences()
    )


def test_sentences_leave_out_what_did_not_change():
    assert Comparison().sentences() == ["0 results compared"]
    assert total(labelled("cat", "cat")).sentences()[:2] == [
        "1 result compared",
        "toy: 1.0\N{MULTIPLICATION SIGN} time, 1.0\N{MULTIPLICATION SIGN} bytes",
    ]
    assert "3 words heard where there were none" in total(heard("...", "a b c")).sentences()
