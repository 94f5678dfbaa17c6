# ruff: noqa: RUF001, S311 - look-alike characters are the subject; randomness is seeded
import html
import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pysubs2
import pytest
import webvtt

from pipeline.stages.transcribe import captions
from pipeline.stages.transcribe.transcript import Word

LIMITS = captions.Limits()


def said(text, *, start=0.0, pace=0.3):
    """Return words spoken one after another, ``pace`` seconds each."""
    return [
        Word(text=f" {word}", start=start + i * pace, end=start + (i + 1) * pace, probability=0.9)
        for i, word in enumerate(text.split())
    ]


def texts(cues):
    return [" ".join(cue.lines) for cue in cues]


def rambling(rng, words):
    """Return speech as models report it: pauses, odd durations, very long and wide words."""
    clock, spoken = rng.uniform(0, 3), []
    for _ in range(words):
        clock += rng.choice((0, 0, 0, 0.05, 0.3, 0.9, 4))
        length = rng.uniform(0.08, 0.5)
        text = rng.choice("ab") * rng.choice((1, 3, 5, 8, 12)) + rng.choice(("", "", ",", ".", "?"))
        text = rng.choice((text, text, text, text, "語語", "x" * 60))
        spoken.append(Word(text=f" {text}", start=clock, end=clock + length, probability=0.5))
        clock += length
    return spoken, clock + rng.choice((0, 0.2, 5))


@pytest.mark.parametrize("seed", range(40))
def test_any_speech_becomes_cues_within_the_limits(seed):
    words, duration = rambling(random.Random(seed), 120)
    cues = captions.cues(words, LIMITS, duration)
    shown = "".join("".join(cue.lines) for cue in cues).replace(" ", "")
    assert shown == "".join(word.text for word in words).replace(" ", "")
    for cue in cues:
        assert 1 <= len(cue.lines) <= 2
        assert all(0 < captions.columns(line) <= 42 for line in cue.lines)
        assert 0 <= cue.start < cue.end <= round(duration, 3)
        assert cue.end - cue.start <= LIMITS.max_s + 0.001
    for cue, following in pairwise(cues):
        assert cue.end <= following.start


@pytest.mark.parametrize("seed", range(20))
def test_ordinary_speech_is_shown_for_at_least_a_second_a_cue(seed):
    rng = random.Random(seed)
    words, clock = [], 0.0
    for _ in range(80):
        clock += rng.choice((0, 0, 0, 0.2, 1, 3))
        text = "w" * rng.randint(1, 9) + rng.choice(("", "", "", ",", "."))
        words.append(Word(text=f" {text}", start=clock, end=clock + 0.3, probability=1))
        clock += 0.3
    cues = captions.cues(words, LIMITS, clock)
    assert min(cue.end - cue.start for cue in cues) >= LIMITS.min_s - 0.001


def test_a_sentence_that_fits_is_a_cue_of_its_own():
    words = said("The red star moves to the left. Two blue rings fall down. It stops there, then.")
    assert texts(captions.cues(words, LIMITS, 60)) == [
        "The red star moves to the left.",
        "Two blue rings fall down.",
        "It stops there, then.",
    ]


def test_a_long_sentence_is_broken_after_a_clause():
    first = "When the yellow triangle had crossed the whole of the screen at last,"
    second = "the two small purple rings followed it slowly to the top."
    assert texts(captions.cues(said(f"{first} {second}"), LIMITS, 60)) == [first, second]


def test_two_lines_are_about_as_long_as_each_other():
    (cue,) = captions.cues(
        said("The very large orange square goes slowly to the bottom."), LIMITS, 9
    )
    assert abs(len(cue.lines[0]) - len(cue.lines[1])) < 10


def test_no_cue_spans_a_pause():
    words = said("The ring stops") + said("and goes on.", start=4.0)
    cues = captions.cues(words, LIMITS, 10)
    assert texts(cues) == ["The ring stops", "and goes on."]
    assert cues[0].end < 4.0


def test_a_short_word_stays_long_enough_to_be_read():
    (cue,) = captions.cues(said("Yes.", start=1.0), LIMITS, 10)
    assert (cue.start, cue.end) == (1.0, 2.0)


def test_quick_speech_stays_on_screen_into_the_pause_after_it():
    words = said("extraordinarily complicated terminology notwithstanding", pace=0.25)
    (cue,) = captions.cues(words, LIMITS, 30)
    assert cue.end == pytest.approx(captions.columns(cue.lines[0] + cue.lines[1]) / 17, abs=0.1)


def test_a_last_word_at_the_very_end_comes_up_early_rather_than_flashing_by():
    (cue,) = captions.cues(said("End.", start=9.7), LIMITS, 10.0)
    assert (cue.start, cue.end) == (9.0, 10.0)


