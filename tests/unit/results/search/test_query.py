"""A query says what is wrong with it, and a cursor belongs to one query."""

import pytest

from pipeline.core.errors import BadInput, InvalidArgument
from pipeline.results.search.candidates import Place
from pipeline.results.search.cursor import Cursor, Key
from pipeline.results.search.query import Query


def wanted(text: str) -> list[list[tuple[str, bool]]]:
    phrases, _ = Query(text).parts(["en"])
    return [[(word.text, word.prefix) for word in phrase.words] for phrase in phrases]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("heart attack", [[("heart", False)], [("attack", False)]]),
        ('"Heart attack"', [[("heart", False), ("attack", False)]]),
        ("co-operate card*", [[("co", False), ("operate", False)], [("card", True)]]),
        ("心臓病", [[("心臓", False), ("臓病", False)]]),
        ("心", [[("心", True)]]),
        ("heart heart -lung", [[("heart", False)]]),
    ],
)
def test_a_query_is_read(text: str, parts: list[list[tuple[str, bool]]]):
    assert wanted(text) == parts


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty_query"),
        ("-heart", "empty_query"),
        ("...", "empty_query"),
        ("h*", "prefix_too_short"),
        ("a b c d e f g h i j k l m", "long_query"),
        ("a -b -c -d -e -f -g -h -i -j -k -l -m", "long_query"),
    ],
)
def test_a_query_that_cannot_be_answered_is_rejected(text: str, code: str):
    with pytest.raises(InvalidArgument) as rejected:
        Query(text).parts(["en"])
    assert rejected.value.code == code


def test_a_cursor_is_read_for_its_own_query_only():
    cursor = Cursor(Place(7, "v"), Key(-1, -2, "v", 3, 4), first=False)
    text = cursor.encode(Query("heart"))
    assert Cursor.decode(text, Query("heart")) == cursor
    for broken, query in ((text, Query("other")), ("x", Query("heart")), ("!", Query("heart"))):
        with pytest.raises(BadInput) as rejected:
            Cursor.decode(broken, query)
        assert rejected.value.code == "invalid_cursor"
