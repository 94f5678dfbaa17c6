import pytest

from pipeline.core import languages


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        *[
            (tag, "de")
            for tag in ("de", "DE", "de-DE", "de_AT", "deu", "ger", "GER", " de-Latn-DE ")
        ],
        ("eng", "en"),
        ("zh-Hans-CN", "zh"),
        ("cmn", "zh"),
        ("yue", "yue"),
        ("iw", "he"),
        ("haw", "haw"),
        ("nob", "nb"),
    ],
)
def test_every_tag_of_a_language_gives_its_shortest_code(tag, code):
    assert languages.code(tag) == code


@pytest.mark.parametrize("tag", [None, "", "und", "mul", "zxx", "German", "d", "de DE", "1"])
def test_what_names_no_language_has_no_code(tag):
    assert languages.code(tag) is None
