"""The scores distinguish right from wrong."""

import pytest

from samples.accuracy import Row
from samples.scoring import Found, Hearing, Sight
from samples.speech import Word


def words(text: str, shift: float = 0.0) -> list[Word]:
    return [Word(one, i + shift, i + shift + 0.5) for i, one in enumerate(text.split())]


def test_case_and_punctuation_are_not_errors():
    score = Hearing()
    score.add(words("the red star spins"), words("The red star, spins. ...", 0.2))
    assert score.word_error_rate == 0
    assert score.start_error(0.5) == pytest.approx(0.2)


def test_each_kind_of_error_counts():
    score = Hearing()
    score.add(words("a b c d"), words("a x c d"))
    score.add(words("a b c d"), words("a b d"))
    score.add(words("a b c d"), words("a b c c d"))
    score.add(words("a b c d"), [])
    assert score.errors == 1 + 1 + 1 + 4
    assert score.spoken == 16
    assert score.word_error_rate == pytest.approx(7 / 16)


def test_without_a_right_word_there_is_no_start_error():
    score = Hearing()
    score.add(words("a b"), words("c d"))
    assert score.start_error(0.5) == float("inf")


BOX = (10.0, 10.0, 50.0, 50.0)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([Found("ring", BOX, 0.9)], 1.0),
        ([Found("star", BOX, 0.9)], 0.0),  # another label
        ([Found("ring", (40.0, 40.0, 80.0, 80.0), 0.9)], 0.0),  # elsewhere
        ([], 0.0),
        ([Found("ring", (200.0, 200.0, 240.0, 240.0), 0.99), Found("ring", BOX, 0.5)], 0.5),
    ],
)
def test_precision(seen, expected):
    score = Sight(("star", "ring"))
    score.add([Found("ring", BOX)], seen)
    assert score.average_precision()[0] == pytest.approx(expected, abs=0.01)


def test_labels_are_scored_separately():
    score = Sight(("star", "ring", "heart"))
    score.add([Found("ring", BOX), Found("star", BOX)], [Found("ring", BOX, 0.8)])
    half, _, each = score.average_precision()
    assert each == pytest.approx({"star": 0.0, "ring": 1.0}, abs=0.01)
    assert half == pytest.approx(0.5, abs=0.01)


def test_bars():
    assert Row("errors", 0.05, 0.05).passed is True
    assert Row("errors", 0.06, 0.05).passed is False
    assert Row("mAP", 0.91, 0.9, more_is_better=True).passed is True
    assert Row("mAP", 0.89, 0.9, more_is_better=True).passed is False
    assert Row("mAP", float("nan"), 0.9, more_is_better=True).passed is False
    assert Row("told only", 0.5).passed is None
