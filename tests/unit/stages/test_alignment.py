import pytest

from pipeline.stages.transcribe import alignment
from pipeline.stages.transcribe.alignment import Timed


def words(*texts, language="en", length=0.3):
    parts = [Timed(text, at * length, (at + 1) * length, 0.9, 1) for at, text in enumerate(texts)]
    return alignment.words(parts, language)


@pytest.mark.parametrize(
    ("parts", "language", "expected"),
    [
        ((" Hel", "lo", ",", " world", "."), "en", [" Hello,", " world."]),
        ((" He", " said", ' "', "No", '"', "."), "en", [" He", " said", ' "No".']),
        ((" don", "'", "t"), "en", [" don't"]),
        (("東", "京", "。", "「", "は", "」"), "ja", ["東", "京。", "「は」"]),
        ((" ", "a"), "en", [" a"]),
    ],
)
def test_parts_become_words_with_their_punctuation(parts, language, expected):
    assert [word.text for word in words(*parts, language=language)] == expected


def test_a_word_begins_where_its_first_letter_does():
    (_, _, quoted) = words(" He", " said", ' "', "No")
    assert quoted.start == pytest.approx(0.9)


def test_a_word_stretched_over_silence_is_shortened_at_the_side_of_the_silence():
    parts = [
        Timed(" First", 0.0, 4.0, 0.9, 1),
        Timed(" second", 4.0, 4.3, 0.9, 1),
        Timed(" third", 4.3, 4.6, 0.9, 1),
        Timed(".", 4.6, 4.6, 0.9, 1),
    ]
    first, second, third = alignment.words(parts, "en")
    assert (first.start, first.end) == (3.4, 4.0)
    assert (second.start, third.end) == (4.0, 4.6)


def test_times_come_from_the_path_and_probabilities_from_the_tokens():
    pairs = [(0, 0), (0, 1), (1, 10), (1, 11), (2, 20), (3, 30)]
    ((first,), (second,)) = alignment.parts([[("a", 2)], [("b", 1)]], pairs, [0.5, 0.5, 0.8])
    assert (first.start, first.end, second.end) == pytest.approx((0.06, 0.46, 0.66))
    assert (first.probability, second.probability) == pytest.approx((0.5, 0.8))


def test_a_path_that_ends_early_gives_the_last_time_to_the_rest():
    ((part,),) = alignment.parts([[("a", 2)]], [(0, 5)], [0.5, 0.5])
    assert (part.start, part.end) == pytest.approx((0.16, 0.16))
