import pytest
import webvtt

from pipeline.core.errors import BadInput
from pipeline.results.captions import to_webvtt

SRT = (
    "1\n00:00:01,000 --> 00:00:02,500\nGrüße &\nmehr\n\n"
    "2\n00:00:03,000 --> 00:00:04,000\n<i>Zwei</i>\n"
)


def cues(content):
    return [(c.start, c.end, c.raw_text) for c in webvtt.from_string(to_webvtt(content)).captions]


EXPECTED = [
    ("00:00:01.000", "00:00:02.500", "Grüße &amp;\nmehr"),
    ("00:00:03.000", "00:00:04.000", "<i>Zwei</i>"),
]


@pytest.mark.parametrize(
    "content",
    [
        SRT.encode(),
        SRT.encode("utf-8-sig"),
        SRT.encode("utf-16"),
        SRT.encode("cp1252"),
        SRT.replace("\n", "\r\n").encode(),
        SRT.replace("\n", "\r").encode(),
        SRT.replace("\n\n", "\n").encode(),  # no blank line between cues
        SRT.replace("1\n0", "0").replace("2\n0", "0").encode(),  # no numbers
        SRT.replace(",", ".").replace("00:00:0", "0:0:0").encode(),
        SRT.replace("2,500\n", "2,500  X1:40 X2:600 Y1:20 Y2:50\n").encode(),
    ],
)
def test_subrip_is_read_as_people_write_it(content):
    assert cues(content) == EXPECTED


def test_markup_that_webvtt_lacks_is_removed_and_the_rest_is_text():
    text = '{\\an8}<font color="#ff0000">Red</font> <b>bold</b> <script>1 < 2</script>'
    (cue,) = cues(f"1\n00:00:01,000 --> 00:00:02,000\n{text}\n".encode())
    assert cue[2] == "Red <b>bold</b> &lt;script&gt;1 &lt; 2&lt;/script&gt;"


def test_cues_come_in_order_and_empty_ones_are_left_out():
    srt = (
        "00:00:05,000 --> 00:00:06,000\nlater\n\n00:00:01,000 --> 00:00:02,000\nfirst\n\n"
        "00:00:03,000 --> 00:00:03,000\nnever\n\n00:00:04,000 --> 00:00:04,500\n\n"
    )
    assert [text for *_, text in cues(srt.encode())] == ["first", "later"]


def test_webvtt_is_kept_as_it_is():
    vtt = "WEBVTT - talk\n\nSTYLE\n::cue { color: red }\n\n00:01.000 --> 00:02.000 line:0\nHi\n"
    assert to_webvtt(vtt.replace("\n", "\r\n").encode("utf-8-sig")) == vtt


@pytest.mark.parametrize("content", [b"", b"no captions", b"\x00\x01\x02", b"WEBVTT\n\nnothing"])
def test_a_file_without_captions_is_rejected(content):
    with pytest.raises(BadInput, match="no captions"):
        to_webvtt(content)


@pytest.mark.parametrize(
    "content",
    [
        SRT.encode("utf-16") + b"x",  # half a character
        SRT.encode("cp1252").replace(b"mehr", b"\x81"),  # a byte without a meaning
        SRT.replace("mehr", "\0").encode(),
    ],
)
def test_bytes_that_are_no_text_are_replaced(content):
    shown = to_webvtt(content)
    assert "\ufffd" in shown
    assert "\0" not in shown
