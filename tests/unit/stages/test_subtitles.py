# ruff: noqa: RUF001 - look-alike characters are the subject
import webvtt

from pipeline.core.media_info import SubtitleStream
from pipeline.stages.transcode import chapters, extras, subtitles

MADE = """WEBVTT

00:00.500 --> 00:02.000
Tom & Jerry <3 <i>cheese</i>

second line after an empty one

01:00:01.000 --> 01:00:02.000
\ufeff\u202eلا\u200cم

00:09.000 --> 00:20.000
cut at the end

00:08.000 --> 00:09.000

"""


def test_what_ffmpeg_writes_becomes_valid_and_safe(tmp_path):
    text = subtitles.clean(MADE, 10.0)
    assert "Tom &amp; Jerry &lt;3 <i>cheese</i>\nsecond line after an empty one" in text
    (tmp_path / "made.vtt").write_text(text)
    cues = webvtt.read(tmp_path / "made.vtt").captions
    assert [(cue.start, cue.end) for cue in cues] == [
        ("00:00:00.500", "00:00:02.000"),
        ("00:00:09.000", "00:00:10.000"),
    ]


def test_a_cue_without_an_end_lasts_until_the_next_one():
    times = "00:01.000 --> 00:01.000\n{}\n\n", "00:03.000 --> 00:03.000\n{}\n\n"
    text = subtitles.clean("".join(one.format("x") for one in times), 60.0)
    assert "00:00:01.000 --> 00:00:03.000" in text
    assert "00:00:03.000 --> 00:00:08.000" in text


def test_joiners_survive_and_overrides_do_not():
    assert "لا\u200cم" in subtitles.clean(MADE, 4000.0)
    assert "\u202e" not in subtitles.clean(MADE, 4000.0)


def test_chapters_are_in_order_within_the_video_and_do_not_overlap():
    found = chapters.arranged(
        [(5.0, 9.0, "Two"), (0.0, 6.0, "One"), (9.0, 9.0, ""), (30.0, 31.0, "Outside")], 12.0
    )
    assert [(c.start, c.end, c.title) for c in found.chapters] == [
        (0.0, 5.0, "One"),
        (5.0, 9.0, "Two"),
        (9.0, 12.0, "Chapter 3"),
    ]
    assert "00:00:05.000 --> 00:00:09.000\nTwo\n" in found.vtt()


def test_a_file_without_chapters_in_the_video_has_none():
    assert chapters.arranged([(30.0, 31.0, "Outside")], 12.0).chapters == []


def test_subtitles_that_are_pictures_are_named_when_they_are_left_out():
    given = tuple(
        SubtitleStream(index=n, codec=codec)
        for n, codec in enumerate(("subrip", "hdmv_pgs_subtitle", "dvd_subtitle"))
    )
    text = [track for track in given if subtitles.is_text(track)]
    assert text == [given[0]]
    (notice,) = extras._notices(given, text, text)
    assert (notice.code, notice.level) == ("subtitles_left_out", "info")
    assert "2 of 3" in notice.message
    assert "dvd_subtitle, hdmv_pgs_subtitle" in notice.message
    (notice,) = extras._notices(given[:1], text, [])
    assert notice.code == "subtitles_empty"
