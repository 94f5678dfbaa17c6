# ruff: noqa: RUF001 - look-alike characters are the subject
import pytest

from pipeline.media import webvtt


@pytest.mark.parametrize(
    "text",
    [
        "می\u200cخواهم",  # Persian: without the non-joiner it is another word
        "क्\u200dष",
        "Donau\u00addampf",
        "\u200fשלום\u200e",
        "\u2067שלום\u2069",
        "👩\u200d🚀",
        "a\u2060b",
        "٦\u0600٧",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",  # the flag of Scotland
    ],
)
def test_format_characters_that_change_what_is_read_are_kept(text):
    assert webvtt.shown(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\ufeffHello", "Hello"),
        ("Hel\ufefflo", "Hello"),
        ("evil\u202egpj.exe", "evilgpj.exe"),
        ("\u202dHi\u202d", "Hi"),
        ("a\x00b\x1b[31mc", "ab[31mc"),
        (" two\n lines\u2028and\ttab ", "two lines and tab"),
        ("hidden\U000e0068\U000e0069", "hidden"),
        ("half\ud800", "half"),
        ("own\ue000", "own"),
        ("none\u0378", "none"),
        ("swapped\u206a1\u206f", "swapped1"),
    ],
)
def test_characters_that_break_or_falsify_text_are_removed(text, shown):
    assert webvtt.shown(text) == shown


@pytest.mark.parametrize(
    ("text", "columns"),
    [("a\u200cb", 2), ("a\u00adb", 2), ("語", 2), ("e\u0301", 1), ("กำ\u0e31", 2), ("\u06dd", 1)],
)
def test_joiners_and_marks_have_no_width(text, columns):
    assert webvtt.columns(text) == columns


def test_times_are_rounded_to_milliseconds():
    assert webvtt.clock(3725.0996) == "01:02:05.100"
    assert webvtt.clock(3725.0996, ",") == "01:02:05,100"