def test_a_word_stretched_by_the_aligner_does_not_exceed_the_longest_time():
    word = Word(text=" Hm.", start=1, end=55, probability=0.1)
    (cue,) = captions.cues([word], LIMITS, 60)
    assert cue.end - cue.start == LIMITS.max_s


def test_times_that_run_backwards_or_past_the_end_are_corrected():
    words = [
        Word(text=" One.", start=10, end=11, probability=1),
        Word(text=" Two.", start=2, end=3, probability=1),
        Word(text=" Three.", start=99, end=100, probability=1),
    ]
    cues = captions.cues(words, LIMITS, 20)
    assert " ".join(texts(cues)) == "One. Two. Three."
    assert cues[0].start == 10
    assert all(a.end <= b.start for a, b in pairwise(cues))
    assert cues[-1].end <= 20


def test_words_that_run_backwards_into_another_cue_are_all_shown():
    sentences = (
        "The red star moves to the left of the ring.",
        "Two blue rings fall down after it.",
    )
    words = said(sentences[0], start=10) + said(sentences[1], start=2)
    cues = captions.cues(words, LIMITS, 30)
    assert texts(cues) == list(sentences)
    assert cues[0].start == 10


def test_full_width_characters_count_double_and_are_not_spaced():
    words = [
        Word(text=c, start=i / 4, end=i / 4 + 0.25, probability=1)
        for i, c in enumerate("赤い星" * 9)
    ]
    cues = captions.cues(words, LIMITS, 30)
    assert all(len(line) <= 21 for cue in cues for line in cue.lines)
    assert "赤い星赤い星" in cues[0].lines[0]


def test_control_characters_and_line_breaks_cannot_break_the_files():
    word = Word(text=" a\n\n00:00:01.000 --> b\x00\x1b\u202e.", start=0, end=1, probability=1)
    (cue,) = captions.cues([word], LIMITS, 5)
    assert cue.lines == ("a 00:00:01.000 --> b.",)


def clock(seconds):
    moment = datetime.min.replace(tzinfo=UTC) + timedelta(seconds=seconds)
    return moment.isoformat(timespec="milliseconds")[11:23]


HOSTILE = "<b>5 & 6</b> --> {\\an8}x &amp; <00:01.000>y."


def test_webvtt_reads_back_as_written_by_another_library(tmp_path):
    cues = captions.cues(said(f"Tom & Jerry <3 x. {HOSTILE}"), LIMITS, 3700)
    path = tmp_path / "captions.vtt"
    path.write_text(captions.to_vtt(cues), encoding="utf-8")
    read = list(webvtt.read(path))
    assert [(cue.start, cue.end, cue.text) for cue in read] == [
        (clock(cue.start), clock(cue.end), html.escape("\n".join(cue.lines), quote=False))
        for cue in cues
    ]
    assert "&lt;b&gt;5 &amp; 6&lt;/b&gt; --&gt;" in path.read_text(encoding="utf-8")
    assert path.read_text(encoding="utf-8").count("-->") == len(cues)


def test_subrip_reads_back_as_written_by_another_library(tmp_path):
    cues = captions.cues(said(f"Tom & Jerry. {HOSTILE}", start=3600), LIMITS, 3700)
    path = tmp_path / "captions.srt"
    path.write_text(captions.to_srt(cues), encoding="utf-8")
    read = pysubs2.load(str(path))
    assert [(event.start, event.end) for event in read] == [
        (round(cue.start * 1000), round(cue.end * 1000)) for cue in cues
    ]
    shown = "".join(event.plaintext for event in read).replace("\n", " ")
    assert "‹b›5 & 6‹/b› --›" in shown
    assert "an8" in shown


def test_no_words_are_valid_files(tmp_path):
    assert captions.cues([], LIMITS, 10) == []
    path = tmp_path / "empty.vtt"
    path.write_text(captions.to_vtt([]))
    assert list(webvtt.read(path)) == []
    assert captions.to_srt([]) == ""


def test_joiners_and_direction_marks_stay_and_what_falsifies_text_goes():
    words = said("می\u200cخواهم \ufeffيمين\u200f ev\u202eil Donau\u00addampfer")
    (cue,) = captions.cues(words, LIMITS, 10)
    assert " ".join(cue.lines) == "می\u200cخواهم يمين\u200f evil Donau\u00addampfer"
    for text in (captions.to_vtt([cue]), captions.to_srt([cue])):
        assert "\u200c" in text
        assert "\u200f" in text


def test_text_that_cannot_be_seen_makes_no_cue():
    assert captions.cues(said("\u200b \u00ad"), LIMITS, 10) == []
