import re
from urllib.parse import unquote

import pytest

from pipeline.core.disposition import content_disposition


def parsed(value):
    """Return the file name that a browser reads of a header: the encoded one, if there is one."""
    if encoded := re.search(r"; filename\*=UTF-8''(\S+)$", value):
        return unquote(encoded[1], errors="strict")
    return re.fullmatch(r'\w+; filename="([^"]*)"', value)[1]


@pytest.mark.parametrize(
    "name",
    [
        "film.mp4",
        "film 1.mp4",
        "日本語-captions.vtt",
        "Grüße.srt",
        "फ़िल्म.txt",
        "🎬.mp4",
        'a"b\\c.txt',
    ],
)
def test_a_name_in_any_script_survives(name):
    value = content_disposition("attachment", name)
    assert value.isascii()
    assert value.isprintable()
    assert parsed(value) == name


def test_an_ascii_name_is_sent_once():
    assert content_disposition("attachment", "a b.mp4") == 'attachment; filename="a b.mp4"'


@pytest.mark.parametrize(
    ("name", "plain"),
    [("Grüße.srt", "Gru_e.srt"), ("日本.vtt", "vtt"), ("映画", "download"), ('a"; x="b', "a_x_b")],
)
def test_programs_that_do_not_read_the_encoded_form_get_an_ascii_name(name, plain):
    assert content_disposition("inline", name).split("; filename*")[0] == (
        f'inline; filename="{plain}"'
    )


def test_nothing_can_be_added_to_the_header():
    value = content_disposition("inline", "a\r\nSet-Cookie: x=\u2028y.mp4")
    assert value.isprintable()
    assert value.isascii()
