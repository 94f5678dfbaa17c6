"""Words are compared without case, accents and forms, in every script."""

import pytest

from pipeline.core.search.stems import stem
from pipeline.core.search.tokens import normalised, terms, tokens


def texts(text: str) -> list[str]:
    return [one.text for one in tokens(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Heart-attack, 3.5%!", ["heart", "attack", "3", "5"]),
        ("don't Don\N{RIGHT SINGLE QUOTATION MARK}t", ["dont", "dont"]),
        ("Café ÀÉ Straße", ["cafe", "ae", "strasse"]),
        ("ＦＵＬＬ ﬁne", ["full", "fine"]),  # noqa: RUF001 - full width, a ligature
        ("beach_holiday", ["beach", "holiday"]),
        ("новый ёлка", ["новый", "ёлка"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("한국어 단어", ["한국어", "단어"]),
        ("...", []),
    ],
)
def test_words_are_normalised(text: str, found: list[str]):
    assert texts(text) == found


def test_scripts_without_spaces_are_single_characters_with_their_marks():
    assert texts("心臓is東") == ["心", "臓", "is", "東"]
    assert texts("ที่นี่") == ["ที่", "นี่"]


def test_neighbouring_characters_are_indexed_in_pairs():
    assert terms(list(tokens("心臓病 です"))) == ["心臓", "臓病", "病", "です", "す"]


def test_places_are_those_in_the_text():
    text = "Ça «marche»!"
    assert [text[one.start : one.end] for one in tokens(text)] == ["Ça", "marche"]


def test_a_very_long_word_is_cut():
    assert len(normalised("a" * 500)) == 64


def test_words_have_the_stem_of_their_language():
    assert stem("hearts", "en") == stem("heart", "en")
    assert stem("herzen", "de") == stem("herz", "de")
    assert stem("hearts", None) == stem("hearts", "xx") == "hearts"
    assert stem("2026", "en") == "2026"
