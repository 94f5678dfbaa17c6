"""Comparison of transcripts by word error rate."""

import random

import jiwer
import pytest

from pipeline.results.comparison.words import compare, normalised
from tests.unit.results.results import transcript


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Well-known, 3.5!", ["well", "known", "3", "5"]),
        ("\u201cDon\u2019t\u201d, 'she' said\u2026", ["don't", "she", "said"]),
        ("STRASSE stra\u00dfe \uff21", ["strasse", "strasse", "a"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("cafe\u0301 caf\u00e9", ["caf\u00e9", "caf\u00e9"]),
        ("♪ -- ' …", []),
    ],
)
def test_case_and_punctuation_are_not_words(text, words):
    assert normalised(text) == words


def test_edits_are_counted_against_the_words_of_the_reference():
    found = compare(
        transcript("the red ball rolls", "far away"), transcript("a red ball", "so far away")
    )
    assert (found.words, found.hits) == (6, 4)
    assert (found.substitutions, found.deletions, found.insertions) == (2, 0, 0)
    assert found.wer == pytest.approx(2 / 6)


def test_what_differs_by_case_and_punctuation_alone_does_not_differ():
    found = compare(transcript("Hello, World."), transcript("hello world"))
    assert (found.wer, found.changes, found.hits) == (0, [], 2)


def test_changes_tell_the_words_and_when():
    found = compare(
        transcript("one two", "three four", "five six"),
        transcript("one too", "three four", "and five six"),
    )
    told = [(change.time, change.before, change.after) for change in found.changes]
    assert told == [(0.5, "two", "too"), (2.0, "", "and")]
    gone = compare(transcript("one two"), transcript("two"))
    assert [(one.time, one.before, one.after) for one in gone.changes] == [(0, "one", "")]


def test_changes_beside_one_another_are_one():
    found = compare(transcript("a b c d e"), transcript("a x y z d e"))
    assert [(one.before, one.after) for one in found.changes] == [("b c", "x y z")]
    assert (found.substitutions, found.insertions) == (2, 1)


def test_only_so_many_changes_are_listed_and_all_are_counted():
    before = " ".join(f"same w{n}" for n in range(30))
    after = " ".join(f"same v{n}" for n in range(30))
    found = compare(transcript(before), transcript(after), most=10)
    assert (len(found.changes), found.unlisted, found.substitutions) == (10, 20, 30)
    assert found.changes[0].before == "w0"


def test_without_words_there_is_no_rate():
    found = compare(transcript(), transcript("out of nothing"))
    assert (found.words, found.insertions, found.wer) == (0, 3, None)
    assert compare(transcript(), transcript()).wer is None


def test_languages_without_spaces_are_compared_by_character():
    found = compare(transcript("今天天气", language="zh"), transcript("今日天气", language="zh"))
    assert (found.words, found.substitutions) == (4, 1)
    spaced = compare(transcript("abcd"), transcript("abxd"))
    assert (spaced.words, spaced.substitutions) == (1, 1)


def test_another_language_is_told():
    found = compare(transcript("ja", language="de"), transcript("ya", language="en"))
    assert (found.language_before, found.language_after) == ("de", "en")


@pytest.mark.parametrize("seed", range(5))
def test_counts_are_those_of_a_minimal_alignment(seed):
    chance = random.Random(seed)  # noqa: S311 - nothing secret
    said, heard = (" ".join(chance.choices("abcdef", k=60)) for _ in range(2))
    trusted = jiwer.process_words(said, heard)
    found = compare(transcript(said), transcript(heard))
    assert found.wer == pytest.approx(trusted.wer, abs=1e-6)
    assert found.substitutions + found.hits + found.deletions == 60
    assert found.substitutions + found.hits + found.insertions == 60
